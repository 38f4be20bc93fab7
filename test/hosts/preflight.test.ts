/** What `preflight` says of a real state of 2026.5.22, and what the upgrade to 2026.9.6 then really runs into. */
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { gatewayTurn, startGateway } from "./harness/gateway.ts";
import { createHome, type Home, merge } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { deadPid, plantLock } from "./harness/plant.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { completedTurn, heldTurn } from "./harness/turn.ts";
import { upgraded, vitalsJson } from "./harness/vitals.ts";

const NEW = "2026.9.6";

interface Item {
  id: string;
  level: string;
  evidence: { what: string; value: unknown }[];
}

/** A state that 2026.5.22 has worked with: a session, and a config it wrote itself. */
async function makeState(context: TestContext): Promise<{ old: Home; next: Home; provider: Provider }> {
  const provider = await startProvider();
  context.onTestFinished(provider.close);
  const old = await createHome(await ensureHost("2026.5.22"), { provider });
  context.onTestFinished(old.dispose);
  await old.patchConfig({ models: { pricing: undefined } });
  const turn = await completedTurn(old, { sessionId: "before" });
  expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
  const set = await old.run(["config", "set", "logging.level", "info"]);
  expect(set.code, set.stdout + set.stderr).toBe(0);
  return { old, next: upgraded(old, await ensureHost(NEW)), provider };
}

async function preflight(home: Home): Promise<{ code: number | null; verdict: string; items: Item[] }> {
  const { code, document } = await vitalsJson(home, ["preflight", "--to", NEW, "--state-dir", home.stateDir]);
  return { code, ...document };
}

const named = (items: readonly Item[], ...levels: string[]): string[] =>
  items.filter(({ level }) => levels.includes(level)).map(({ id, level }) => `${level} ${id}`);

const refused = (items: readonly Item[]): unknown[] =>
  items
    .flatMap(({ evidence }) => evidence)
    .filter(({ what }) => what === "refused key")
    .map(({ value }) => value)
    .sort();

/** The keys that the newer host itself says it does not know. */
async function refusedBy(next: Home): Promise<string[]> {
  const { stdout } = await next.run(["config", "validate", "--json"]);
  const { issues = [] } = JSON.parse(stdout) as { issues?: { path: string; message: string }[] };
  return issues
    .flatMap(({ path, message }) => [...message.matchAll(/"([^"]+)"/g)].map(([, key]) => `${path}.${key}`))
    .sort();
}

/** What an update does after the package is installed. */
const doctor = async (next: Home) =>
  await next.run(["doctor", "--fix", "--non-interactive", "--no-workspace-suggestions"]);

async function worksUnder(next: Home): Promise<void> {
  const gateway = await startGateway(next, { until: "/readyz" });
  const turn = await gatewayTurn(next, gateway, { sessionId: "after" });
  await gateway.stop();
  expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
  expect((await next.run(["sessions", "--json"])).stdout).toContain("before");
}

describe.concurrent("from 2026.5.22 to 2026.9.6", { timeout: 600_000 }, () => {
  test("a state with left-over keys and a dead lock: go, and each warning comes true", async (context) => {
    const { old, next } = await makeState(context);
    const config = merge(await old.readConfig(), { cron: { retry: { maxAttempts: 3 } } });
    await old.writeConfig(`// mine\n${JSON.stringify(config, null, 2)}\n`);
    const payload = { pid: await deadPid(), createdAt: new Date(Date.now() - 3_600_000).toISOString() };
    const lock = await plantLock(old, { sessionId: "before", payload, ageMs: 3_600_000 });
    const { code, verdict, items } = await preflight(old);
    expect({ code, verdict }).toEqual({ code: 0, verdict: "go" });
    expect(named(items, "blocker", "warning")).toEqual(["warning stale-lock", "warning config"]);
    expect(refused(items)).toEqual(await refusedBy(next));
    expect(refused(items)).toEqual(["cron.retry", "meta.lastTouchedAt"]);

    const done = await doctor(next);
    expect(done.code, done.stdout + done.stderr).toBe(0);
    expect(await refusedBy(next)).toEqual([]);
    expect(readFileSync(old.configPath, "utf8")).not.toContain("// mine");
    // The newer version knows no such locks: it stays for ever, and does no harm.
    expect(existsSync(lock)).toBe(true);
    await worksUnder(next);
  });

  test("a refused key in an included file: stop, and indeed no gateway starts; without it, go", async (context) => {
    const { old, next } = await makeState(context);
    const more = join(old.stateDir, "more.json");
    writeFileSync(more, '{ "retry": { "maxAttempts": 3 } }\n', { mode: 0o600 });
    await old.patchConfig({ cron: { $include: "./more.json" } });
    const before = await preflight(old);
    expect({ code: before.code, named: named(before.items, "blocker") }).toEqual({
      code: 1,
      named: ["blocker config"],
    });
    expect(refused(before.items)).toEqual(await refusedBy(next));
    expect((await doctor(next)).code).toBe(1);
    expect(await refusedBy(next)).toEqual(refused(before.items));
    await expect(startGateway(next, { timeoutMs: 90_000 })).rejects.toThrow(/did not start/);

    const fix = await vitalsJson(old, ["fix", "--only", "retry-ceiling", "--host-version", NEW]);
    expect(fix.document.repairs.map(({ status }: { status: string }) => status)).toEqual(["repaired"]);
    const after = await preflight(old);
    expect({ code: after.code, blockers: named(after.items, "blocker") }).toEqual({ code: 0, blockers: [] });
    const done = await doctor(next);
    expect(done.code, done.stdout + done.stderr).toBe(0);
    await worksUnder(next);
  });

  test("a config that is an include as a whole: stop, as the doctor changes nothing in it", async (context) => {
    const { old, next } = await makeState(context);
    writeFileSync(join(old.stateDir, "more.json"), '{ "ui": {} }\n', { mode: 0o600 });
    await old.patchConfig({ $include: "./more.json" });
    const { code, items } = await preflight(old);
    expect({ code, named: named(items, "blocker") }).toEqual({ code: 1, named: ["blocker config"] });
    expect((await doctor(next)).code).toBe(1);
    expect(await refusedBy(next)).toEqual(["meta.lastTouchedAt"]);
  });

  test("a gateway with a run at work, then a stuck config lock: stop until both are gone", async (context) => {
    const { old, next, provider } = await makeState(context);
    const gateway = await startGateway(old, { until: "/readyz" });
    const { turn } = await heldTurn(old, provider, { sessionId: "live" }, gateway);
    const busy = await preflight(old);
    expect(busy.code).toBe(1);
    expect(named(busy.items, "blocker")).toEqual(["blocker live-runs"]);
    expect(named(busy.items, "warning")).toContain("warning gateway");
    const refusal = await doctor(next);
    expect(refusal.code).toBe(1);
    expect(refusal.stdout + refusal.stderr).toMatch(/live or unverified owner/);
    provider.release();
    await turn.finished;
    await gateway.stop();

    const lock = `${old.configPath}.lock`;
    writeFileSync(lock, "");
    const past = new Date(Date.now() - 3_600_000);
    utimesSync(lock, past, past);
    const locked = await preflight(old);
    expect({ code: locked.code, named: named(locked.items, "blocker") }).toEqual({
      code: 1,
      named: ["blocker config-lock"],
    });
    expect((await doctor(next)).code).toBe(1);
    rmSync(lock);
    const clear = await preflight(old);
    expect({ code: clear.code, named: named(clear.items, "blocker") }).toEqual({ code: 0, named: [] });
    const done = await doctor(next);
    expect(done.code, done.stdout + done.stderr).toBe(0);
    expect(await refusedBy(next)).toEqual([]);
  });
});
