/** Long because every state of an owner the check tells apart, beside what plants it. */
import { linkSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/engine/diagnose.ts";
import {
  deadPayload,
  makeSandbox,
  onLinux,
  type Payload,
  recorded,
  type Sandbox,
  SESSION,
  setAge,
  startHolder,
  temporaryFolder,
} from "../engine/sandbox.ts";

const HOUR = 3_600_000;

async function look(sandbox: Sandbox, options: Parameters<typeof diagnose>[0] = {}) {
  return (await diagnose({ ...sandbox.options, ...options })).findings;
}

/** The one finding; its sentence must name the session and the agent. */
async function only(sandbox: Sandbox, options: Parameters<typeof diagnose>[0] = {}) {
  const findings = await look(sandbox, options);
  expect(findings.map((finding) => finding.message)).toHaveLength(1);
  const [finding] = findings;
  if (finding === undefined) throw new Error("unreachable");
  expect(finding.checkId).toBe("vitals/stale-lock");
  expect(finding.message).toContain(SESSION);
  expect(finding.message).toContain("`coder`");
  expect(finding.target).toBe(`agent coder, session ${SESSION}`);
  expect(finding.evidence.length).toBeGreaterThan(0);
  return finding;
}

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

describe("an owner that is gone", () => {
  test.each(["2026.4.15", "2026.5.22", "2026.5.22-macos"])(
    "a killed owner, payload as %s writes it",
    async (fixture) => {
      const sandbox = makeSandbox();
      const payload = await deadPayload(`stale-lock/${fixture}`);
      const file = sandbox.plant({ payload });
      const finding = await only(sandbox);
      expect(finding).toMatchObject({
        severity: "error",
        verdict: "gone",
        confidence: "proven",
        path: file,
        fix: { id: "stale-lock", risk: "safe" },
      });
      expect(finding.message).toBe(
        `Session ${SESSION} in agent \`coder\` cannot run: process ${payload.pid}, which holds its lock, is gone.`,
      );
      expect(finding.fixHint).toContain("openclaw doctor --fix");
      expect(finding.evidence).toContainEqual({ what: "pid in the lock", value: payload.pid, source: "lock payload" });
    },
  );

  test("the fingerprint stays for the same lock and changes with its content", async () => {
    const sandbox = makeSandbox();
    const payload = await deadPayload();
    const file = sandbox.plant({ payload });
    const { id } = await only(sandbox);
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect((await only(sandbox)).id).toBe(id);
    writeFileSync(file, JSON.stringify({ ...payload, maxHoldMs: 1 }));
    expect((await only(sandbox)).id).not.toBe(id);
  });

  test("a topic's session is named with its topic", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload(), session: `${SESSION}-topic-7` });
    const [finding] = await look(sandbox);
    expect(finding?.message).toContain(`Session ${SESSION}-topic-7 in agent \`coder\` cannot run`);
    expect(finding?.target).toBe(`agent coder, session ${SESSION}-topic-7`);
  });

  test("an agent the config does not name is looked at like any other", async () => {
    const sandbox = makeSandbox();
    sandbox.writeConfig({ agents: { list: [{ id: "main" }] } });
    sandbox.plant({ payload: await deadPayload() });
    await only(sandbox);
  });

  test("a custom store with {agentId}, for a named agent and for one no config names any more", async () => {
    const sandbox = makeSandbox();
    const store = path.join(temporaryFolder(), "store");
    sandbox.writeConfig({ session: { store: path.join(store, "{agentId}", "sessions.json") } });
    const payload = await deadPayload();
    const file = sandbox.plant({ payload, dir: path.join(store, "coder") });
    expect((await only(sandbox)).path).toBe(file);
  });

  test("a custom store for all agents", async () => {
    const sandbox = makeSandbox();
    const store = temporaryFolder();
    sandbox.writeConfig({ session: { store: path.join(store, "sessions.json") } });
    const file = sandbox.plant({ payload: await deadPayload(), dir: store });
    const [finding] = await look(sandbox);
    expect(finding).toMatchObject({ path: file, verdict: "gone", target: `agent main, session ${SESSION}` });
  });

  test("a symlinked agent folder is looked at once, under its real path", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload() });
    const elsewhere = path.join(temporaryFolder(), "moved");
    renameSync(path.join(sandbox.stateDir, "agents", "coder"), elsewhere);
    symlinkSync(elsewhere, path.join(sandbox.stateDir, "agents", "coder"));
    symlinkSync(elsewhere, path.join(sandbox.stateDir, "agents", "twin"));
    expect((await only(sandbox)).path).toBe(path.join(elsewhere, "sessions", `${SESSION}.jsonl.lock`));
  });
});

describe.runIf(onLinux)("an owner that lives", () => {
  /** A payload of a live owner whose lock was made just now, after it started. */
  const own = ({ pid, starttime }: Payload, change: Partial<Payload> = {}): Payload =>
    recorded("stale-lock/2026.5.22", {
      pid,
      ...(starttime === undefined ? {} : { starttime }),
      createdAt: ago(0),
      ...change,
    });

  async function heldLock(change: Partial<Payload> = {}, ageMs?: number, title = "openclaw") {
    const sandbox = makeSandbox();
    const holder = await startHolder(title);
    mkdirSync(sandbox.sessions(), { recursive: true });
    const file = path.join(sandbox.sessions(), `${SESSION}.jsonl.lock`);
    writeFileSync(file.replace(/\.lock$/, ""), "{}\n");
    await holder.take(file, own(holder, change));
    if (ageMs !== undefined) setAge(file, ageMs);
    return { sandbox, holder, file };
  }

  test.each(["openclaw", "openclaw-gateway", "openclaw-agent"])(
    "%s holds it, descriptor open: no finding",
    async (title) => {
      const { sandbox } = await heldLock({}, HOUR, title);
      expect(await look(sandbox)).toEqual([]);
    },
  );

  test("past its own maxHoldMs, descriptor open: overdue, with no repair", async () => {
    const { sandbox, holder } = await heldLock({ maxHoldMs: 1 }, HOUR);
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ verdict: "overdue", severity: "error", fix: null });
    expect(finding.message).toContain(`process ${holder.pid} has held its lock longer than its own limit`);
    expect(finding.fixHint, "no gateway of this state dir").toContain(`stop process ${holder.pid}`);
    expect(finding.fix).toBeNull();
  });

  test("descriptor closed long after it was made: leaked, needs a yes", async () => {
    const { sandbox, holder, file } = await heldLock({}, HOUR);
    await holder.letGo(file);
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ verdict: "leaked", severity: "error", fix: { risk: "confirm" } });
    expect(finding.message).toContain(`process ${holder.pid} runs but let go of the lock`);
  });

  test("descriptor just closed, within the grace: no finding", async () => {
    const { sandbox, holder, file } = await heldLock();
    await holder.letGo(file);
    expect(await look(sandbox)).toEqual([]);
  });

  test("killed while holding it: gone", async () => {
    const { sandbox, holder } = await heldLock();
    await holder.kill();
    expect(await only(sandbox)).toMatchObject({ verdict: "gone", fix: { risk: "safe" } });
  });

  test("another process has the number now (another start time): gone, although it is OpenClaw", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    sandbox.plant({ payload: own(holder, { starttime: holder.starttime - 1 }) });
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ verdict: "gone", confidence: "proven", fix: { risk: "safe" } });
    expect(finding.message).toContain(`names process ${holder.pid}, but that number belongs to another process now`);
  });

  test("no start time, and the process with its pid started later (#60015): gone", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    sandbox.plant({ payload: recorded("stale-lock/2026.5.22-macos", { pid: holder.pid, createdAt: ago(HOUR) }) });
    expect(await only(sandbox)).toMatchObject({ verdict: "gone", fix: { risk: "safe" } });
  });

  test("no start time, and the process with its pid started before: not gone", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    sandbox.plant({ payload: recorded("stale-lock/2026.5.22-macos", { pid: holder.pid, createdAt: ago(0) }) });
    expect(await look(sandbox)).toEqual([]);
  });

  test("a live process that is not OpenClaw, start time as in the payload: kept and reported", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder("postgres");
    sandbox.plant({ payload: own(holder), ageMs: HOUR });
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ verdict: "unknown", severity: "warning", fix: null });
    expect(finding.message).toContain(`process ${holder.pid}, which runs but is not OpenClaw`);
  });

  test("no start time, a clock set forward since, and a live holder that does not look like OpenClaw: not gone", async () => {
    const { sandbox, holder, file } = await heldLock({}, HOUR, "my-embedding");
    const { starttime: _starttime, ...bare } = own(holder, { createdAt: ago(HOUR) });
    writeFileSync(file, JSON.stringify(bare));
    setAge(file, HOUR);
    for (const finding of await look(sandbox)) expect(finding.verdict).not.toBe("gone");
  });

  test("a future createdAt of a dead owner: gone, and the clock is spoken of", async () => {
    const sandbox = makeSandbox();
    const dead = await deadPayload();
    sandbox.plant({ payload: { ...dead, createdAt: ago(-HOUR) } });
    const finding = await only(sandbox);
    expect(finding.verdict).toBe("gone");
    expect(finding.evidence.map(({ what }) => what)).toContain("lock created in the future: a clock was changed");
  });
});

describe("a lock that names no owner", () => {
  const contents: readonly (readonly [string, string | Uint8Array])[] = [
    ["empty", ""],
    ["half written", '{"pid": 42'],
    ["not an object", "[1]"],
    ["not UTF-8", Uint8Array.of(0xff, 0xfe, 0x7b)],
    ["pid 0", '{"pid":0}'],
    ["a negative pid", '{"pid":-1}'],
    ["a pid in quotes", '{"pid":"1"}'],
    ["a huge pid", '{"pid":1e15}'],
  ];

  test.each(contents)("%s, fresh: no finding", async (_name, raw) => {
    const sandbox = makeSandbox();
    sandbox.plant({ raw });
    expect(await look(sandbox)).toEqual([]);
  });

  test.each(contents)("%s, old: gone", async (_name, raw) => {
    const sandbox = makeSandbox();
    sandbox.plant({ raw, ageMs: 31_000 });
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ severity: "error", verdict: "gone", confidence: "likely" });
    expect(finding.message).toContain("its lock names no owner and has not changed since");
  });

  test.runIf(onLinux)("empty and old, but a live OpenClaw has it open: no finding", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    const file = path.join(sandbox.sessions(), `${SESSION}.jsonl.lock`);
    mkdirSync(sandbox.sessions(), { recursive: true });
    await holder.take(file, { pid: holder.pid });
    writeFileSync(file, "");
    setAge(file, HOUR);
    expect(await look(sandbox)).toEqual([]);
  });

  test("2 GB of holes are not read", async () => {
    const sandbox = makeSandbox();
    const file = sandbox.plant({ raw: "" });
    const { truncateSync } = await import("node:fs");
    truncateSync(file, 2 ** 31);
    setAge(file, HOUR);
    expect((await only(sandbox)).evidence).toContainEqual(
      expect.objectContaining({ what: "payload", value: `${2 ** 31} bytes long` }),
    );
  });
});

describe("what is no plain lock", () => {
  async function reported(make: (file: string) => void, sentence: RegExp) {
    const sandbox = makeSandbox();
    mkdirSync(sandbox.sessions(), { recursive: true });
    writeFileSync(path.join(sandbox.sessions(), `${SESSION}.jsonl`), "{}\n");
    const file = path.join(sandbox.sessions(), `${SESSION}.jsonl.lock`);
    make(file);
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ verdict: "unknown", severity: "warning", fix: null, path: file });
    expect(finding.message).toMatch(sentence);
  }

  test("a directory", () => reported((file) => mkdirSync(file), /a directory stands where its lock should be/));

  test("a symbolic link to a dead owner's lock is not followed", async () => {
    const payload = await deadPayload();
    await reported((file) => {
      writeFileSync(`${file}.target`, JSON.stringify(payload));
      symlinkSync(`${file}.target`, file);
    }, /a symbolic link stands where its lock should be/);
  });

  test("a dangling symbolic link", () =>
    reported((file) => symlinkSync("/nonexistent/x", file), /a symbolic link stands where/));

  test("a hard link to a dead owner's lock", async () => {
    const payload = await deadPayload();
    await reported((file) => {
      writeFileSync(`${file}.other`, JSON.stringify(payload));
      linkSync(`${file}.other`, file);
    }, /its lock is a link to another file/);
  });
});

describe("on a host that keeps sessions in a database", () => {
  test("a dead owner's lock is residue: info, cleared without asking", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload() });
    const diagnosis = await diagnose({ ...sandbox.options, hostVersion: "2026.9.6" });
    expect(diagnosis.ok).toBe(true);
    const finding = await only(sandbox, { hostVersion: "2026.9.6" });
    expect(finding).toMatchObject({ verdict: "residue", severity: "info", fix: { risk: "safe" } });
    expect(finding.message).toContain("OpenClaw 2026.9.6 keeps sessions in a database");
  });

  test("without a transcript it is residue too, reported here and once", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload(), transcript: false });
    expect(await only(sandbox, { hostVersion: "2026.9.6" })).toMatchObject({ verdict: "residue" });
  });

  test.runIf(onLinux)("a lock a live process holds is no residue", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    mkdirSync(sandbox.sessions(), { recursive: true });
    await holder.take(path.join(sandbox.sessions(), `${SESSION}.jsonl.lock`), {
      pid: holder.pid,
      starttime: holder.starttime,
      createdAt: ago(0),
    });
    expect(await look(sandbox, { hostVersion: "2026.9.6" })).toEqual([]);
  });
});

test("nothing is written by looking", async () => {
  const sandbox = makeSandbox();
  sandbox.plant({ payload: await deadPayload() });
  await only(sandbox);
  expect(readdirSync(sandbox.stateDir)).toEqual(["agents"]);
});

test("several locks: one finding each, and those of live or fresh owners are left out", async () => {
  const sandbox = makeSandbox();
  const payload = await deadPayload();
  const dead = ["a", "b", "c"].map((session) => sandbox.plant({ session, payload }));
  sandbox.plant({ session: "fresh", raw: "" });
  expect((await look(sandbox)).map((finding) => finding.path)).toEqual(dead);
});
