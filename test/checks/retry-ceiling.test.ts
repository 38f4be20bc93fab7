/** Long because the host's sum of retries is followed case by case, per agent and per number of profiles. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import JSON5 from "json5";
import { describe, expect, test } from "vitest";
import { retryCeilingDrafts } from "../../src/engine/config-findings.ts";
import type { ConfigChange } from "../../src/engine/config-plan.ts";
import { defaultPolicy, type Policy } from "../../src/engine/policy.ts";
import { RETIRED_AGENT_KEYS, RETIRED_KEYS } from "../../src/engine/retired-key-list.ts";
import { formatPath } from "../../src/facts/config-file.ts";
import { gatherFacts } from "../../src/facts/facts.ts";
import { diagnose } from "../../src/index.ts";
import { packageFile } from "../../src/package.ts";
import { inventory, put, tempDir } from "../facts/sandbox.ts";

const fixture = (name: string): string => readFileSync(packageFile(`test/fixtures/retry-ceiling/${name}`), "utf8");
const PROFILES = fixture("auth-profiles.json");

type Config = Record<string, unknown>;

interface State {
  config?: Config | string;
  /** Text of `auth-profiles.json`, by agent. */
  profiles?: Record<string, string>;
  version?: string | undefined;
  policy?: object;
}

function state({ config = {}, profiles = {}, policy }: State): string {
  const stateDir = path.join(tempDir(), ".openclaw");
  put(path.join(stateDir, "openclaw.json"), typeof config === "string" ? config : JSON.stringify(config));
  for (const [agent, text] of Object.entries(profiles)) {
    put(path.join(stateDir, "agents", agent, "agent", "auth-profiles.json"), text);
  }
  if (policy !== undefined) put(path.join(stateDir, "vitals.config.json"), JSON.stringify(policy));
  return stateDir;
}

async function look(given: State = {}) {
  const { version: hostVersion = "2026.5.22" } = given;
  return await diagnose({ stateDir: state(given), hostVersion, env: {}, only: ["retry-ceiling"] });
}

/** The edits by the key they are about. */
async function edits(given: State, policy: Policy = defaultPolicy): Promise<Record<string, readonly ConfigChange[]>> {
  const facts = gatherFacts({ stateDir: state(given), hostVersion: given.version ?? "2026.5.22", env: {} });
  const drafts = await retryCeilingDrafts(facts, policy);
  return Object.fromEntries(drafts.map((draft) => [formatPath(draft.key), draft.edits]));
}

/** A store with so many usable keys of one provider. */
function keys(count: number, provider = "anthropic"): string {
  const profiles = Array.from({ length: count }, (_, index) => [
    `${provider}:${index}`,
    { type: "api_key", provider, key: `planted-${index}` },
  ]);
  return JSON.stringify({ version: 1, profiles: Object.fromEntries(profiles) });
}

const DEFAULTS = "agents.defaults.runRetries";
const defaults = (runRetries: object): Config => ({ agents: { defaults: { runRetries } } });

describe("no finding", () => {
  test.each<[string, State]>([
    ["an empty config", {}],
    ["one sign-in and the host's own numbers", { profiles: { main: keys(1) } }],
    ["five sign-ins and a low max", { config: defaults({ min: 8, max: 32 }), profiles: { main: keys(5) } }],
    ["a max under 32 without a min, which does nothing", { config: defaults({ max: 4 }) }],
    ["retries of a newer host", { config: {}, profiles: { main: keys(17) }, version: "2026.9.6" }],
    [
      "retries the host has under the ceiling",
      { config: { cron: { retry: { maxAttempts: 10 } }, web: { reconnect: { maxAttempts: 0 } } } },
    ],
  ])("%s", async (_, given) => {
    expect((await look(given)).findings).toEqual([]);
  });

  test("nothing is written", async () => {
    const stateDir = state({ profiles: { main: PROFILES } });
    const before = inventory(stateDir);
    await diagnose({ stateDir, hostVersion: "2026.5.22", env: {}, only: ["retry-ceiling"] });
    expect(inventory(stateDir)).toEqual(before);
  });
});

describe("retries of runs on 2026.5.22", () => {
  test("five sign-ins and the host's own numbers: 64, with the arithmetic", async () => {
    const { ok, findings } = await look({ profiles: { main: PROFILES } });
    expect(ok).toBe(false);
    expect(findings).toMatchObject([
      {
        checkId: "vitals/retry-ceiling",
        severity: "warning",
        target: DEFAULTS,
        confidence: "proven",
        message: expect.stringContaining("Agent `main` repeats a run that fails up to 64 times"),
        evidence: [
          {
            what: "rounds of one run of main",
            value: "min(160, max(32, 24 + 5 × 8)) = 64",
            source: expect.stringContaining("OpenClaw's built-in numbers"),
          },
          { what: "auth profiles of anthropic that main can use", value: 5 },
          { what: "limit", value: 32, source: "policy retries.ceiling" },
        ],
      },
    ]);
  });

  test("the numbers of #86014: one finding for the defaults, one for the agent with its own", async () => {
    const { findings } = await look({ config: fixture("2026.5.22.json5"), profiles: { main: keys(17) } });
    expect(findings.map(({ target, message }) => [target, /\d+ times/.exec(message)?.[0]])).toEqual([
      [DEFAULTS, "160 times"],
      ["agents.list[2].runRetries", "160 times"],
      ["web.reconnect.maxAttempts", "50 times"],
    ]);
  });

  test("several agents over it are one finding, with the evidence of each", async () => {
    const config = {
      agents: { list: [{ id: "main" }, { id: "Ops" }, { id: "calm", runRetries: { min: 1, max: 8 } }] },
    };
    const { findings } = await look({ config, profiles: { main: keys(2), ops: keys(9, "openai") } });
    expect(findings).toMatchObject([
      { message: expect.stringContaining("Agent `ops` repeats a run that fails up to 96 times, 1 other agent") },
    ]);
    expect(findings[0]?.evidence.map(({ what }) => what)).toEqual([
      "rounds of one run of ops",
      "auth profiles of openai that ops can use",
      "rounds of one run of main",
      "auth profiles of anthropic that main can use",
      "limit",
    ]);
  });

  test.each<[string, object, ConfigChange[]]>([
    [
      "max alone when the min is no higher",
      { max: 160 },
      [{ path: ["agents", "defaults", "runRetries", "max"], set: 32 }],
    ],
    [
      "min and max together otherwise",
      { min: 100 },
      [
        { path: ["agents", "defaults", "runRetries", "min"], set: 32 },
        { path: ["agents", "defaults", "runRetries", "max"], set: 32 },
      ],
    ],
  ])("the repair sets %s", async (_, runRetries, expected) => {
    expect(await edits({ config: defaults(runRetries), profiles: { main: keys(5) } })).toEqual({
      [DEFAULTS]: expected,
    });
  });

  test("a ceiling under 32 lowers the min too, which is 32 unless set", async () => {
    const policy = { ...defaultPolicy, retries: { ceiling: 10 } };
    expect(await edits({}, policy)).toEqual({
      [DEFAULTS]: [
        { path: ["agents", "defaults", "runRetries", "min"], set: 10 },
        { path: ["agents", "defaults", "runRetries", "max"], set: 10 },
      ],
    });
  });

  test("the repaired numbers are no finding any more", async () => {
    for (const ceiling of [1, 10, 32, 100]) {
      for (const runRetries of [{}, { min: 64 }, { base: 300 }, { max: 500 }, { min: 200, max: 900 }]) {
        const policy = { ...defaultPolicy, retries: { ceiling } };
        const given = { config: defaults(runRetries), profiles: { main: keys(17) } };
        const made = (await edits(given, policy))[DEFAULTS] ?? [];
        expect(made, JSON.stringify({ ceiling, runRetries })).not.toEqual([]);
        const repaired = {
          ...runRetries,
          ...Object.fromEntries(made.map((edit) => [edit.path.at(-1), "set" in edit ? edit.set : null])),
        };
        expect(await edits({ ...given, config: defaults(repaired) }, policy)).toEqual({});
      }
    }
  });

  test("other retries: of cron, of the web channel, of messages to channels and their accounts", async () => {
    const config = {
      cron: { retry: { maxAttempts: 40 } },
      web: { reconnect: { maxAttempts: 33 } },
      channels: {
        telegram: { retry: { attempts: 99 }, accounts: { second: { retry: { attempts: 34 } } } },
        discord: { retry: { attempts: 3 } },
      },
    };
    expect(await edits({ config })).toEqual(
      Object.fromEntries(
        [
          ["cron", "retry", "maxAttempts"],
          ["web", "reconnect", "maxAttempts"],
          ["channels", "telegram", "retry", "attempts"],
          ["channels", "telegram", "accounts", "second", "retry", "attempts"],
        ].map((key) => [key.join("."), [{ path: key, set: 32 }]]),
      ),
    );
  });

  test("the ceiling is the policy's", async () => {
    const { findings } = await look({ profiles: { main: keys(5) }, policy: { retries: { ceiling: 63 } } });
    expect(findings).toMatchObject([
      { evidence: expect.arrayContaining([{ what: "limit", value: 63, source: "policy retries.ceiling" }]) },
    ]);
    expect((await look({ profiles: { main: keys(5) }, policy: { retries: { ceiling: 64 } } })).findings).toEqual([]);
  });

  test("broken sign-ins are said and not guessed at; no secret is shown", async () => {
    const { findings } = await look({ profiles: { main: '{"profiles": {"a": "sk-planted-secret"' } });
    expect(findings).toMatchObject([
      { checkId: "vitals/facts", message: expect.stringContaining("auth-profiles.json is not valid JSON") },
    ]);
    const shown = JSON.stringify([findings, (await look({ profiles: { main: PROFILES } })).findings]);
    expect(shown).not.toMatch(/planted|fixture-\d/);
  });

  test("sign-ins in the database of 2026.7 are counted as well", async () => {
    const stateDir = state({});
    const dir = path.join(stateDir, "agents", "main", "agent");
    mkdirSync(dir, { recursive: true });
    const db = new DatabaseSync(path.join(dir, "openclaw-agent.sqlite"));
    db.exec(
      "CREATE TABLE auth_profile_store (store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL)",
    );
    db.prepare("INSERT INTO auth_profile_store VALUES ('primary', ?, 0)").run(keys(3));
    db.close();
    const { findings } = await diagnose({ stateDir, hostVersion: "2026.7.35", env: {}, only: ["retry-ceiling"] });
    expect(findings).toMatchObject([{ message: expect.stringContaining("up to 48 times") }]);
  });
});

describe("retired keys", () => {
  test("on 2026.9.6 each is an error that says what it does to the whole config", async () => {
    const { ok, findings } = await look({ config: fixture("2026.5.22.json5"), version: "2026.9.6" });
    expect(ok).toBe(false);
    expect(findings.map(({ severity, target }) => [severity, target])).toEqual([
      ["error", "cron.retry"],
      ["error", "session.writeLock"],
      ["error", "web"],
      ["error", "agents.defaults.runRetries"],
      ["error", "agents.list[1].runRetries"],
      ["error", "agents.list[2].runRetries"],
    ]);
    expect(findings.find(({ target }) => target === "cron.retry")).toMatchObject({
      message:
        "OpenClaw 2026.9.6 refuses the whole config because of the retired key cron.retry: no command and no agent runs, and a gateway whose config includes files does not start.",
      fixHint: "Remove cron.retry; the built-in value applies.",
      confidence: "proven",
    });
  });

  test.each([
    ["2026.5.22", 0],
    ["2026.7.35", 0],
    ["2026.7.2-beta.7", 1],
    ["2026.8.1", 1],
    ["2026.9.6", 1],
  ])("OpenClaw %s: %i findings for a runRetries within the ceiling", async (version, count) => {
    expect((await look({ config: defaults({ max: 32 }), version })).findings).toHaveLength(count);
  });

  test("each is removed and nothing else, in the agents of either form", async () => {
    const config = {
      agents: { entries: { main: { runRetries: { max: 1 }, model: "a/b" } } },
      diagnostics: { stuckSessionWarnMs: 1, enabled: true },
    };
    expect(await edits({ config, version: "2026.9.6" })).toEqual({
      "diagnostics.stuckSessionWarnMs": [{ path: ["diagnostics", "stuckSessionWarnMs"], remove: true }],
      "agents.entries.main.runRetries": [{ path: ["agents", "entries", "main", "runRetries"], remove: true }],
    });
  });

  test("a section the newer host does not know goes as a whole, but not with something of use in it", async () => {
    const gone = { web: { reconnect: { maxAttempts: 3 }, heartbeatSeconds: 5 } };
    expect(await edits({ config: gone, version: "2026.9.6" })).toEqual({ web: [{ path: ["web"], remove: true }] });
    const config = { web: { ...gone.web, enabled: false } };
    expect(await edits({ config, version: "2026.9.6" })).toEqual({ web: [] });
    const { findings } = await look({ config, version: "2026.9.6" });
    expect(findings).toMatchObject([
      { target: "web", fix: null, fixHint: expect.stringContaining("openclaw doctor --fix") },
    ]);
  });

  test("what is no key of the list stays, whatever else is wrong with it", async () => {
    expect(
      await edits({
        config: { cron: { retryx: 1 }, session: { store: "x" }, meta: { lastTouchedAt: "x" } },
        version: "2026.9.6",
      }),
    ).toEqual({});
  });

  test("every key of the list is found where it can be", async () => {
    const build = (key: string): Config =>
      key.split(".").reduceRight<unknown>((value, name) => ({ [name === "*" ? "any" : name]: value }), 1) as Config;
    for (const key of RETIRED_KEYS)
      expect(Object.keys(await edits({ config: build(key), version: "2026.9.6" })), key).toHaveLength(1);
    for (const key of RETIRED_AGENT_KEYS) {
      const config = { agents: { defaults: build(key), list: [{ id: "a", ...build(key) }] } };
      expect(Object.keys(await edits({ config, version: "2026.9.6" })), key).toHaveLength(2);
    }
  });

  test("known only from the last writer of the config: likely", async () => {
    const config = { ...JSON5.parse<Config>(fixture("2026.5.22.json5")), meta: { lastTouchedVersion: "2026.9.6" } };
    const { findings } = await diagnose({ stateDir: state({ config }), env: { PATH: "" }, only: ["retry-ceiling"] });
    for (const finding of findings) expect(finding.confidence).toBe("likely");
    expect(findings).toHaveLength(6);
  });
});

test("a config that cannot be read is one finding, not many", async () => {
  const { findings } = await look({ config: "{ agents: ", profiles: { main: keys(5) } });
  expect(findings).toMatchObject([{ checkId: "vitals/facts" }]);
});
