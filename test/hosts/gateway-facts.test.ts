/** What is read of a real gateway: its answers, its memory and limits, its log, and what the host leaves of itself. */
import { chmodSync, existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, type ExpectStatic, test } from "vitest";
import { gatherFacts } from "../../src/facts/facts.ts";
import { type Gateway, startGateway } from "./harness/gateway.ts";
import { createHome, freePort, type Home } from "./harness/home.ts";
import { callHost } from "./harness/host-functions.ts";
import { ensureHost, HOST_VERSIONS, type HostVersion } from "./harness/hosts.ts";
import { until } from "./harness/processes.ts";
import { BIN, vitals } from "./harness/vitals.ts";

const GRACE = 30;
const homes = new Map<HostVersion, Home>();
const gateways = new Map<HostVersion, Gateway>();

/** The host's own functions write what a gateway in trouble would: lines into its log, and a bundle. */
const IN_TROUBLE = `
  const every = globalThis.setInterval;
  globalThis.setInterval = (call, ms, ...more) => every(call, ms === 30_000 ? 100 : ms, ...more);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const wait = { warnAfterMs: 0 };
  await Promise.all([
    host.enqueueCommandInLane("session:agent:anna:secret", () => pause(20), wait),
    host.enqueueCommandInLane("session:agent:anna:secret", () => pause(20), wait),
    host.enqueueCommandInLane("cron", () => pause(20), wait),
    host.enqueueCommandInLane("cron", () => pause(20), wait),
  ]);
  const late = { reasons: ["event_loop_delay"], intervalMs: 30_000, eventLoopDelayP99Ms: 1500, eventLoopDelayMaxMs: 1520.4, eventLoopUtilization: 0.9, cpuCoreRatio: 0.5 };
  host.logSessionStateChange({ sessionId: "secret", sessionKey: "agent:anna:secret", state: "processing" });
  host.startDiagnosticHeartbeat(
    { diagnostics: { enabled: true, stuckSessionWarnMs: 1000 } },
    {
      sampleLiveness: () => late,
      recoverStuckSession: async () => {},
      testTimings: { stuckSessionWarnMs: 1000, stuckSessionAbortMs: 1_000_000 },
    },
  );
  await pause(2500);
  const written = host.writeDiagnosticStabilityBundleSync({ reason: "uncaught_exception", includeEmpty: true });
  host.stopDiagnosticHeartbeat();
  await pause(500);
  return { pid: process.pid, rss: process.memoryUsage().rss, path: written.path };
`;
const FUNCTIONS = [
  "enqueueCommandInLane",
  "logSessionStateChange",
  "startDiagnosticHeartbeat",
  "stopDiagnosticHeartbeat",
  "writeDiagnosticStabilityBundleSync",
];

beforeAll(async () => {
  await Promise.all(
    HOST_VERSIONS.map(async (version) => {
      const home = await createHome(await ensureHost(version));
      homes.set(version, home);
      // Not the port its config names: 2026.5.22 writes it nowhere.
      gateways.set(version, await startGateway(home, { port: await freePort(), until: "/readyz" }));
    }),
  );
});
afterAll(async () => {
  await Promise.all([...homes.values()].map(async (home) => await home.dispose()));
});

function runningOf(version: HostVersion) {
  const [home, gateway] = [homes.get(version), gateways.get(version)];
  if (home === undefined || gateway === undefined) throw new Error("the gateway did not start");
  const facts = gatherFacts({ stateDir: home.stateDir, hostVersion: version, env: home.env });
  return { home, gateway, facts };
}

describe.concurrent.each(HOST_VERSIONS)("%s", (version) => {
  const running = () => runningOf(version);

  test("answers, on a port its config does not name, with its memory and limits", async ({ expect }) => {
    const { facts, gateway } = running();
    // A gateway that has just become ready may stand still for seconds once more, on a busy machine for many.
    let probe = await facts.gatewayProbe(GRACE);
    await until(
      async () => {
        if (probe?.health.kind !== "silent" && probe?.ready.kind !== "silent") return true;
        probe = await facts.fresh().gatewayProbe(GRACE);
        return false;
      },
      120_000,
      () => `the gateway answers, but: ${JSON.stringify(probe)}`,
    );
    expect(probe).toMatchObject({
      gateway: { pid: gateway.pid, port: gateway.port, ownsPort: true },
      health: { kind: "answered", status: 200 },
      ready: { kind: "answered", figures: { ready: true, degraded: expect.any(Boolean) } },
    });
    expect(probe?.rssBytes).toBeGreaterThan(50 * 1_048_576);
    expect(probe?.ready.figures?.uptimeMs).toBeGreaterThan(0);
    expect(probe?.ready.figures?.maxDelayMs).toBeGreaterThan(0);
    expect(probe?.gateway.createdAtMs).toBeLessThan(probe?.atMs ?? 0);
    const limits = await facts.memoryLimits(GRACE);
    expect(limits?.host.totalBytes).toBeGreaterThan(probe?.rssBytes ?? Infinity);
    expect(await facts.noGateway(GRACE)).toBeNull();
  });

  test("its log, by the host's own words", async ({ expect }) => {
    const { facts, home } = running();
    const before = await facts.gatewayLog(GRACE);
    expect(before).toMatchObject({ files: [home.logFile], shared: false });
    expect(before.events.flatMap((event) => (event.kind === "startup" ? event.step : []))).toEqual(
      expect.arrayContaining(["listening", "ready"]),
    );
    const left = (await callHost(home, FUNCTIONS, IN_TROUBLE, null)) as { pid: number; rss: number; path: string };

    const { events } = await facts.fresh().gatewayLog(GRACE);
    expect(events).toContainEqual({
      kind: "lane-wait",
      lane: "session",
      atMs: expect.any(Number),
      waitedMs: expect.any(Number),
      queued: 0,
    });
    expect(events).toContainEqual(expect.objectContaining({ kind: "lane-wait", lane: "cron" }));
    expect(events).toContainEqual(expect.objectContaining({ kind: "stuck-session", state: "stuck" }));
    expect(events).toContainEqual(
      expect.objectContaining({ kind: "liveness", maxDelayMs: 1520.4, active: 1, work: ["processing"] }),
    );
    expect(JSON.stringify(events)).not.toMatch(/anna|secret/);

    const { files, memory } = await facts.stability();
    expect(files).toEqual([left.path]);
    expect(memory.length).toBeGreaterThan(0);
    for (const sample of memory) {
      expect(sample.pid).toBe(left.pid);
      expect(sample.rssBytes).toBeGreaterThan(left.rss / 10);
      expect(sample.atMs).toBeGreaterThanOrEqual(sample.startedAtMs);
    }
  });
});

// After the others, as it ends the gateways.
describe.each(HOST_VERSIONS)("%s", (version) => {
  test("another user is told so, and one who finds it gone as well", async ({ expect, skip }) => {
    const { home, gateway } = runningOf(version);
    const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", home.host.node, BIN];
    if (process.getuid?.() === 0 && existsSync("/usr/bin/setpriv")) {
      for (const folder of [path.dirname(home.dir), home.dir, home.stateDir]) chmodSync(folder, 0o755);
      chmodSync(home.configPath, 0o644);
      const args = ["check", ...ONLY, "--state-dir", home.stateDir, "--json"];
      const { stdout, stderr, code } = await (await home.spawnFile("/usr/bin/setpriv", [...asNobody, ...args]))
        .finished;
      if (/permission denied/i.test(stderr) && stdout === "") skip("this project's folder is closed to other users");
      expect(stderr).toBe("");
      expect(code).toBeLessThan(2);
      const messages = messagesOf(expect, stdout);
      expect(messages.join("\n")).toMatch(
        /belongs to (another user|another state directory)|another user|No gateway runs/,
      );
    }
    await gateway.stop();
    const gone = await vitals(home, ["check", ...ONLY, "--state-dir", home.stateDir, "--json"]);
    expect(gone).toMatchObject({ code: 0, stderr: "" });
    expect(messagesOf(expect, gone.stdout)).toEqual([
      expect.stringMatching(/^No gateway runs for this state directory/),
    ]);
  });
});

const ONLY = ["--only", "event-loop-delay", "--only", "rss-growth"];

/** What is found, in sentences: nothing of it is an error of ours. */
function messagesOf(expect: ExpectStatic, stdout: string): string[] {
  const { findings } = JSON.parse(stdout) as { findings: { message: string }[] };
  const messages = findings.map(({ message }) => message);
  expect(messages.join("\n")).not.toMatch(/itself failed|Error|\bat \S+:\d+/);
  return messages;
}
