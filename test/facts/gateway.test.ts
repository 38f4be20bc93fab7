import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ConfigFacts } from "../../src/facts/config.ts";
import { findGateway, readLife, readRss, readUptime, sameLife } from "../../src/facts/gateway.ts";
import { listensOn } from "../../src/facts/listeners.ts";
import { findSupervisor } from "../../src/facts/supervisor.ts";
import { judgedLock } from "./judged-lock.ts";
import { put, tempDir } from "./sandbox.ts";

async function listen(
  server: { listen(port: number, host: string, then: () => void): unknown } & Pick<Server, "address">,
) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that answers every request with this. */
async function answering(text: string, status = 200): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(status).end(text));
  onTestFinished(() => void server.close());
  return await listen(server);
}

describe("readUptime", () => {
  test("is a number of milliseconds, or not known", async () => {
    expect(await readUptime(await answering('{"ready":false,"uptimeMs":3504}', 503), 5000)).toBe(3504);
    for (const text of ['{"ready":true}', '{"uptimeMs":"1"}', '{"uptimeMs":-1}', "null", "x"])
      expect(await readUptime(await answering(text), 5000), text).toBeNull();
  });
});

const NO_CONFIG: ConfigFacts = { path: "", exists: false, value: {}, problem: null };

describe("findGateway", () => {
  const createdAt = "2026-09-06T10:00:00.000Z";
  const life = { pid: 7, startTicks: 99, createdAtMs: Date.parse(createdAt) };
  const payload = { pid: 7, createdAt, startTime: 99 };

  test("is whoever holds the lock, however long, on the port the lock names", () => {
    const held = judgedLock({ ...payload, port: 19_001 }, "overdue");
    expect(findGateway([held], NO_CONFIG, {})).toEqual({
      lockPath: held.path,
      port: 19_001,
      ownsPort: true,
      ...life,
    });
    expect(readLife(held.path)).toEqual(life);
  });

  test("both locks of a newer host are one gateway", () => {
    expect(findGateway([judgedLock(payload), judgedLock(payload)], NO_CONFIG, {})).toMatchObject(life);
  });

  test("is nobody when the owner is gone, when two hold one, and when there is none", () => {
    expect(findGateway([], NO_CONFIG, {})).toBeNull();
    expect(findGateway([judgedLock(payload, "gone")], NO_CONFIG, {})).toBeNull();
    expect(findGateway([judgedLock(payload), judgedLock({ ...payload, pid: 8 })], NO_CONFIG, {})).toBeNull();
  });

  test("without a port in the lock: the environment, the config, the host's default", () => {
    const config = { ...NO_CONFIG, value: { gateway: { port: 19_002 } } };
    const port = (facts: ConfigFacts, env: NodeJS.ProcessEnv) => findGateway([judgedLock(payload)], facts, env)?.port;
    expect(port(config, { OPENCLAW_GATEWAY_PORT: " 19003 " })).toBe(19_003);
    expect(port(config, { OPENCLAW_GATEWAY_PORT: "no" })).toBe(19_002);
    expect(port(config, { OPENCLAW_GATEWAY_PORT: "" })).toBe(19_002);
    expect(port({ ...NO_CONFIG, value: { gateway: { port: 0 } } }, {})).toBe(18_789);
    expect(port(NO_CONFIG, { OPENCLAW_GATEWAY_PORT: "70000" })).toBe(18_789);
  });

  test("a lock written anew, or another start of the pid, is another life", () => {
    expect(sameLife(life, { ...life })).toBe(true);
    expect(sameLife(life, { ...life, createdAtMs: 1 })).toBe(false);
    expect(sameLife(life, { ...life, startTicks: 100 })).toBe(false);
  });
});

test.skipIf(process.platform !== "linux")("a port is a gateway's when its process listens there", async () => {
  const server = createServer();
  onTestFinished(() => void server.close());
  const port = await listen(server);
  const free = 1;
  expect(listensOn(process.pid, port)).toBe(true);
  expect(listensOn(process.ppid, port)).toBe(false);
  expect(listensOn(process.pid, free)).toBe(false);
  expect(listensOn(4_194_305, port)).toBeNull();
  const own = judgedLock({ pid: process.pid, createdAt: "2026-09-06T10:00:00.000Z" });
  const at = (value: number) => findGateway([own], NO_CONFIG, { OPENCLAW_GATEWAY_PORT: String(value) });
  expect(at(port)).toMatchObject({ port, ownsPort: true });
  expect(at(free)).toMatchObject({ port: free, ownsPort: false });
});

test.skipIf(process.platform !== "linux")("readRss is the memory of a process, null for none", () => {
  expect(readRss(process.pid)).toBeGreaterThan(10_000_000);
  expect(readRss(4_194_305)).toBeNull();
});

describe("findSupervisor", () => {
  const on = (platform: NodeJS.Platform, files: Record<string, string> = {}, env: NodeJS.ProcessEnv = {}) => {
    const root = tempDir();
    for (const [name, text] of Object.entries(files)) put(path.join(root, name), text);
    return findSupervisor(7, {
      platform,
      home: path.join(root, "home"),
      root,
      env,
      stateDir: path.join(root, "state"),
    });
  };
  const group = (name: string) => ({ "proc/7/cgroup": `0::${name}\n` });
  const ID = "0123456789ab";

  test.each([
    [
      "/user.slice/user-1000.slice/user@1000.service/app.slice/openclaw-gateway.service",
      "systemctl --user restart openclaw-gateway.service",
    ],
    [
      "/user.slice/user-1000.slice/user@1000.service/app.slice/openclaw-gateway-work.service",
      "systemctl --user restart openclaw-gateway-work.service",
    ],
    ["/system.slice/openclaw.service", "systemctl restart openclaw.service"],
    ["/system.slice/my-bot.service", "systemctl restart my-bot.service"],
  ])("names the unit of %s", (name, command) => {
    const env = { OPENCLAW_SYSTEMD_UNIT: "my-bot.service" };
    expect(on("linux", group(name), env)).toEqual({ kind: "systemd", restart: `\`${command}\`` });
  });

  test("takes no other unit for the gateway's: a restart of it would end what it started", () => {
    const none = { kind: "none", restart: expect.stringContaining("Ctrl-C") };
    expect(on("linux", group("/system.slice/ssh.service"), { OPENCLAW_SYSTEMD_UNIT: "my-bot" })).toEqual(none);
    expect(on("linux", group("/user.slice/user@1000.service/app.slice/app-term.scope"))).toEqual(none);
    expect(on("linux")).toEqual(none);
    expect(on("win32")).toEqual(none);
    expect(on("darwin")).toEqual(none);
    expect(on("freebsd")).toEqual(none);
  });

  test.each([
    [{ ".dockerenv": "", ...group("/") }, "restart its container from outside, e.g. `docker restart <container>`"],
    [{ "run/.containerenv": "" }, "restart its container from outside, e.g. `podman restart <container>`"],
    [group(`/system.slice/docker-${ID}${"0".repeat(52)}.scope`), `\`docker restart ${ID}\``],
    [group(`/docker/${ID}${"0".repeat(52)}`), `\`docker restart ${ID}\``],
    [group(`/user.slice/libpod-${ID}${"0".repeat(52)}.scope/container`), `\`podman restart ${ID}\``],
    [{ "var/run/secrets/kubernetes.io/x": "", ".dockerenv": "" }, expect.stringContaining("kubectl delete pod")],
  ])("knows a container by its marks, and its name from outside: %o", (files, restart) => {
    expect(on("linux", files)).toEqual({ kind: "container", restart });
  });

  test("names the launch agent and the scheduled task, each by the profile", () => {
    const agent = (label: string) => ({ [`home/Library/LaunchAgents/${label}.plist`]: "" });
    const command = (label: string) => ({ kind: "launchd", restart: `\`launchctl kickstart -k gui/$UID/${label}\`` });
    expect(on("darwin", agent("ai.openclaw.gateway"))).toEqual(command("ai.openclaw.gateway"));
    const work = { OPENCLAW_PROFILE: "work" };
    expect(on("darwin", agent("ai.openclaw.work"), work)).toEqual(command("ai.openclaw.work"));
    expect(on("darwin", agent("ai.openclaw.gateway"), work), "of another profile").toMatchObject({ kind: "none" });
    expect(on("darwin", agent("a.b"), { OPENCLAW_LAUNCHD_LABEL: "a.b" })).toEqual(command("a.b"));
    expect(on("darwin", { "Library/LaunchDaemons/ai.openclaw.gateway.plist": "" }).restart).toBe(
      "`sudo launchctl kickstart -k system/ai.openclaw.gateway`",
    );
    const script = { "state/gateway.cmd": "" };
    const task = (name: string) => ({
      kind: "task",
      restart: `\`schtasks /End /TN "${name}"\`, then \`schtasks /Run /TN "${name}"\``,
    });
    expect(on("win32", script)).toEqual(task("OpenClaw Gateway"));
    expect(on("win32", script, work)).toEqual(task("OpenClaw Gateway (work)"));
  });

  test("puts no name into a command that would do something else there", () => {
    const env = { OPENCLAW_PROFILE: "x`; rm -rf /" };
    expect(on("linux", {}, env).restart).toContain("`openclaw gateway run`");
    expect(on("linux", {}, { OPENCLAW_PROFILE: "work" }).restart).toContain("`openclaw --profile work gateway run`");
    expect(on("linux", {}, { OPENCLAW_PROFILE: "Default" }).restart).toContain("`openclaw gateway run`");
  });
});
