/**
 * Repairs of the config the whole way through: found, planned, written, looked at again and taken back.
 * Long because the whole way of a repair is walked for each file layout and each reason to write nothing.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findEntry } from "../../src/engine/catalogue.ts";
import { hostCheck } from "../../src/host/health-checks.ts";
import { history, type RepairOptions, type RepairReport, repair, undo } from "../../src/index.ts";
import { deadPid, inventory, payload, put, tempDir } from "../facts/sandbox.ts";

const MAIN = "openclaw.json";
const RETRIES = "agents.defaults.runRetries";
const SUBAGENTS = "agents.defaults.subagents.runTimeoutSeconds";

/** A state dir with these files, and what is done to it. */
function state(files: Record<string, string>, given: RepairOptions = {}) {
  const stateDir = path.join(tempDir(), ".openclaw");
  for (const [name, text] of Object.entries(files)) put(path.join(stateDir, name), text);
  const { env, ...rest } = given;
  const options: RepairOptions = {
    stateDir,
    hostVersion: "2026.5.22",
    only: ["retry-ceiling"],
    env: { OPENCLAW_GATEWAY_PORT: "1", ...env },
    ...rest,
  };
  return {
    stateDir,
    at: (name = MAIN) => path.join(stateDir, name),
    text: (name = MAIN) => readFileSync(path.join(stateDir, name), "utf8"),
    texts: () =>
      Object.fromEntries(Object.keys(files).map((name) => [name, readFileSync(path.join(stateDir, name), "utf8")])),
    names: () => readdirSync(stateDir).sort(),
    fix: async (more: RepairOptions = {}) => await repair({ ...options, ...more }),
    undo: async (run: string | null, only?: number[]) =>
      (await undo({ stateDir, ...(run === null ? {} : { run }), ...(only === undefined ? {} : { only }) })).map(
        ({ n, status }) => `${n} ${status}`,
      ),
  };
}

const said = (reports: readonly RepairReport[]): string[] =>
  reports.map(({ target, status, reason }) => [target, status, reason].filter(Boolean).join(": "));

const HIGH = `{
  // our numbers
  agents: { defaults: { runRetries: { min: 160, max: 200 } } }, // "high" on purpose
}
`;
const LOW = HIGH.replace("160", "32").replace("200", "32");

describe("a repair of the config", () => {
  test("lowers min and max in one write, and undo brings every byte back", async () => {
    const made = state({ [MAIN]: HIGH });
    const { ok, run, repairs, remaining } = await made.fix();
    expect(said(repairs)).toEqual([`${RETRIES}: repaired`]);
    expect(repairs[0]?.changes).toEqual([
      `set ${RETRIES}.min to 32`,
      `set ${RETRIES}.max to 32`,
      "a running gateway heeds it from the next run on",
    ]);
    expect([ok, remaining]).toEqual([true, []]);
    expect(made.text()).toBe(LOW);
    expect(made.names()).toEqual([MAIN, "vitals"]);
    const [past] = history(made.stateDir);
    expect(past?.repairs).toMatchObject([{ n: 1, kind: "config", state: "done", path: made.at(), canUndo: true }]);
    expect(readFileSync(past?.repairs[0]?.keptAt ?? "", "utf8")).toBe(HIGH);
    expect(await made.undo(run)).toEqual(["1 restored"]);
    expect(made.text()).toBe(HIGH);
    expect(await made.undo(null)).toEqual([]);
  });

  test("keeps BOM, CRLF, comments and odd quoting", async () => {
    const text = `\uFEFF${HIGH.replace("agents:", "'agents':").replaceAll("\n", "\r\n")}`;
    const made = state({ [MAIN]: text });
    expect(said((await made.fix()).repairs)).toEqual([`${RETRIES}: repaired`]);
    expect(made.text()).toBe(text.replace("160", "32").replace("200", "32"));
  });

  test("heeds the policy's ceiling", async () => {
    const made = state({ [MAIN]: HIGH, "vitals.config.json": '{ "retries": { "ceiling": 100 } }' });
    await made.fix();
    expect(made.text()).toBe(HIGH.replace("160", "100").replace("200", "100"));
    const generous = state({ [MAIN]: HIGH, "vitals.config.json": '{ "retries": { "ceiling": 200 } }' });
    expect((await generous.fix()).repairs).toEqual([]);
  });

  test("writes the file that owns the key, and the main one stays as it is", async () => {
    const made = state({ [MAIN]: '{ $include: "./agents.json5", gateway: {} }', "agents.json5": HIGH });
    const { run, repairs } = await made.fix();
    expect(repairs).toMatchObject([{ status: "repaired", path: made.at("agents.json5") }]);
    expect(repairs[0]?.diffs.map((diff) => diff.path)).toEqual([made.at("agents.json5")]);
    expect(made.texts()).toEqual({ [MAIN]: '{ $include: "./agents.json5", gateway: {} }', "agents.json5": LOW });
    await made.undo(run);
    expect(made.text("agents.json5")).toBe(HIGH);
  });

  test("that concerns two files writes both; undo takes both back", async () => {
    const files = {
      [MAIN]: '{ $include: "./a.json5", agents: { defaults: { runRetries: { min: 100 } } } }',
      "a.json5": "{ agents: { defaults: { runRetries: { max: 200 } } } }",
    };
    const made = state(files);
    const { run, repairs } = await made.fix();
    expect(said(repairs)).toEqual([`${RETRIES}: repaired`]);
    expect(made.texts()).toEqual({
      [MAIN]: files[MAIN]?.replace("100", "32"),
      "a.json5": files["a.json5"].replace("200", "32"),
    });
    expect(await made.undo(run)).toEqual(["1 restored", "2 restored"]);
    expect(made.texts()).toEqual(files);
  });

  test("behind a link writes its target; the link stays", async () => {
    const made = state({ "real/config.json5": HIGH });
    symlinkSync(path.join("real", "config.json5"), made.at());
    const { run, repairs } = await made.fix();
    expect(said(repairs)).toEqual([`${RETRIES}: repaired`]);
    expect(lstatSync(made.at()).isSymbolicLink()).toBe(true);
    expect(made.text("real/config.json5")).toBe(LOW);
    await made.undo(run);
    expect(made.text("real/config.json5")).toBe(HIGH);
  });

  test("of what the host chose by itself sets it where it belongs", async () => {
    const made = state({ [MAIN]: "{ agents: { defaults: { timeoutSeconds: 60 } } }" }, { only: ["unbounded-timeout"] });
    expect(said((await made.fix()).repairs)).toEqual([`${SUBAGENTS}: skipped: it needs a yes: run again with --yes`]);
    expect(said((await made.fix({ yes: true })).repairs)).toEqual([`${SUBAGENTS}: repaired`]);
    expect(made.text()).toBe(
      "{ agents: { defaults: { timeoutSeconds: 60, subagents: { runTimeoutSeconds: 3600 } } } }",
    );
  });
});

const THREE =
  '{ web: { reconnect: { maxAttempts: 50 } }, channels: { discord: { retry: { attempts: 99 } },\n  telegram: { botToken: "t0p", retry: { attempts: 70 } } } }\n';
const THREE_LOW = THREE.replace("99", "32").replace("50", "32").replace("70", "32");

describe("several findings in one file", () => {
  test("are all repaired in one run", async () => {
    const made = state({ [MAIN]: THREE });
    const { ok, run, repairs } = await made.fix();
    expect(repairs.map(({ status }) => status)).toEqual(["repaired", "repaired", "repaired"]);
    expect(ok).toBe(true);
    expect(made.text()).toBe(THREE_LOW);
    expect(await made.undo(run)).toEqual(["1 restored", "2 restored", "3 restored"]);
    expect(made.text()).toBe(THREE);
  });

  test.each([[[1, 2, 3]], [[3, 2, 1]], [[2, 3, 1]]])("are taken back together, asked for as %j", async (only) => {
    const made = state({ [MAIN]: THREE });
    const { run } = await made.fix();
    expect(await made.undo(run, only)).toEqual(["1 restored", "2 restored", "3 restored"]);
    expect(made.text()).toBe(THREE);
  });

  test("one at a time only the last one goes back: the ones before it are under it", async () => {
    const made = state({ [MAIN]: THREE });
    const { run } = await made.fix();
    expect(await made.undo(run, [1])).toEqual(["1 skipped"]);
    expect(made.text()).toBe(THREE_LOW);
    for (const n of [3, 2, 1]) expect(await made.undo(run, [n])).toEqual([`${n} restored`]);
    expect(made.text()).toBe(THREE);
  });
});

describe("nothing is written", () => {
  test("by a dry run, which shows the lines without a secret that is on them", async () => {
    const made = state({ [MAIN]: THREE });
    const before = inventory(made.stateDir);
    const { run, repairs } = await made.fix({ dryRun: true });
    expect(run).toBeNull();
    expect(repairs.map(({ status }) => status)).toEqual(["planned", "planned", "planned"]);
    expect(repairs[2]?.effects).toEqual([
      { kind: "config", action: "set to 32", target: "channels.telegram.retry.attempts" },
    ]);
    const [diff] = repairs[2]?.diffs ?? [];
    expect(diff).toMatchObject({ kind: "config", path: made.at() });
    expect(diff?.unifiedDiff).toMatch(/^-.*attempts: 70.*\n\+.*attempts: 32/m);
    expect(JSON.stringify(repairs)).not.toContain("t0p");
    expect(inventory(made.stateDir)).toEqual(before);
  });

  test("that the host would refuse all the same", async () => {
    const made = state({ [MAIN]: "{ cron: { retry: { maxAttempts: 99 } } }" });
    expect(said((await made.fix()).repairs)).toEqual([
      "cron.retry.maxAttempts: skipped: OpenClaw 2026.5.22 does not accept 32 for cron.retry.maxAttempts",
    ]);
    expect(made.names()).toEqual([MAIN]);
  });

  test.each(["OPENCLAW_CONFIG_READONLY", "OPENCLAW_NIX_MODE"])("with %s=1", async (name) => {
    const made = state({ [MAIN]: HIGH }, { env: { [name]: "1" } });
    const before = inventory(made.stateDir);
    const { ok, repairs } = await made.fix();
    expect(said(repairs)).toEqual([
      `${RETRIES}: skipped: the config is read-only here (${name}): change it where it comes from`,
    ]);
    expect(ok).toBe(false);
    expect(inventory(made.stateDir)).toEqual(before);
  });

  test("over a reference to the environment", async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a config refers to the environment like this
    const text = HIGH.replace("200", '"${MAX_ROUNDS}"');
    const made = state({ [MAIN]: text }, { env: { MAX_ROUNDS: "s3cret" } });
    const { repairs } = await made.fix();
    expect(said(repairs)).toEqual([
      `${RETRIES}: skipped: ${RETRIES}.max takes its value from the environment. Change the variable, or write the value in place of the reference yourself.`,
    ]);
    expect(made.text()).toBe(text);
  });

  test("where the value is another one than was judged", async () => {
    const made = state({ [MAIN]: HIGH });
    const other = HIGH.replace("200", "190");
    const { repairs } = await made.fix({
      consent: async (planned) => {
        writeFileSync(made.at(), other);
        return new Set(planned);
      },
    });
    expect(said(repairs)).toEqual([`${RETRIES}: skipped: it was changed since it was judged`]);
    expect(made.text()).toBe(other);
  });

  test("over what somebody else writes meanwhile; what they wrote before is kept", async () => {
    const made = state({ [MAIN]: HIGH });
    const { repairs } = await made.fix({
      onStep: (step) => step === "look again" && writeFileSync(made.at(), `${HIGH}// mine\n`),
    });
    expect(said(repairs)).toEqual([`${RETRIES}: failed: it was changed since it was read`]);
    expect(made.text()).toBe(`${HIGH}// mine\n`);
    expect(said((await made.fix()).repairs)).toEqual([`${RETRIES}: repaired`]);
    expect(made.text()).toBe(`${LOW}// mine\n`);
  });

  test("that would change other keys as well: it is rolled back", async () => {
    const files = { [MAIN]: `{ $include: "./o.json5", ${HIGH.slice(1)}`, "o.json5": "{ gateway: { port: 1 } }" };
    const made = state(files);
    const { run, repairs } = await made.fix({
      onStep: (step) => step === "replace" && writeFileSync(made.at("o.json5"), "{ gateway: { port: 2 } }"),
    });
    expect(said(repairs)).toEqual([`${RETRIES}: failed: other keys would change with it; rolled back`]);
    expect(made.texts()).toEqual({ ...files, "o.json5": "{ gateway: { port: 2 } }" });
    expect(history(made.stateDir)[0]?.repairs).toMatchObject([{ state: "kept", canUndo: false }]);
    expect(await made.undo(run)).toEqual([]);
  });

  test("to a file that is included at two places, as the other one would change with it", async () => {
    const files = {
      [MAIN]: '{ agents: { list: [{ id: "a", $include: "./r.json5" }, { id: "b", $include: "./r.json5" }] } }',
      "r.json5": "{ runRetries: { min: 90, max: 90 } }",
    };
    const made = state(files);
    const { repairs } = await made.fix();
    expect(repairs.map(({ status }) => status)).toEqual(["failed", "failed"]);
    expect(made.texts()).toEqual(files);
  });

  test("while another process holds the host's lock", async () => {
    const made = state({ [MAIN]: HIGH, [`${MAIN}.lock`]: payload(process.pid) });
    const { repairs } = await made.fix();
    expect(repairs).toMatchObject([
      { status: "skipped", reason: expect.stringMatching(/^another process is changing it/) },
    ]);
    expect(repairs[0]?.reason).toContain("fix --only config-lock");
    expect(made.texts()).toEqual({ [MAIN]: HIGH, [`${MAIN}.lock`]: payloadOf(made.text(`${MAIN}.lock`)) });
  });

  test("with the lock of an included file taken, on a host that has one", async () => {
    const made = state({
      [MAIN]: '{ $include: "./a.json5" }',
      "a.json5": "{ cron: { retry: {} } }",
      "a.json5.lock": "x",
    });
    expect((await made.fix({ hostVersion: "2026.9.6" })).repairs).toMatchObject([{ status: "skipped" }]);
    expect(made.names()).not.toContain(`${MAIN}.lock`);
    const old = state({ [MAIN]: '{ $include: "./a.json5" }', "a.json5": HIGH, "a.json5.lock": "x" });
    expect((await old.fix()).repairs, "an old host knows no such lock").toMatchObject([{ status: "repaired" }]);
  });
});

function payloadOf(text: string): string {
  expect(JSON.parse(text)).toMatchObject({ pid: process.pid });
  return text;
}

test("the lock of a dead process is taken away first, in the same run", async () => {
  const made = state({ [MAIN]: HIGH, [`${MAIN}.lock`]: payload(deadPid()) });
  const { repairs } = await made.fix({ only: ["retry-ceiling", "config-lock"] });
  expect(repairs.map(({ checkId, status }) => [checkId, status])).toEqual([
    ["vitals/config-lock", "repaired"],
    ["vitals/retry-ceiling", "repaired"],
  ]);
  expect(made.text()).toBe(LOW);
  expect(made.names()).toEqual([MAIN, "vitals"]);
});

test("what a killed run left of a lock goes; what is no such name or somebody's stays", async () => {
  const mine = `${MAIN}.lock.vitals-`;
  const names = [`${mine}${2 ** 22 + 1}`, `${mine}${process.ppid}`, `${mine}x`];
  const made = state({ [MAIN]: HIGH, ...Object.fromEntries(names.map((name) => [name, ""])) });
  await made.fix();
  expect(made.names()).toEqual([MAIN, ...names.slice(1), "vitals"].sort());
});

describe("in an update", () => {
  const updating = { OPENCLAW_UPDATE_IN_PROGRESS: "1" };

  test("what is safe is done inside the state dir, also without a yes", async () => {
    const made = state({ [MAIN]: HIGH }, { env: updating });
    expect(said((await made.fix()).repairs)).toEqual([`${RETRIES}: repaired`]);
    expect(made.text()).toBe(LOW);
  });

  test("what needs a yes is not, even with one", async () => {
    const text = "{ agents: { defaults: { subagents: { runTimeoutSeconds: 0 } } } }";
    const made = state({ [MAIN]: text }, { env: updating, only: ["unbounded-timeout"] });
    expect(said((await made.fix({ yes: true })).repairs)).toContain(`${SUBAGENTS}: skipped: not during an update`);
    expect(made.text()).toBe(text);
  });

  test("nothing outside of the state dir is touched", async () => {
    const outside = tempDir();
    const included = put(path.join(outside, "a.json5"), HIGH);
    const main = `{ $include: ${JSON.stringify(included)} }`;
    const made = state({ [MAIN]: main }, { env: { ...updating, OPENCLAW_INCLUDE_ROOTS: outside } });
    expect(said((await made.fix()).repairs)).toEqual([
      `${RETRIES}: skipped: ${included} lies outside of the state directory of this update`,
    ]);
    const configPath = put(path.join(outside, "elsewhere.json"), HIGH);
    expect(said((await made.fix({ configPath })).repairs)).toEqual([
      `${RETRIES}: skipped: ${configPath} lies outside of the state directory of this update`,
    ]);
    expect(readdirSync(outside).sort()).toEqual(["a.json5", "elsewhere.json"]);
    expect(readFileSync(included, "utf8")).toBe(HIGH);
  });
});

describe("keys that the host gave up", () => {
  test("are removed from every file that has them, and come back with undo", async () => {
    const files = {
      [MAIN]: `{
  $include: "./old.json5",
  agents: {
    defaults: {
      model: "a/b", // stays
      runRetries: { max: 20 },
    },
  },
  cron: { enabled: true, retry: { maxAttempts: 3 } },
}
`,
      "old.json5":
        "{\n  agents: { defaults: { runRetries: { min: 4 } } },\n  session: { writeLock: { acquireTimeoutMs: 1 } },\n}\n",
    };
    const made = state(files, { hostVersion: "2026.9.6" });
    const { ok, run, repairs } = await made.fix();
    expect(said(repairs).sort()).toEqual(
      ["cron.retry", RETRIES, "session.writeLock"].map((key) => `${key}: repaired`).sort(),
    );
    expect(ok).toBe(true);
    expect(made.text()).toBe(
      files[MAIN]?.replace("      runRetries: { max: 20 },\n", "").replace(", retry: { maxAttempts: 3 }", ""),
    );
    expect(made.text("old.json5")).not.toMatch(/runRetries|writeLock/);
    expect(repairs.every(({ changes }) => changes.length === 2)).toBe(true);
    expect((await made.undo(run)).every((line) => line.endsWith("restored"))).toBe(true);
    expect(made.texts()).toEqual(files);
  });

  test("stay on a host that has them", async () => {
    const made = state({ [MAIN]: "{ cron: { retry: { maxAttempts: 3 } } }" });
    expect((await made.fix()).repairs).toEqual([]);
  });
});

describe("under the host's own doctor", () => {
  const fixing = { repairs: true, data: false, nonInteractive: true, yes: false, force: false };
  const check = (id = "retry-ceiling") => hostCheck(findEntry(id), fixing, "run-of-the-doctor");
  const context = (made: ReturnType<typeof state>, cfg: Record<string, unknown>, more: object = {}) => ({
    cfg: { meta: { lastTouchedVersion: "2026.5.22" }, ...cfg },
    configPath: made.at(),
    env: { OPENCLAW_STATE_DIR: made.stateDir, OPENCLAW_GATEWAY_PORT: "1", PATH: "" },
    ...more,
  });
  const numbers = (min: number, max: number) => ({ agents: { defaults: { runRetries: { min, max }, model: "m" } } });

  test("the config is handed back changed, in its order, and no file is written", async () => {
    const made = state({ [MAIN]: JSON.stringify(numbers(160, 200)) });
    const ctx = context(made, numbers(160, 200));
    const findings = await check().detect(ctx);
    expect(findings).toHaveLength(1);
    const result = await check().repair(ctx, findings);
    expect(result).toMatchObject({
      status: "repaired",
      changes: [`Vitals: set ${RETRIES}.min to 32`, `Vitals: set ${RETRIES}.max to 32`, expect.any(String)],
      warnings: [],
      config: { meta: ctx.cfg.meta, ...numbers(32, 32) },
    });
    expect(JSON.stringify(result.config), "the order of the keys").toBe(
      JSON.stringify({ ...ctx.cfg, ...numbers(32, 32) }),
    );
    expect(result.changes.join(), "there is nothing in our journal to undo").not.toContain("vitals undo");
    expect(made.text()).toBe(JSON.stringify(numbers(160, 200)));
    expect(made.names().filter((name) => name.startsWith(MAIN))).toEqual([MAIN]);
    expect(history(made.stateDir)).toEqual([]);
    expect(ctx.cfg).toMatchObject(numbers(160, 200));
  });

  test("what an included file owns is skipped with the command that does it", async () => {
    const included = JSON.stringify(numbers(160, 200));
    const made = state({ [MAIN]: '{ $include: "./a.json5" }', "a.json5": included });
    const ctx = context(made, numbers(160, 200));
    const result = await check().repair(ctx, await check().detect(ctx));
    expect(result).not.toHaveProperty("config");
    expect(result.status).toBe("skipped");
    expect(result.warnings[0]).toContain(`it is set in ${made.at("a.json5")}, which is included`);
    expect(result.warnings[0]).toContain("run `openclaw vitals fix --only retry-ceiling`");
    expect(made.texts()).toEqual({ [MAIN]: '{ $include: "./a.json5" }', "a.json5": included });
  });

  test("a dry run hands back nothing", async () => {
    const made = state({ [MAIN]: JSON.stringify(numbers(160, 200)) });
    const result = await check().repair(context(made, numbers(160, 200), { dryRun: true }), []);
    expect(result).toMatchObject({ status: "skipped", reason: "dry run", diffs: [{ kind: "config" }] });
    expect(result).not.toHaveProperty("config");
  });

  test("notes are left out", async () => {
    const made = state({ [MAIN]: "{ agents: {} }" });
    expect(await check("unbounded-timeout").detect(context(made, { agents: {} }))).toEqual([]);
    const zero = { agents: { defaults: { subagents: { runTimeoutSeconds: 0 } } } };
    const found = await check("unbounded-timeout").detect(context(made, zero));
    expect(found.map(({ severity }) => severity)).toEqual(["warning"]);
  });
});

test("a config that is a folder is left alone", async () => {
  const made = state({ "agents/x": "" });
  mkdirSync(made.at());
  expect((await made.fix()).repairs).toEqual([]);
  expect(existsSync(made.at())).toBe(true);
});

describe("what OpenClaw chose by itself", () => {
  const text = "{ agents: { defaults: {} } }";
  test("is changed only when its check is named", async () => {
    const { fix, text: now } = state({ [MAIN]: text }, { yes: true, force: true });
    expect(await fix({ only: [] })).toMatchObject({ ok: true, run: null, repairs: [] });
    expect(now()).toBe(text);
    const named = await fix({ only: ["unbounded-timeout"] });
    expect(named.repairs).toMatchObject([{ status: "repaired", target: SUBAGENTS }]);
    expect(now()).toBe("{ agents: { defaults: { subagents: { runTimeoutSeconds: 3600 } } } }");
  });
});
