/** What a real gateway does when it is asked to restart, and that each outcome is reported as what it is. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { defaultPolicy } from "../../src/engine/policy.ts";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { planRestart, type RestartRequest } from "../../src/engine/restart-repair.ts";
import type { Finding } from "../../src/engine/types.ts";
import { type Facts, gatherFacts } from "../../src/facts/facts.ts";
import { type GatewayProcess, readLife, readUptime } from "../../src/facts/gateway.ts";
import { startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, type HostVersion } from "./harness/hosts.ts";
import { isRunning, until } from "./harness/processes.ts";
import { awake } from "./harness/settled.ts";

const MINUTE = 60_000;
/** Of a developer's own gateway a home must not know: no service has this name. */
const NO_SERVICE = { OPENCLAW_SYSTEMD_UNIT: "vitals-test-no-such.service" };
const FINDING = { id: "f", evidence: [] } as unknown as Finding;

/** Has something done when its own test ends: tests of two hosts run at the same time. */
type AtEnd = (end: () => Promise<void>) => void;

/** A home whose `openclaw` is on the PATH. */
async function homeOf(version: HostVersion, atEnd: AtEnd): Promise<Home> {
  const host = await ensureHost(version);
  const home = await createHome(host, { env: NO_SERVICE });
  atEnd(home.dispose);
  const bin = join(home.dir, "bin");
  mkdirSync(bin);
  symlinkSync(host.entry, join(bin, "openclaw"));
  return home;
}

/** Under these the hosts' own commands only pretend to restart anything. */
const UNDER_TEST = { VITEST: undefined, NODE_ENV: undefined };

function factsOf({ dir, stateDir, host, env }: Home) {
  const PATH = `${join(dir, "bin")}:${env["PATH"] ?? ""}`;
  return gatherFacts({ stateDir, hostVersion: host.version, env: { ...env, ...UNDER_TEST, PATH } });
}

async function gatewayOf(home: Home): Promise<GatewayProcess> {
  const gateway = await factsOf(home).gateway(30);
  if (gateway === null) throw new Error("no gateway is found");
  return gateway;
}

/** Plans and applies a restart, as a fix does; here one may follow another at once. */
async function restarted(
  home: Home,
  run: string,
  request: Pick<RestartRequest, "frees" | "gateway"> & { facts?: Facts },
) {
  const policy = { ...defaultPolicy, restart: { cooldownMinutes: 0 } };
  const common = { finding: FINDING, facts: factsOf(home), policy, interrupts: "ends it", needed: async () => true };
  const plan = await planRestart({ ...common, ...request } as RestartRequest);
  if ("skip" in plan) throw new Error(plan.skip);
  const quarantine = openQuarantine(home.stateDir, run);
  try {
    return await plan.apply({ run, fixId: "x", checkId: "vitals/x", findingId: "f", quarantine });
  } finally {
    quarantine.close();
  }
}

/** Ok and nothing happened is no restart; and one that keeps the process frees no memory. */
async function foreground522(atEnd: AtEnd): Promise<void> {
  const home = await homeOf("2026.5.22", atEnd);
  await startGateway(home, { until: "/readyz", env: { OPENCLAW_SYSTEMD_UNIT: "" } });
  await awake(home);
  const gateway = await gatewayOf(home);
  const word = await home.run(["gateway", "restart", "--json"]);
  expect(JSON.parse(word.stdout), "what the host says of it").toMatchObject({ ok: true, result: "not-loaded" });
  expect(word.code).toBe(0);
  expect(readLife(gateway.lockPath)).toMatchObject({ pid: gateway.pid, createdAtMs: gateway.createdAtMs });

  // As if its port were not known, so that only the command above is left.
  const told = await restarted(home, "nothing", {
    frees: "loop",
    gateway: { ...gateway, ownsPort: false },
    facts: { ...factsOf(home), gatewayProbe: async () => null },
  });
  expect(told).toEqual({
    status: "failed",
    reason: expect.stringMatching(/^the host knows no service .* so nothing happened\b.*; to restart it: \S/),
  });
  expect(readLife(gateway.lockPath)).toMatchObject({ pid: gateway.pid, createdAtMs: gateway.createdAtMs });

  await keepsItsMemory(home, gateway);
}

/** A restart within the process: enough for its loop, not for its memory. */
async function foreground96(atEnd: AtEnd): Promise<void> {
  const home = await homeOf("2026.9.6", atEnd);
  await startGateway(home, { until: "/readyz", env: { OPENCLAW_SYSTEMD_UNIT: "" } });
  await awake(home);
  const gateway = await gatewayOf(home);
  expect(await restarted(home, "loop", { frees: "loop", gateway })).toEqual({
    status: "repaired",
    changes: [
      expect.stringMatching(
        `^restarted the gateway in \\d+ s, within process ${gateway.pid}, so its memory was not freed$`,
      ),
    ],
  });
  const second = await gatewayOf(home);
  expect(second).toMatchObject({ pid: gateway.pid, port: gateway.port });
  expect(second.createdAtMs).toBeGreaterThan(gateway.createdAtMs ?? Number.NaN);
  expect(await readUptime(second.port, 30_000)).not.toBeNull();
  await keepsItsMemory(home, second);
}

/** The gateway does restart, but within its process. */
async function keepsItsMemory(home: Home, gateway: GatewayProcess): Promise<void> {
  expect(await restarted(home, "memory", { frees: "memory", gateway })).toEqual({
    status: "failed",
    reason: expect.stringMatching(
      `but within process ${gateway.pid}, so its memory was not freed; to restart it for good: \\S`,
    ),
  });
  expect(readLife(gateway.lockPath)?.createdAtMs).toBeGreaterThan(gateway.createdAtMs ?? Number.NaN);
  expect(isRunning(gateway.pid)).toBe(true);
}

/** A gateway that its supervisor starts again only 200 s after it ended, up and known to this device. */
async function slowlySupervised(version: HostVersion, atEnd: AtEnd): Promise<Home> {
  const home = await homeOf(version, atEnd);
  const keeper = fileURLToPath(new URL("harness/supervised-gateway.ts", import.meta.url));
  const { node, entry } = home.host;
  // With a unit's name in its environment the gateway leaves its restart to the service manager, and ends.
  const args = [keeper, node, entry, "gateway", "run", "--port", String(home.gatewayPort)];
  await home.spawnFile(node, args, { env: { VITALS_TEST_DOWN_MS: "200000" } });
  // As an operator's own device is let in: with all rights.
  const allowed = async () => (await home.run(["gateway", "call", "update.status", "--json"])).code === 0;
  await until(allowed, 5 * MINUTE, "the gateway is up and knows this device", 1000);
  await awake(home);
  return home;
}

async function isReportedWithItsSeconds(home: Home): Promise<void> {
  const gateway = await gatewayOf(home);
  const outcome = await restarted(home, "slow", { frees: "loop", gateway });
  expect(outcome, JSON.stringify(outcome)).toMatchObject({ status: "repaired" });
  const [said = ""] = "changes" in outcome ? outcome.changes : [];
  const pattern = /^restarted the gateway in (\d+) s: process (\d+) is now process (\d+), /;
  const [, seconds, before, after] = pattern.exec(said) ?? [];
  expect(Number(seconds), said).toBeGreaterThanOrEqual(200);
  expect([Number(before), Number(after)]).toEqual([gateway.pid, (await gatewayOf(home)).pid]);
  expect(isRunning(gateway.pid)).toBe(false);
  const folder = join(home.stateDir, "vitals", "quarantine", "slow");
  const [kept = ""] = readdirSync(folder);
  expect(JSON.parse(readFileSync(join(folder, kept), "utf8"))).toMatchObject({
    frees: "loop",
    gateway: { pid: gateway.pid, port: home.gatewayPort },
  });
}

test.concurrent.for([
  ["2026.5.22", foreground522],
  ["2026.9.6", foreground96],
] as const)(
  "%s: nothing happened, the same process, and 200 s of waiting are each reported as what they are",
  { timeout: 20 * MINUTE },
  async ([version, foreground], { onTestFinished }) => {
    const slow = await slowlySupervised(version, onTestFinished);
    // While the one is down there is time for the other.
    await Promise.all([isReportedWithItsSeconds(slow), foreground(onTestFinished)]);
  },
);
