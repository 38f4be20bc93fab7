import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { releaseOf } from "../../src/engine/catalogue.ts";
import { type Preflight, preflight } from "../../src/engine/preflight.ts";
import { refusedKeys } from "../../src/engine/preflight-config.ts";
import { formatPath } from "../../src/facts/config-file.ts";
import { deadPayload, makeSandbox, type Sandbox, setAge } from "./sandbox.ts";

const OLD = "2026.5.22";
const NEW = "2026.9.6";

// Under a Node that both accept, whichever runs the tests.
const { versions } = process;
beforeAll(() => void Object.defineProperty(process, "versions", { value: { ...versions, node: "24.21.0" } }));
afterAll(() => void Object.defineProperty(process, "versions", { value: versions }));

async function ask(sandbox: Sandbox, to = NEW, hostVersion: string = OLD): Promise<Preflight> {
  return await preflight({ stateDir: sandbox.stateDir, env: {}, hostVersion, to });
}

const of = (result: Preflight, level: string): string[] =>
  result.items.filter((one) => one.level === level).map(({ id }) => id);

describe("an install that is ready", () => {
  test("may go, and is told what would be gone", async () => {
    const sandbox = makeSandbox();
    const result = await ask(sandbox);
    expect(result).toMatchObject({ ok: true, verdict: "go", to: NEW, from: { version: OLD } });
    expect(of(result, "blocker")).toEqual([]);
    expect(of(result, "warning")).toEqual([]);
    expect(of(result, "ok")).toContain("hazards");
  });

  test("is told nothing of keys on a step that refuses none", async () => {
    const sandbox = makeSandbox();
    sandbox.writeConfig({ cron: { retry: { maxAttempts: 3 } } });
    for (const [from, to] of [[OLD, "2026.7.1"] as const, ["2026.8.1", NEW] as const])
      expect((await ask(sandbox, to, from)).items.filter(({ id }) => id === "config")).toEqual([]);
  });
});

describe("the config", () => {
  test("with keys the next version refuses is a warning that names them and their lines", async () => {
    const sandbox = makeSandbox();
    const file = path.join(sandbox.stateDir, "openclaw.json");
    writeFileSync(file, '{\n  // mine\n  meta: { lastTouchedAt: "x" },\n  cron: { retry: { maxAttempts: 3 } },\n}\n');
    const [item] = (await ask(sandbox)).items;
    expect(item).toMatchObject({ id: "config", level: "warning" });
    expect(item?.evidence.map(({ value, source }) => `${value} ${source}`)).toEqual([
      `meta.lastTouchedAt ${file}, line 3`,
      `cron.retry ${file}, line 4`,
    ]);
    expect(item?.remedy).toContain("fix --only retry-ceiling --host-version 2026.9.6");
  });

  test.each([
    ["in an included file", '{ cron: { $include: "./more.json" }, meta: {} }', "{ retry: { maxAttempts: 3 } }"],
    ["beside an include of the whole", '{ $include: "./more.json", meta: { lastTouchedAt: "x" } }', "{ logging: {} }"],
  ])("with such a key %s is a blocker, as the doctor does not write there", async (_, main, more) => {
    const sandbox = makeSandbox();
    writeFileSync(path.join(sandbox.stateDir, "openclaw.json"), main);
    writeFileSync(path.join(sandbox.stateDir, "more.json"), more);
    const result = await ask(sandbox);
    expect(of(result, "blocker")).toEqual(["config"]);
    expect(result.verdict).toBe("stop");
  });

  test("that cannot be read ends in a clear error", async () => {
    const sandbox = makeSandbox();
    writeFileSync(path.join(sandbox.stateDir, "openclaw.json"), "{ nothing");
    await expect(ask(sandbox)).rejects.toThrow(/config cannot be read/);
  });

  test.each([
    [{ agents: { list: [{ id: "a" }, { runRetries: {} }] } }, ["agents.list[1].runRetries"]],
    [{ models: { providers: { mine: { contextWindow: 1 } } } }, ["models.providers.mine.contextWindow"]],
    [{ web: { heartbeatSeconds: 1, other: 2 } }, ["web"]],
    [{ session: { dmScope: "main" }, gateway: { mode: "local" } }, []],
    [{ cron: null, session: [], channels: "x" }, []],
  ])("%j: %j are refused", async (config, expected) => {
    expect((await refusedKeys(config)).map(formatPath)).toEqual(expected);
  });
});

describe("locks", () => {
  test("left behind are better cleared first", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload(), ageMs: 3_600_000 });
    const result = await ask(sandbox);
    expect(of(result, "blocker")).toEqual([]);
    expect(result.items[0]).toMatchObject({ id: "stale-lock", level: "warning" });
    expect(result.items[0]?.remedy).toContain("fix --only stale-lock");
  });

  test("of a run at work are a blocker", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: { pid: process.pid, createdAt: new Date().toISOString() } });
    const result = await ask(sandbox);
    expect([...of(result, "blocker"), ...of(result, "warning")]).toContain("live-runs");
  });

  test("that keep the doctor from writing the config are a blocker", async () => {
    const sandbox = makeSandbox();
    sandbox.writeConfig({});
    const lock = path.join(sandbox.stateDir, "openclaw.json.lock");
    writeFileSync(lock, "");
    setAge(lock, 3_600_000);
    expect(of(await ask(sandbox), "blocker")).toEqual(["config-lock"]);
    const until = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const silence = [{ check: "config-lock", reason: "known", until }];
    writeFileSync(path.join(sandbox.stateDir, "vitals.config.json"), JSON.stringify({ silence }));
    const silenced = await ask(sandbox);
    expect(of(silenced, "blocker")).toEqual([]);
    expect(silenced.items).toContainEqual(
      expect.objectContaining({
        id: "silenced",
        level: "note",
        message: expect.stringMatching(/^1 finding .* is silenced/),
      }),
    );
  });
});

describe("versions", () => {
  test.each([
    [OLD, OLD, "note"],
    ["2026.7.1", OLD, "warning"],
    [NEW, OLD, "blocker"],
  ])("from %s to %s is a %s", async (from, to, level) => {
    const sandbox = makeSandbox();
    const found = (await ask(sandbox, to, from)).items.find(({ id }) => id === "version");
    expect(found?.level).toBe(level);
  });

  test("newer than all that are known is said to be", async () => {
    const sandbox = makeSandbox();
    const found = (await ask(sandbox, "2027.1.1")).items.find(({ id }) => id === "version");
    expect(found).toMatchObject({ level: "note", remedy: "Update openclaw-vitals." });
  });

  test.each([
    ["2026.5.22", ">=22.19.0"],
    ["2026.5.12", ">=22.16.0"],
    ["2026.7.1-2", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0"],
    ["2026.9.2", ">=22.22.3 <23 || >=24.15.0 <25 || >=25.9.0"],
    ["2026.9.3", ">=24.16.0 <25 || >=26.1.0"],
    ["2026.9.6", ">=24.16.0 <25 || >=26.1.0"],
  ])("%s runs on Node %s", async (version, node) => {
    expect((await releaseOf(version))?.node).toBe(node);
  });
});
