import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { findUnseenGateway, type GatewayPortQuestion, gatewayPorts } from "../../src/facts/gateway-port.ts";
import type { LockLook } from "../../src/facts/lock-file.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { openProcessTable } from "../../src/facts/processes.ts";
import { startTicks } from "../engine/sandbox.ts";
import { hasPermissions, moduleUrl, put, runUnprivileged, tempDir } from "./sandbox.ts";

const onLinux = process.platform === "linux";
const processes = openProcessTable;
const config = (value: Record<string, unknown>) => ({ path: "", exists: true, value, problem: null });

/** A gateway lock with this payload. */
function lock(payload: object) {
  const file = put(path.join(tempDir(), "gateway.state.lock"), JSON.stringify(payload));
  return { path: file, look: lookAtLock(file) as LockLook, unchanged: true, sharedFileSystem: null };
}

const ask = async (port: number, more: Partial<GatewayPortQuestion> = {}) =>
  await findUnseenGateway({
    stateDir: "/state",
    config: config({ gateway: { port } }),
    env: {},
    locks: [],
    processes,
    ...more,
  });

/** A server in this very process, which is not OpenClaw: as a container's proxy is. */
async function serve(body = '{"ok":true,"status":"live"}') {
  const paths: (string | undefined)[] = [];
  const server = createServer(({ url }, response) => {
    paths.push(url);
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, paths };
}

/** The same process, as the gateway calls itself. */
function titled(title: string): void {
  const before = process.title;
  process.title = title;
  onTestFinished(() => {
    process.title = before;
  });
}

describe("the ports a gateway of this state dir would listen on", () => {
  const ports = (gateway: object, env: NodeJS.ProcessEnv = {}, locks: ReturnType<typeof lock>[] = []) =>
    gatewayPorts({ config: config({ gateway }), env, locks });

  test.each<[string, object, NodeJS.ProcessEnv, number[]]>([
    ["the host's default", {}, {}, [18_789]],
    ["the config's", { port: 4000 }, {}, [4000]],
    ["a port that is none", { port: "4000" }, {}, [18_789]],
    ["the environment's as well", { port: 4000 }, { OPENCLAW_GATEWAY_PORT: " 5000 " }, [5000, 4000]],
    ["an address in the environment", {}, { OPENCLAW_GATEWAY_PORT: "127.0.0.1:5000" }, [5000]],
    ["an IPv6 address in the environment", {}, { OPENCLAW_GATEWAY_PORT: "[::1]:5000" }, [5000]],
    ["no number in the environment", {}, { OPENCLAW_GATEWAY_PORT: "::1" }, [18_789]],
    ["a number that is no port", { port: 70_000 }, { OPENCLAW_GATEWAY_PORT: "0" }, [18_789]],
    ["none when the gateway is on another machine", { mode: "remote", port: 4000 }, {}, []],
  ])("%s", (_name, gateway, env, expected) => {
    expect(ports(gateway, env)).toEqual(expected);
  });

  test("what its lock says, once", () => {
    expect(ports({ port: 4000 }, {}, [lock({ pid: 7, port: 6000 }), lock({ pid: 7, port: 6000 })])).toEqual([
      6000, 4000,
    ]);
    expect(ports({ mode: "remote" }, {}, [lock({ pid: 7, port: 6000 }), lock({ pid: 7 })])).toEqual([6000]);
    expect(ports({}, {}, [lock({ pid: 7, port: 0 }), lock({ pid: 7, port: 65_536 })])).toEqual([18_789]);
  });
});

describe("a port that is asked", () => {
  test("nobody listens", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    expect(await ask(port)).toBeNull();
  });

  test("a gateway answers, and a process that is no gateway has its port", async () => {
    const { port, paths } = await serve();
    const listener = process.platform === "win32" ? null : expect.any(String);
    expect(await ask(port)).toEqual({ port, listener, answers: true });
    expect(paths).toEqual(["/healthz"]);
  });

  test("another server answers", async () => {
    const { port } = await serve('{"ok":true,"status":"fine"}');
    expect(await ask(port)).toBeNull();
    expect(await ask((await serve("null")).port)).toBeNull();
  });

  test("somebody takes connections and says nothing, as a stuck gateway behind a proxy", async () => {
    const sockets: net.Socket[] = [];
    const server = net.createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(await ask(port)).toMatchObject({ port, answers: false });
  });

  test("the process its lock names is the one that listens", async () => {
    const { port } = await serve();
    const startTime = onLinux ? { startTime: startTicks(process.pid) } : {};
    const payload = { pid: process.pid, createdAt: new Date().toISOString(), ...startTime };
    expect(await ask(port, { locks: [lock(payload)] })).toBeNull();
    if (onLinux) {
      const other = lock({ ...payload, startTime: startTicks(process.pid) - 1 });
      expect(await ask(port, { locks: [other] })).toMatchObject({ port });
    }
    const later = lock({ pid: process.pid, createdAt: "2026-01-01T00:00:00.000Z" });
    expect(await ask(port, { locks: [later] })).toMatchObject({ port });
  });
});

describe.runIf(onLinux)("a gateway that can be seen", () => {
  test("is no matter: whatever state dir it serves, process ids mean here what they mean to it", async () => {
    const { port } = await serve();
    titled("openclaw-gateway");
    expect(await ask(port)).toBeNull();
  });

  test("every socket on the port must be its own", async () => {
    const { port } = await serve();
    const root = recorded(port, ["4242 1000 0100007F", "4343 1000 0100000A"]);
    open(root, 21117, 4242);
    expect(await ask(port, { root })).toMatchObject({ port, listener: "openclaw-gateway" });
    open(root, 21117, 4343);
    expect(await ask(port, { root })).toBeNull();
  });

  test("but not in a nested PID namespace, where it writes down other numbers", async () => {
    const { port } = await serve();
    const root = recorded(port, ["4242 1000 00000000"]);
    open(root, 21117, 4242);
    expect(await ask(port, { root })).toBeNull();
    const status = path.join(root, "21117", "status");
    writeFileSync(status, readFileSync(status, "utf8").replace(/^NSpid:.*$/m, "NSpid:\t21117\t41"));
    expect(await ask(port, { root })).toEqual({ port, listener: "openclaw-gateway", answers: true });
  });

  test("in a container that cannot reach this state dir it is another's", async () => {
    const { port } = await serve();
    const root = recorded(port, ["4242 1000 00000000"]);
    open(root, 21117, 4242);
    const status = path.join(root, "21117", "status");
    writeFileSync(status, readFileSync(status, "utf8").replace(/^NSpid:.*$/m, "NSpid:\t21117\t41"));
    put(path.join(root, "self", "mountinfo"), "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
    const own =
      "50 1 0:99 / / rw - overlay overlay rw\n51 50 8:1 /var/lib/docker/containers/x/hosts /etc/hosts rw - ext4 x rw\n";
    put(path.join(root, "21117", "mountinfo"), own);
    expect(await ask(port, { root })).toBeNull();
    put(path.join(root, "21117", "mountinfo"), `${own}52 50 8:1 /state /home/node/.openclaw rw - ext4 x rw\n`);
    expect(await ask(port, { root })).toMatchObject({ port, listener: "openclaw-gateway" });
  });

  test.runIf(hasPermissions && process.getuid?.() === 0)("as another user's it is told by title and user", async () => {
    const seen = async (port: number) => {
      const code = `import { findUnseenGateway } from ${JSON.stringify(moduleUrl("src/facts/gateway-port.ts"))};
        import { openProcessTable } from ${JSON.stringify(moduleUrl("src/facts/processes.ts"))};
        const config = { value: { gateway: { port: ${port} } } };
        const found = await findUnseenGateway({ stateDir: "/state", config, env: {}, locks: [], processes: openProcessTable });
        console.log(JSON.stringify(found));`;
      return JSON.parse((await runUnprivileged(code)).stdout);
    };
    const proxy = await serveAs(65_533, "docker-proxy");
    expect(await seen(proxy)).toEqual({ port: proxy, listener: null, answers: true });
    expect(await seen(await serveAs(65_533, "openclaw"))).toBeNull();
  });
});

/** A gateway's answer from a process of another user; ends with the test. Returns the port. */
async function serveAs(uid: number, title: string): Promise<number> {
  const code = `process.title = ${JSON.stringify(title)};
    require("node:http").createServer((_, response) => response.end('{"ok":true,"status":"live"}'))
      .listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;
  const id = String(uid);
  const drop = ["--reuid", id, "--regid", id, "--clear-groups", process.execPath, "-e", code];
  const child = spawn("setpriv", drop, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return Number(line);
}

let root: string;
beforeEach(() => {
  root = path.join(tempDir(), "proc");
});

/** A recorded /proc in which process 21117 is OpenClaw, with sockets that listen: inode, user, address. */
function recorded(port: number, sockets: readonly string[]): string {
  cpSync(fileURLToPath(new URL("../fixtures/proc/nested/", import.meta.url)), root, { recursive: true });
  const status = path.join(root, "21117", "status");
  writeFileSync(status, readFileSync(status, "utf8").replace(/^NSpid:.*$/m, "NSpid:\t21117"));
  // Our own, against which depths of namespaces are measured.
  put(path.join(root, String(process.pid), "status"), `NSpid:\t${process.pid}\n`);
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = sockets.map((socket, n) => {
    const [inode, uid, address] = socket.split(" ");
    return `   ${n}: ${address}:${hex} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0 100 0 0 10 0`;
  });
  const connected = `   9: 0100007F:${hex} 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  0        0 999 1 0 100 0 0 10 0`;
  put(path.join(root, "net", "tcp"), `  sl  local_address\n${[...rows, connected].join("\n")}\n`);
  return root;
}

/** Gives a recorded process a socket. */
function open(dir: string, pid: number, inode: number): void {
  mkdirSync(path.join(dir, String(pid), "fd"), { recursive: true });
  symlinkSync(`socket:[${inode}]`, path.join(dir, String(pid), "fd", String(inode)));
}
