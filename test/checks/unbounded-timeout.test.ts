/** Long because each place a config may leave without a bound is a case, in both eras. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { configTimeoutDrafts, cronTimeoutDrafts } from "../../src/engine/config-findings.ts";
import { defaultPolicy } from "../../src/engine/policy.ts";
import { formatPath } from "../../src/facts/config-file.ts";
import { gatherFacts } from "../../src/facts/facts.ts";
import { diagnose } from "../../src/index.ts";
import { packageFile } from "../../src/package.ts";
import { inventory, put, tempDir } from "../facts/sandbox.ts";

const fixture = (name: string): string => readFileSync(packageFile(`test/fixtures/unbounded-timeout/${name}`), "utf8");
const JOBS = fixture("2026.5.22-jobs.json");
const OLD = "2026.5.22";
const NEW = "2026.9.6";
const WAIT = "OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS";

type Config = Record<string, unknown>;

interface State {
  config?: Config | string;
  version?: string;
  /** Files of the state dir, by relative path. */
  files?: Record<string, string>;
  env?: NodeJS.ProcessEnv;
}

function state({ config = {}, files = {} }: State): string {
  const stateDir = path.join(tempDir(), ".openclaw");
  put(path.join(stateDir, "openclaw.json"), typeof config === "string" ? config : JSON.stringify(config));
  for (const [name, text] of Object.entries(files)) put(path.join(stateDir, name), text);
  return stateDir;
}

async function look(given: State = {}, stateDir = state(given)) {
  const { version: hostVersion = OLD, env = {} } = given;
  return await diagnose({ stateDir, hostVersion, env, only: ["unbounded-timeout"] });
}

/** Severity and target of each finding. */
async function found(given: State): Promise<string[]> {
  return (await look(given)).findings.map(({ severity, target }) => `${severity} ${target}`);
}

async function edits(given: State): Promise<Record<string, unknown>> {
  const { version: hostVersion = OLD, env = {} } = given;
  const drafts = await configTimeoutDrafts(gatherFacts({ stateDir: state(given), hostVersion, env }), defaultPolicy);
  return Object.fromEntries(drafts.map((draft) => [formatPath(draft.key), draft.edits]));
}

const bounded = { timeoutSeconds: 7200, subagents: { runTimeoutSeconds: 600 } };
const agents = (defaults: object): Config => ({ agents: { defaults: { ...bounded, ...defaults } } });
const AGENTS = "agents.defaults.timeoutSeconds";
const SUBAGENTS = "agents.defaults.subagents.runTimeoutSeconds";
const HEARTBEAT = "agents.defaults.heartbeat.timeoutSeconds";

describe.each([OLD, NEW])("OpenClaw %s", (version) => {
  test.each<[string, State]>([
    ["an install nobody has set up", {}],
    ["limits everywhere", { config: agents({}) }],
    [
      "jobs that say nothing",
      {
        config: agents({}),
        files: { "cron/jobs.json": JSON.stringify({ jobs: [{ id: "a", payload: { kind: "agentTurn" } }] }) },
      },
    ],
  ])("no finding: %s", async (_, given) => {
    expect((await look({ ...given, version })).findings).toEqual([]);
  });

  test("what OpenClaw chooses by itself is information, and leaves the exit code at 0", async () => {
    const given = { config: { agents: { defaults: { model: "a/b" } } }, version };
    expect(await found(given)).toEqual([`info ${AGENTS}`, `info ${SUBAGENTS}`]);
    const { ok, findings } = await look(given);
    expect(ok).toBe(true);
    expect(findings[0]).toMatchObject({
      fix: null,
      message: "A run of an agent may last 48 hours, which is OpenClaw's own limit.",
    });
  });

  test.each([0, 2_147_000, 9_999_999])(
    "sub-agents told to run for %i seconds: a warning, set to the policy's limit",
    async (seconds) => {
      const given = { config: agents({ subagents: { runTimeoutSeconds: seconds } }), version };
      expect(await found(given)).toEqual([`warning ${SUBAGENTS}`]);
      expect(await edits(given)).toEqual({ [SUBAGENTS]: [{ path: SUBAGENTS.split("."), set: 3600 }] });
    },
  );

  test("agents and commands told to run longer than a timer lasts have no limit", async () => {
    const config = {
      agents: {
        defaults: { ...bounded, timeoutSeconds: 2_147_000, heartbeat: { every: "0m" } },
        list: [{ id: "a", tools: { exec: { timeoutSec: 3_000_000 } } }],
      },
      tools: { exec: { timeoutSeconds: 2_147_000 } },
    };
    const own = ["agents", "list", 0, "tools", "exec", "timeoutSec"];
    expect(await edits({ config, version })).toEqual({
      [AGENTS]: [{ path: AGENTS.split("."), remove: true }],
      "tools.exec.timeoutSeconds": [{ path: ["tools", "exec", "timeoutSeconds"], remove: true }],
      "agents.list[0].tools.exec.timeoutSec": [{ path: own, remove: true }],
    });
    expect(new Set((await look({ config, version })).findings.map(({ severity }) => severity))).toEqual(
      new Set(["warning"]),
    );
  });
});

describe("what it costs", () => {
  test.each([
    [OLD, /does not even give up on a model that sends nothing/],
    ["2026.6.11", /until the gateway restarts\.$/],
    ["2026.7.35", /only a model that sends nothing is given up/],
    [NEW, /only a model that sends nothing is given up/],
  ])("on OpenClaw %s", async (version, cost) => {
    const { findings } = await look({ config: agents({ subagents: { runTimeoutSeconds: 0 } }), version });
    expect(findings[0]?.message).toMatch(cost);
  });
});

describe("agents told 0", () => {
  const zero = (more: object = {}, rest: object = {}): Config => ({
    agents: { defaults: { ...bounded, timeoutSeconds: 0, ...more }, ...rest },
  });

  test("2026.9.6 takes it for no limit, and so do the heartbeats", async () => {
    const given = { config: zero(), version: NEW };
    expect(await found(given)).toEqual([`warning ${AGENTS}`, `warning ${HEARTBEAT}`]);
    expect(await edits(given)).toEqual({ [AGENTS]: [{ path: AGENTS.split("."), remove: true }], [HEARTBEAT]: [] });
  });

  test("what is left to say after its removal is another finding, or the repair would count as failed", async () => {
    const told = (await look({ config: zero(), version: NEW })).findings;
    const rest = (await look({ config: zero({ timeoutSeconds: undefined }), version: NEW })).findings;
    expect(rest).toMatchObject([{ severity: "info", target: AGENTS, fix: null }]);
    expect(told.map(({ id }) => id)).not.toContain(rest[0]?.id);
  });

  test("2026.5.22 refuses such a config by itself", async () => {
    expect(await found({ config: zero(), version: OLD })).toEqual([]);
  });

  test.each<[string, Config, string | null]>([
    ["with a limit of their own", zero({ heartbeat: { timeoutSeconds: 60 } }), null],
    ["switched off", zero({ heartbeat: { every: "0m" } }), null],
    ["of all agents", zero({ heartbeat: { every: "1h" } }, { list: [{ id: "a" }, { id: "B" }] }), "`a`, `b`"],
    ["of the agents that have some", zero({}, { list: [{ id: "a" }, { id: "b", heartbeat: { every: "5m" } }] }), "`b`"],
    [
      "one of them bounded",
      zero({}, { entries: { a: { heartbeat: { timeoutSeconds: 5 } }, b: { heartbeat: {} } } }),
      "`b`",
    ],
  ])("heartbeats %s", async (_, config, named) => {
    const { findings } = await look({ config, version: NEW });
    const heartbeat = findings.find(({ target }) => target === HEARTBEAT);
    if (named === null) expect(heartbeat).toBeUndefined();
    else expect(heartbeat?.message).toContain(`Heartbeats of ${named} have no time limit`);
  });
});

describe("cron jobs", () => {
  const NONE = "0555a230-d452-46db-b1c4-fa987cbbeaf0";

  test("of 2026.5.22: the job with 0, with the command that mends it; no text of a job is shown", async () => {
    const given = { config: agents({}), files: { "cron/jobs.json": JOBS } };
    const { findings } = await look(given);
    expect(findings).toMatchObject([
      {
        severity: "warning",
        target: `cron job ${NONE}`,
        fixHint: `Run \`openclaw cron edit ${NONE} --timeout-seconds 3600\` while the gateway is running.`,
        evidence: expect.arrayContaining([expect.objectContaining({ what: "payload.timeoutSeconds", value: 0 })]),
      },
    ]);
    expect(JSON.stringify(findings)).not.toMatch(/job none|"hi"/);
    const drafts = await cronTimeoutDrafts(gatherFacts({ stateDir: state(given), hostVersion: OLD, env: {} }));
    expect(drafts.map(({ job, command }) => [job, command])).toEqual([
      [NONE, ["cron", "edit", NONE, "--timeout-seconds", "3600"]],
    ]);
  });

  test("of 2026.9.6: from the database, which stays as it is; a job that is off is left alone", async () => {
    const given = { config: agents({}), version: NEW };
    const stateDir = state(given);
    mkdirSync(path.join(stateDir, "state"));
    const db = new DatabaseSync(path.join(stateDir, "state", "openclaw.sqlite"));
    db.exec(fixture("2026.9.6.sql"));
    db.exec(
      "INSERT INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, updated_at) VALUES ('k', 'off', 'n', 0, 'agentTurn', '{\"payload\":{\"timeoutSeconds\":0}}', 0), ('k', 'broken', 'n', 1, 'agentTurn', '{', 0), ('k', 'sly; rm -rf', 'n', 1, 'agentTurn', '{\"payload\":{\"timeoutSeconds\":0}}', 0), ('k', 'script', 'n', 1, 'script', '{\"payload\":{\"timeoutSeconds\":0}}', 0)",
    );
    db.close();
    const before = inventory(stateDir);
    const { findings } = await look(given, stateDir);
    expect(findings.map(({ fixHint }) => /cron edit [^`]*/.exec(fixHint ?? "")?.[0]).sort()).toEqual([
      "cron edit a68690bc-0248-4002-adf4-5d8ef040610f --timeout-seconds 3600",
      "cron edit e1859597-adcd-4bf6-be16-ab3b528fa4e5 --timeout-seconds 3600",
      "cron edit script --script-timeout-seconds 3600",
    ]);
    expect(inventory(stateDir)).toEqual(before);
  });

  const job = (timeoutSeconds: unknown, kind = "agentTurn", more: object = {}) => ({
    id: "one",
    payload: { kind, timeoutSeconds },
    ...more,
  });

  test.each<[string, unknown, string | null]>([
    ["a negative limit", [job(-1)], "no time limit of its own: its runs end only with the limit of agents"],
    ["a limit no timer can hold", { jobs: [job(2_147_000)] }, "has no time limit:"],
    ["a limit", { jobs: [job(60)] }, null],
    ["a text for a limit", { jobs: [job("0")] }, null],
    ["a system event", { jobs: [job(0, "systemEvent")] }, null],
    ["a job that is off", { jobs: [job(0, "agentTurn", { enabled: false })] }, null],
    ["no list at all", { jobs: {} }, null],
  ])("%s", async (_, jobs, message) => {
    const { findings } = await look({ config: agents({}), files: { "cron/jobs.json": JSON.stringify(jobs) } });
    if (message === null) expect(findings).toEqual([]);
    else expect(findings[0]?.message).toContain(message);
  });

  test("where cron.store says they are", async () => {
    const stateDir = state({});
    const elsewhere = put(path.join(tempDir(), "jobs.json5"), `// mine\n${JOBS}`);
    put(path.join(stateDir, "openclaw.json"), JSON.stringify({ cron: { store: elsewhere } }));
    const { findings } = await look({}, stateDir);
    expect(findings).toMatchObject([{ path: elsewhere, target: `cron job ${NONE}` }]);
    const update = await look({ env: { OPENCLAW_UPDATE_IN_PROGRESS: "1" } }, stateDir);
    expect(update.findings).toEqual([]);
  });

  test("a broken file is said, without its text", async () => {
    const { findings } = await look({ config: agents({}), files: { "cron/jobs.json": '{"jobs": [{"id": "planted"' } });
    expect(findings).toMatchObject([
      { checkId: "vitals/facts", message: expect.stringContaining("jobs.json is not valid JSON") },
    ]);
    expect(JSON.stringify(findings)).not.toContain("planted");
  });
});

describe("a wait for write locks without an end", () => {
  test.each<[string, State, string, unknown]>([
    ["in the environment", { env: { [WAIT]: "Infinity" } }, "likely", []],
    ["in .env of the state dir", { files: { ".env": `A=1\nexport ${WAIT}="Infinity" # mine\n` } }, "proven", []],
    [
      "under env in the config",
      { config: { ...agents({}), env: { [WAIT]: "Infinity" } } },
      "proven",
      [{ path: ["env", WAIT], remove: true }],
    ],
    [
      "under env.vars in the config",
      { config: { ...agents({}), env: { vars: { [WAIT]: "9999999999" } } } },
      "proven",
      [{ path: ["env", "vars", WAIT], remove: true }],
    ],
  ])("%s", async (_, given, confidence, expected) => {
    const { findings } = await look(given);
    expect(findings).toMatchObject([{ severity: "warning", target: WAIT, confidence }]);
    expect(Object.values(await edits(given))).toEqual([expected]);
  });

  test.each<[string, State]>([
    ["one that ends", { env: { [WAIT]: "120000" } }],
    ["one that is no number", { env: { [WAIT]: "for ever" } }],
    [
      "the environment wins over the config",
      { env: { [WAIT]: "5000" }, config: { ...agents({}), env: { [WAIT]: "Infinity" } } },
    ],
    ["a host without write locks", { env: { [WAIT]: "Infinity" }, version: NEW }],
  ])("no finding: %s", async (_, given) => {
    expect((await look(given)).findings).toEqual([]);
  });
});

test("a config that cannot be read is one finding, not many", async () => {
  expect((await look({ config: "{ agents: " })).findings).toMatchObject([{ checkId: "vitals/facts" }]);
});
