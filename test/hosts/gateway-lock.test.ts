/** Locks of the gateway: what keeps a real one from starting, what heals it, and what is never touched. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, startGateway } from "./harness/gateway.ts";
import { createHome, freePort, type Home } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { titledProcess } from "./harness/plant.ts";
import { until } from "./harness/processes.ts";
import { quarantined, vitalsJson } from "./harness/vitals.ts";

const HOUR = 3_600_000;
const OWN = `openclaw-${process.getuid?.()}`;

function setOld(file: string): void {
  const past = new Date(Date.now() - HOUR);
  utimesSync(file, past, past);
}

/** Fresh for twice as long as one that was written just now: its time lies ahead, but not as far as a wrong clock's. */
function setFresh(file: string): void {
  const soon = new Date(Date.now() + 25_000);
  utimesSync(file, soon, soon);
}

function plant(file: string, content: string | object): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content), { flag: "wx", mode: 0o600 });
  setOld(file);
}

const hashed = (home: Home): string =>
  `gateway.${createHash("sha256").update(home.configPath).digest("hex").slice(0, 8)}.lock`;

/** One of our commands, as for this host, with this check only. */
async function ours(home: Home, ...command: readonly string[]) {
  const done = await vitalsJson(home, [...command, "--host-version", home.host.version, "--only", "gateway-lock"]);
  return done.document;
}

/** Runs the command a finding prints, as a user would paste it. */
async function runPrinted(home: Home, { fixHint }: { fixHint: string }): Promise<void> {
  const command = /`([^`]+)`/.exec(fixHint)?.[1] ?? "";
  const done = await (await home.spawnFile("sh", ["-c", command])).finished;
  expect(done.code, done.stderr).toBe(0);
}

/** With every consent given and the locks made to look old, nothing of a running gateway moves. */
async function expectUntouched(home: Home, gateway: Gateway, locks: readonly string[]): Promise<void> {
  const before = locks.map((file) => readFileSync(file, "utf8"));
  for (const file of locks) setOld(file);
  expect(JSON.parse(before[0] as string)).toMatchObject({ pid: gateway.pid });
  expect(await ours(home, "fix", "--yes", "--force")).toMatchObject({ ok: true, repairs: [], remaining: [] });
  expect(locks.map((file) => readFileSync(file, "utf8"))).toEqual(before);
  expect((await gateway.get("/healthz")).status).toBe(200);
}

describe("on openclaw 2026.9.6", () => {
  let home: Home;
  let lock: string;
  beforeAll(async () => {
    home = await createHome(await ensureHost("2026.9.6"));
    await (await startGateway(home)).stop(); // the very first start migrates, and fails on a lock in other words
    lock = join(home.stateDir, "tmp", OWN, "gateway.state.lock");
  });
  afterAll(async () => await home.dispose());

  test("a number that another gateway has now: no start; `openclaw-vitals fix` heals it", async () => {
    const other = await titledProcess(home, "openclaw-gateway");
    const payload = { pid: other.pid, createdAt: new Date(Date.now() - HOUR).toISOString() };
    plant(lock, { ...payload, configPath: home.configPath, stateDir: home.stateDir });
    await expect(startGateway(home)).rejects.toThrow(/gateway already running/);

    expect((await ours(home)).findings).toMatchObject([{ severity: "error", verdict: "gone", path: lock }]);
    const fix = await ours(home, "fix", "--non-interactive");
    expect(fix).toMatchObject({ ok: true, repairs: [{ status: "repaired", path: lock }] });
    expect(quarantined(home)).toHaveLength(1);

    const gateway = await startGateway(home);
    await expectUntouched(home, gateway, [lock, join(dirname(lock), hashed(home))]);
    await gateway.kill("SIGKILL");
    await other.kill();
  });

  test("a killed gateway's locks are only told of; moved, the kernel locks beside them stay", async () => {
    const both = [hashed(home), "gateway.state.lock"].map((name) => join(dirname(lock), name));
    const left = (await ours(home)).findings as { path: string; severity: string }[];
    expect(left.map(({ path }) => path).sort()).toEqual(both);
    expect(left.map(({ severity }) => severity)).toEqual(["info", "info"]);
    const kernel = readdirSync(dirname(lock)).filter((name) => name.endsWith(".sqlite"));
    expect(kernel.length).toBeGreaterThan(0);
    expect((await ours(home, "fix", "--non-interactive")).repairs).toHaveLength(2);
    expect(readdirSync(dirname(lock)).sort()).toEqual(kernel.sort());
  });

  test("a folder in its place: no start; the command that is printed frees it", async () => {
    mkdirSync(lock);
    await expect(startGateway(home)).rejects.toThrow(/failed to acquire gateway lock/);
    const { findings } = await ours(home);
    expect(findings).toMatchObject([{ severity: "error", path: lock, fix: null }]);
    await runPrinted(home, findings[0]);
    await (await startGateway(home)).stop();
    expect((await ours(home)).findings).toEqual([]);
  });

  test("a guard left behind: no start; the command that is printed frees it", async () => {
    mkdirSync(`${lock}.reclaim`);
    setOld(`${lock}.reclaim`);
    await expect(startGateway(home)).rejects.toThrow(/gateway already running/);
    const { findings } = await ours(home);
    expect(findings).toMatchObject([{ severity: "error", path: `${lock}.reclaim`, fix: null }]);
    await runPrinted(home, findings[0]);
    await (await startGateway(home)).stop();
    expect((await ours(home)).findings).toEqual([]);
  });

  test("a fresh malformed one: no start, and it may still be written; once old the gateway takes it back", async () => {
    plant(lock, '{"pid": 42');
    setFresh(lock);
    await expect(startGateway(home)).rejects.toThrow(/gateway already running/);
    setFresh(lock);
    expect((await ours(home)).findings).toEqual([]);
    setOld(lock);
    expect((await ours(home)).findings).toMatchObject([{ severity: "info", verdict: "gone", path: lock }]);
    const gateway = await startGateway(home);
    expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ pid: gateway.pid });
    await gateway.kill("SIGKILL");
  });
});

describe("on openclaw 2026.5.22", () => {
  let home: Home;
  let lock: string;
  beforeAll(async () => {
    home = await createHome(await ensureHost("2026.5.22"), { env: { OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1" } });
    lock = join(home.env["TMPDIR"] as string, OWN, hashed(home));
  });
  afterAll(async () => await home.dispose());

  test("a running gateway's lock stays; a second gateway is told of; a killed one's lock is moved", async () => {
    const first = await startGateway(home);
    await expectUntouched(home, first, [lock]);

    const second = await startGateway(home, { port: await freePort() });
    expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ pid: second.pid });
    const { findings } = await ours(home);
    expect(findings).toMatchObject([{ severity: "error", path: lock, fix: null }]);
    expect(findings[0].message).toContain(`process ${second.pid} took the lock away from process ${first.pid}`);
    expect((await ours(home, "fix", "--yes", "--force")).repairs).toMatchObject([]);

    // What is said to be done: stop one of them. The other has the lock and works on.
    await first.kill("SIGKILL");
    expect((await ours(home)).findings).toEqual([]);
    expect((await second.get("/healthz")).status).toBe(200);
    await second.kill("SIGKILL");
    await until(() => existsSync(lock), 1_000, "the lock is left");
    expect((await ours(home)).findings).toMatchObject([{ severity: "info", verdict: "gone", path: lock }]);
    const fix = await ours(home, "fix", "--non-interactive");
    expect(fix.repairs).toMatchObject([{ status: "repaired", path: lock }]);
    expect(existsSync(lock)).toBe(false);
    await (await startGateway(home)).stop();
  });

  test("a folder in its place: no start; the command that is printed frees it", async () => {
    mkdirSync(lock);
    await expect(startGateway(home)).rejects.toThrow(/did not start/);
    const { findings } = await ours(home);
    expect(findings).toMatchObject([{ severity: "error", path: lock, fix: null }]);
    await runPrinted(home, findings[0]);
    await (await startGateway(home)).stop();
    expect((await ours(home)).findings).toEqual([]);
  });
});
