/** What a real gateway does when it is asked to restart, and that the proof of it holds there. */
import { afterEach, expect, test } from "vitest";
import { restartGateway } from "../../src/engine/restart.ts";
import { gatherFacts } from "../../src/facts/facts.ts";
import { readUptime } from "../../src/facts/gateway.ts";
import { startGateway } from "./harness/gateway.ts";
import { createHome } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { isRunning } from "./harness/processes.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

test("2026.9.6 in the foreground restarts within its process, and shows it", { timeout: 900_000 }, async () => {
  const host = await ensureHost("2026.9.6");
  // Of a developer's own gateway this home must not know: no service has this name.
  const home = await createHome(host, { env: { OPENCLAW_SYSTEMD_UNIT: "vitals-test-no-such.service" } });
  opened.push({ close: home.dispose });
  const started = await startGateway(home, { until: "/readyz", env: { OPENCLAW_SYSTEMD_UNIT: "" } });
  const facts = gatherFacts({ stateDir: home.stateDir, hostVersion: host.version, env: home.env });
  const gateway = await facts.gateway(30);
  expect(gateway).toMatchObject({ pid: started.pid, port: started.port });
  if (gateway === null) return;

  const command = { command: host.node, args: [host.entry], env: home.env, own: true };
  const result = await restartGateway(gateway, command);
  expect(result).toMatchObject({ status: "restarted", sameProcess: true, now: { pid: started.pid } });
  if (result.status !== "restarted") return;
  expect(result.answers).toMatchObject([{ said: "ok" }]);
  expect(result.now.createdAtMs).toBeGreaterThan(gateway.createdAtMs ?? Number.NaN);
  expect(isRunning(started.pid)).toBe(true);
  expect(await readUptime(started.port, 30_000)).not.toBeNull();
  expect(await facts.fresh().gateway(30)).toMatchObject(result.now);
});
