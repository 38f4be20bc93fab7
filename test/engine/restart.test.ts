/** A restart is what the gateway shows, not what the command says. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import { RESTART_LIMITS, type RestartLimits, restartGateway } from "../../src/engine/restart.ts";
import { failureText, successText } from "../../src/engine/restart-sentences.ts";
import { readLife, readUptime } from "../../src/facts/gateway.ts";
import type { HostCommand } from "../../src/facts/installation.ts";
import { FAKE_HOST, startFakeGateway } from "./fake-gateway.ts";
import { temporaryFolder } from "./sandbox.ts";

const SUPERVISOR = { kind: "systemd", restart: "`systemctl --user restart openclaw-gateway.service`" } as const;
/** Patience where a proof must come; where none can come a test sets its own. */
const LIMITS: RestartLimits = { ...RESTART_LIMITS, nothingMs: 100, pollMs: 20 };

const gatewayOf = async (supervised = false) =>
  await startFakeGateway({ lockPath: path.join(temporaryFolder(), "gateway.0.lock"), supervised });

/** The host's command, answering so to its service manager's way and to a request of the gateway. */
function host(service: string, request = "failed", change: Partial<HostCommand> = {}): HostCommand {
  const env = { FAKE_SERVICE: service, FAKE_REQUEST: request };
  return { command: process.execPath, args: [FAKE_HOST], env, own: true, ...change };
}

describe("a restart", () => {
  test("by a supervisor is proven by a new process, its new lock and its short uptime", async () => {
    const gateway = await gatewayOf(true);
    const before = await readUptime(gateway.port, 3000);
    const result = await restartGateway(gateway, host("exit"), LIMITS);
    expect(result).toMatchObject({ status: "restarted", sameProcess: false, answers: [{ said: "ok" }] });
    if (result.status !== "restarted") return;
    expect(before).not.toBeNull();
    expect(result.now.pid).not.toBe(gateway.pid);
    expect(result.now).toEqual(readLife(gateway.lockPath));
    expect(successText(result, gateway, 300 * 2 ** 20, 90 * 2 ** 20)).toBe(
      `restarted the gateway in ${result.seconds} s: process ${gateway.pid} is now process ${result.now.pid}, 300 MiB of memory before and 90 MiB after`,
    );
    expect(successText(result, gateway, null, null)).toMatch(/is now process \d+$/);
  });

  test("within the process is one, and it is said that no memory was freed", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host("within"), LIMITS);
    expect(result).toMatchObject({ status: "restarted", sameProcess: true, now: { pid: gateway.pid } });
    if (result.status !== "restarted") return;
    expect(result.now.createdAtMs).toBeGreaterThan(gateway.createdAtMs ?? Number.NaN);
    expect(successText(result, gateway, 1, 1)).toContain(`within process ${gateway.pid}, so its memory was not freed`);
  });

  test("is proven on the port its new lock names", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host("moved"), { ...LIMITS, returnMs: 5000 });
    expect(result).toMatchObject({ status: "restarted", sameProcess: true });
    expect(await readUptime(gateway.port, 1000), "nobody is left there").toBeNull();
  });

  test("no service knows of is asked of the gateway itself", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host("not-loaded", "within"), LIMITS);
    expect(result).toMatchObject({ status: "restarted", answers: [{ said: "not-loaded" }, { said: "ok" }] });
    expect(result.answers.map(({ args }) => args.includes("--safe"))).toEqual([false, true]);
  });

  test("of a state dir the host would not find by itself never touches a service", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host("exit", "within", { own: false }), LIMITS);
    expect(result).toMatchObject({ status: "restarted", sameProcess: true, answers: [{ said: "ok" }] });
  });
});

describe("no restart", () => {
  test.each([
    ["nothing", "nothing", "the command said ok and nothing happened"],
    ["not-loaded", "not-loaded", "the host knows no service that runs this gateway"],
    ["noisy", "noisy", "the host knows no service that runs this gateway"],
    ["not-loaded", "refused", "the gateway did not accept the request"],
    ["failed", "failed", "the host's command failed"],
  ])("when the commands answer %s and %s", async (service, request, sentence) => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host(service, request), { ...LIMITS, returnMs: 200 });
    expect(result.status).toBe("nothing");
    expect(result.answers).toHaveLength(2);
    expect(readLife(gateway.lockPath), "it runs on as before").toMatchObject({ createdAtMs: gateway.createdAtMs });
    if (result.status === "restarted") return;
    const text = failureText(result, SUPERVISOR, true);
    expect(text).toContain(sentence);
    expect(text).toContain(SUPERVISOR.restart);
  });

  test("when neither service nor port are known to be this gateway's: nobody is asked", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway({ ...gateway, ownsPort: false }, host("exit", "exit", { own: false }), LIMITS);
    expect(result).toMatchObject({ status: "nothing", answers: [] });
    if (result.status !== "restarted") expect(failureText(result, SUPERVISOR, true)).toContain("neither a service");
    expect(readLife(gateway.lockPath)).toMatchObject({ createdAtMs: gateway.createdAtMs });
  });

  test("when the command hangs: it is ended, and that is said", async () => {
    const gateway = await gatewayOf();
    const limits = { ...LIMITS, commandMs: 300, returnMs: 100 };
    const result = await restartGateway(gateway, host("hang", "hang"), limits);
    expect(result).toMatchObject({ status: "nothing", answers: [{ said: "timeout" }, { said: "timeout" }] });
    if (result.status !== "restarted") expect(failureText(result, SUPERVISOR, true)).toContain("did not end in time");
  });

  test("when the command cannot be started", async () => {
    const gateway = await gatewayOf();
    const missing = host("within", "within", { command: path.join(temporaryFolder(), "openclaw"), args: [] });
    const result = await restartGateway(gateway, missing, LIMITS);
    expect(result).toMatchObject({ status: "nothing", answers: [{ said: "not found" }, { said: "not found" }] });
    if (result.status !== "restarted") expect(failureText(result, SUPERVISOR, true)).toContain("could not be started");
  });

  test("when the gateway goes and does not come back: nothing more is tried, and that is said", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host("exit"), { ...LIMITS, returnMs: 300 });
    expect(result).toMatchObject({ status: "lost", answers: [{ said: "ok" }] });
    if (result.status !== "restarted")
      expect(failureText(result, SUPERVISOR, true)).toMatch(/went away and did not come back within \d+ s/);
  });

  test("when there is a new lock but nobody answers: a lock alone proves nothing", async () => {
    const gateway = await gatewayOf();
    const result = await restartGateway(gateway, host("silent"), { ...LIMITS, returnMs: 300 });
    expect(result.status).toBe("unproven");
    if (result.status !== "restarted")
      expect(failureText(result, SUPERVISOR, true)).toContain("its restart is not proven");
    expect(readLife(gateway.lockPath)?.createdAtMs).not.toBe(gateway.createdAtMs);
  });
});

test("a gateway whose lock merely was written anew has not restarted: its own clock says so", async () => {
  const gateway = await gatewayOf();
  // As if another one had written this lock: the process and its uptime are the old ones.
  const before = { ...gateway, createdAtMs: (gateway.createdAtMs ?? 0) - 60_000 };
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const instant = { ...LIMITS, returnMs: 0, nothingMs: 0 };
  const missing = host("x", "x", { command: path.join(temporaryFolder(), "openclaw"), args: [] });
  const result = await restartGateway(before, missing, instant);
  expect(result.status).toBe("unproven");
});
