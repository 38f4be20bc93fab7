/**
 * #86031: the gateway keeps its port bound and its process runs, while health and status requests time out: the event
 * loop stood still for 137 s (`eventLoopDelayP99Ms=136902.1 eventLoopUtilization=0.999`), and nobody was answered.
 *
 * Here a plugin keeps the loop of a real gateway for 137 s, once on each host.
 */
import { mkdirSync, symlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { withBlocker } from "../hosts/harness/blocker.ts";
import { answeredTurn, startGateway } from "../hosts/harness/gateway.ts";
import { createHome, type Home } from "../hosts/harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "../hosts/harness/hosts.ts";
import { isRunning, until } from "../hosts/harness/processes.ts";
import { startProvider } from "../hosts/harness/provider.ts";
import { gatewayAge, settled } from "../hosts/harness/settled.ts";
import { turnArgs } from "../hosts/harness/turn.ts";
import { vitalsJson } from "../hosts/harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

// Not after each: the tests run at the same time.
afterAll(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const MINUTE = 60_000;
const BLOCK_MS = 137_000;
const LOOK = ["--only", "event-loop-delay"];
// Of a developer's own gateway this home must not know: no service has this name.
const NO_SERVICE = { OPENCLAW_SYSTEMD_UNIT: "vitals-test-no-such.service" };

/** An environment in which the home's `openclaw` is on the PATH. */
function withOpenclaw(home: Home): Record<string, string> {
  const bin = join(home.dir, "bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(home.host.entry, join(bin, "openclaw"));
  return { PATH: `${bin}:${home.env["PATH"] ?? ""}` };
}

/** Whether the kernel takes a connection for whoever listens there. */
async function connects(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

test.concurrent.each(HOST_VERSIONS)(
  "%s: told from a working gateway while it is stuck, and the gateway answers again",
  { timeout: 20 * MINUTE },
  async (version) => {
    const provider = await startProvider();
    opened.push(provider);
    const home = await createHome(await ensureHost(version), { provider, env: NO_SERVICE });
    opened.push({ close: home.dispose });
    const blocker = await withBlocker(home);
    const env = { ...blocker.env, OPENCLAW_SYSTEMD_UNIT: "" };
    const gateway = await startGateway(home, { env });
    await blocker.ready();
    await answeredTurn(home, gateway, { sessionId: "before" }, "pong");
    await settled(home);

    await blocker.block({ blockMs: BLOCK_MS });
    const since = performance.now();
    const blockedFor = (): number => performance.now() - since;
    const asked = provider.requests.length;

    // What a supervisor looks at says that all is well; who asks gets no answer.
    expect(await connects(gateway.port)).toBe(true);
    expect(isRunning(gateway.pid)).toBe(true);
    await expect(gateway.get("/healthz", 3_000)).rejects.toThrow(/timeout|aborted/);
    const env2 = { OPENCLAW_GATEWAY_PORT: String(gateway.port) };
    const turn = await home.spawn(turnArgs({ sessionId: "during" }), { env: env2 });

    const seen = await vitalsJson(home, ["check", ...LOOK]);
    expect(blockedFor(), "it is still blocked by then").toBeLessThan(BLOCK_MS);
    expect(seen.code, JSON.stringify(seen.document)).toBe(1);
    expect(seen.document.findings).toMatchObject([
      { checkId: "vitals/event-loop-delay", severity: "error", fix: { risk: "disruptive" } },
    ]);
    expect(seen.document.findings[0].message).toMatch(
      /^The gateway \(process \d+\) runs and takes connections, but has not/,
    );
    expect(seen.document.timings.total, "from the first look to the last").toBeLessThan(8_000);

    const health = await home.run(["gateway", "health"], { timeoutMs: 60_000 });
    expect(health.code, "OpenClaw's own health check hangs until its limit").not.toBe(0);
    expect(provider.requests.length, "no turn has got as far as the model").toBe(asked);
    expect(blockedFor(), "it is still blocked by then").toBeLessThan(BLOCK_MS);

    const asking = Date.now();
    const fixed = await vitalsJson(home, ["fix", "--force", ...LOOK], {
      env: withOpenclaw(home),
      timeoutMs: 12 * MINUTE,
    });
    const [repair] = fixed.document.repairs;
    const restarted = ((await gatewayAge(home)) ?? 0) < Date.now() - asking;
    if (repair.status === "repaired") {
      expect(repair.changes[0]).toMatch(/^restarted the gateway in \d+ s/);
      expect(repair.changes[1]).toMatch(/^it answers again, within \d+ ms$/);
    } else
      expect(repair, JSON.stringify(repair)).toMatchObject({
        status: "failed",
        reason: expect.stringMatching(/to restart it: \S/),
      });
    expect(restarted, "what it says is what happened").toBe(repair.status === "repaired");
    // 2026.5.22 gives up before the loop is free; 2026.9.6 takes the request once it is.
    if (version === "2026.9.6") expect(repair.status).toBe("repaired");
    await turn.kill();
    await until(
      async () => (await gateway.get("/healthz").catch(() => null))?.status === 200,
      5 * MINUTE,
      "it answers",
    );
    await answeredTurn(home, gateway, { sessionId: "after" }, "pong");
  },
);
