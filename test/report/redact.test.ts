import path from "node:path";
import { fc, test as prop } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { createRedactor, MASK } from "../../src/report/redact.ts";
import { shareVersion } from "../../src/report/shared.ts";

const STATE = path.resolve("/home/quastel/.openclaw");
const SESSION = "b68174ac-1d06-4f19-a8f7-f055b2fa51af";

function redactor() {
  const made = createRedactor(STATE);
  made.learn("agent", "klabauter");
  made.learn("agent", "main");
  made.learn("session", SESSION);
  made.learn("session", "one");
  return made;
}

describe("text that is ours stays as it is", () => {
  test.each([
    "Run `openclaw-vitals fix` or `openclaw doctor --fix`; the lock is moved aside and can be put back.",
    "min(160, max(32, 24 + 5 × 8)) = 64",
    "2026-11-21T10:00:00.123Z",
    ">=2026.5.22 <2026.5.28 || 2026.7.1-2",
    "#86044, #85999",
    "4242, 1234",
    "/proc/4242/stat",
    "/proc/4242/task/4243/schedstat",
    "/readyz",
    "127.0.0.1:18789",
    "agents.list[0].runRetries",
    "channels.telegram.retry.attempts",
    "dead, not yet collected by its parent",
    "One model account cannot renew its OAuth token",
    "on its main thread",
  ])("%s", (text) => {
    expect(redactor().text(text)).toBe(text);
    expect(redactor().value(text)).toBe(text);
  });

  test.each([0, -3, 4_194_304, 0.611, true, false, null])("%s", (value) => {
    expect(redactor().value(value)).toBe(value);
  });
});

describe("names become pseudonyms, wherever they stand", () => {
  test.each([
    [`Session ${SESSION} in agent \`klabauter\` cannot run`, "Session session-1 in agent `agent-1` cannot run"],
    ["agent main, session one", "agent agent-2, session session-2"],
    ["rounds of one run of main", "rounds of one run of agent-2"],
    ["agents.entries.klabauter.runRetries", "agents.entries.agent-1.runRetries"],
    ["channels.telegram.accounts.work.retry", "channels.telegram.accounts.account-1.retry"],
    ['channels["+49 1512 3456789"].retry', 'channels["key-1"].retry'],
    [`${STATE}/agents/klabauter/sessions/${SESSION}.jsonl.lock`, "agents/agent-1/sessions/session-1.jsonl.lock"],
    [`\`mv ${STATE}/quatsch/kugelblitz.lock\``, "`mv folder-1/file-1.lock`"],
    [STATE, "the state dir"],
  ])("%s", (text, expected) => {
    expect(redactor().text(text)).toBe(expected);
  });
});

describe("anything else is masked", () => {
  test.each([
    ["kugelblitz@example.com", MASK],
    ["call +49 151 2345678 or 0151-2345678 or (0151) 2345678", MASK],
    ["192.168.178.47", MASK],
    ["sk-ant-api03-Qx", MASK],
    ["1234567890123", MASK],
    ["kugelblitz.fritz.box", MASK],
    ["Jürgen geht 🦞 nach Köln", MASK],
    ["/proc/4242/kugelblitz", "[path outside of the state dir]"],
    ["/home/kugelblitz/x", "[path outside of the state dir]"],
    ["C:\\Users\\kugelblitz\\x", "[path outside of the state dir]"],
    ["a\u001b[31mb", `a [${MASK}`],
  ])("%s", (text, expected) => {
    expect(redactor().text(text).replaceAll(` or ${MASK}`, "")).toBe(expected);
  });

  test("a value of which a part is masked is masked whole", () => {
    expect(redactor().value("python3 of kugelblitz")).toBe(MASK);
  });

  test("a number large enough to call somebody is rounded", () => {
    expect(redactor().value(4_915_198_765_432)).toBe(4_915_000_000_000);
  });

  // Letters that are in no word of the program, so that a part of the text is told from anything else.
  const secret = fc.stringMatching(/^[qxjz]{6,12}$/);
  prop.prop([secret, fc.string(), fc.string()], { numRuns: 200 })(
    "whatever stands around it",
    (word, before, after) => {
      const text = redactor().text(`${before} ${word} ${after}`);
      expect(text).not.toContain(word);
      expect(redactor().path(path.join(STATE, "agents", word, before.replaceAll("\0", "")))).not.toContain(word);
    },
  );
});

describe("paths", () => {
  test.each([
    ["agents/klabauter/agent/auth-profiles.json.lock", "agents/agent-1/agent/auth-profiles.json.lock"],
    [`agents/main/sessions/${SESSION}-topic-7.jsonl.lock`, "agents/agent-2/sessions/session-3.jsonl.lock"],
    ["openclaw.json", "openclaw.json"],
    ["cron/jobs.json", "cron/jobs.json"],
    ["kugelblitz.json5", "file-1.json5"],
    ["tmp/openclaw-1000/gateway.4f3a21bc.lock", "tmp/openclaw-[uid]/gateway.[hash].lock"],
    [
      `vitals/quarantine/20261121T101010Z-abcdef/12-${SESSION}.jsonl.lock`,
      "vitals/quarantine/20261121T101010Z-abcdef/12-session-1.jsonl.lock",
    ],
    ["", "."],
    ["../other/kugelblitz.json", "[outside]/file-1.json"],
  ])("%s", (file, expected) => {
    expect(redactor().path(path.join(STATE, file))).toBe(expected);
  });
});

test("an empty or very short path is found in nothing else", () => {
  const made = redactor();
  for (const file of ["", "/", "a"]) made.path(file);
  expect(made.text("its lock is gone: a/b")).toBe("its lock is gone: a/b");
});

test.each([
  ["2026.5.22", "2026.5.22"],
  ["2026.8.1-beta.1", "2026.8.1-beta.1"],
  ["2026.7.1-2", "2026.7.1-2"],
  ["2026.5.22\nkugelblitz", null],
  ["2026.5.22-kugelblitz", null],
  [null, null],
])("version %j", (version, expected) => {
  expect(shareVersion(version)).toBe(expected);
});
