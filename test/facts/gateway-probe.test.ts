/** Long because every kind of listener on the port is a server of its own here. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import type { GatewayProcess } from "../../src/facts/gateway.ts";
import { probeGateway } from "../../src/facts/gateway-probe.ts";
import { portsOf } from "../../src/facts/listeners.ts";
import { getJson } from "../../src/facts/loopback.ts";
import { readLoopTimes } from "../../src/facts/process-times.ts";
import { openProcessTable } from "../../src/facts/processes.ts";
import { hasPermissions, moduleUrl, put, runUnprivileged, tempDir } from "./sandbox.ts";

const onLinux = process.platform === "linux";
const READY = {
  ready: true,
  failing: [],
  uptimeMs: 21_440,
  eventLoop: { degraded: false, delayP99Ms: 21.5, delayMaxMs: 23.5, utilization: 0.008 },
};
const FIGURES = {
  ready: true,
  uptimeMs: 21_440,
  degraded: false,
  maxDelayMs: 23.5,
  p99DelayMs: 21.5,
  utilization: 0.008,
};
const PAGE = "<!doctype html><title>OpenClaw Control</title>";

const gateway = (port: number, more: Partial<GatewayProcess> = {}): GatewayProcess => ({
  lockPath: "/state/gateway.lock",
  pid: process.pid,
  startTicks: null,
  createdAtMs: 1,
  port,
  ownsPort: true,
  ...more,
});
const probe = async (found: GatewayProcess, deadlineMs = 10_000, root?: string) =>
  await probeGateway(found, { processes: openProcessTable, deadlineMs, ...(root === undefined ? {} : { root }) });

async function listen(server: Server | net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers as a gateway does; of paths it does not know it shows a page. */
const answers =
  (ready: unknown = READY, status = 200): RequestListener =>
  ({ url }, response) => {
    if (url === "/healthz") response.end('{"ok":true,"status":"live"}');
    else if (url === "/readyz") response.writeHead(status).end(JSON.stringify(ready));
    else response.end(PAGE);
  };

describe("a gateway that answers", () => {
  test("memory, both answers, figures", async () => {
    const port = await listen(createServer(answers()));
    const before = Date.now();
    const found = await probe(gateway(port));
    expect(found).toMatchObject({
      gateway: gateway(port),
      health: { kind: "answered", status: 200 },
      ready: { kind: "answered", status: 200, figures: FIGURES },
      silent: null,
    });
    expect(found.atMs).toBeGreaterThanOrEqual(before);
    if (onLinux) expect(found.rssBytes).toBeGreaterThan(10_000_000);
  });

  test("one that is not ready yet says so", async () => {
    const port = await listen(createServer(answers({ ...READY, ready: false, uptimeMs: 1806 }, 503)));
    expect((await probe(gateway(port))).ready).toMatchObject({
      kind: "answered",
      status: 503,
      figures: { ready: false, uptimeMs: 1806 },
    });
  });

  test("with TLS, whoever signed its certificate", async () => {
    const pem = (name: string) => readFileSync(fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url)));
    const port = await listen(https.createServer({ key: pem("key"), cert: pem("certificate") }, answers()));
    expect(await probe(gateway(port))).toMatchObject({
      health: { kind: "answered", status: 200 },
      ready: { kind: "answered", figures: FIGURES },
    });
  });

  test.each<[string, unknown, object]>([
    ["no details", { ready: true }, { ready: true, uptimeMs: null, maxDelayMs: null }],
    ["nonsense", { ready: false, uptimeMs: "1", eventLoop: null }, { ready: false, uptimeMs: null, degraded: null }],
    ["negative figures", { ready: true, eventLoop: { delayMaxMs: -1, utilization: [] } }, { maxDelayMs: null }],
  ])("figures of %s", async (_name, body, figures) => {
    const port = await listen(createServer(answers(body)));
    expect((await probe(gateway(port))).ready).toMatchObject({ kind: "answered", figures });
  });
});

describe("somebody who is no gateway", () => {
  test("shows a page, with status 200", async () => {
    const port = await listen(createServer((_, response) => void response.end(PAGE)));
    expect(await probe(gateway(port))).toMatchObject({
      health: { kind: "other", status: 200 },
      ready: { kind: "other", status: 200, figures: null },
      silent: null,
    });
  });

  test("hangs up: a loop that stands still cannot", async () => {
    const port = await listen(net.createServer((socket) => void socket.on("error", () => {}).destroy()));
    expect(await probe(gateway(port))).toMatchObject({ health: { kind: "other", status: null }, silent: null });
  });

  test("nobody listens", async () => {
    const server = net.createServer();
    const port = await listen(server);
    server.close();
    await once(server, "close");
    const found = await probe(gateway(port));
    expect(found).toMatchObject({ health: { kind: "closed" }, ready: { kind: "closed", figures: null }, silent: null });
  });
});

/** A server whose loop stands still as soon as it listens; ended after the test. Who connects waits in a short queue. */
async function stuck(): Promise<{ port: number; pid: number }> {
  const code = `const server = require("node:http").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      require("node:fs").writeSync(1, server.address().port + "\\n");
      for (;;);
    });`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  return { port: Number(line), pid: child.pid ?? 0 };
}

test.runIf(onLinux)(
  "a gateway whose loop stands still: silent, at work, also when none is let in any more",
  async () => {
    const { port, pid } = await stuck();
    const startTicks = readLoopTimes(pid)?.startTicks ?? null;
    const found = await probe(gateway(port, { pid, startTicks }), 400);
    expect(found).toMatchObject({
      health: { kind: "silent", status: null },
      ready: { kind: "silent", figures: null },
      silent: { state: "R" },
    });
    // On a busy machine it may get little of a processor.
    expect((found.silent?.cpuMs ?? 0) + (found.silent?.starvedMs ?? 0)).toBeGreaterThan(0);
    expect(found.silent?.overMs).toBeGreaterThanOrEqual(399);
    expect(found.rssBytes).toBeGreaterThan(1_000_000);

    const crowd = Array.from({ length: 4 }, () => net.connect(port, "127.0.0.1").on("error", () => {}));
    onTestFinished(() => crowd.forEach((socket) => void socket.destroy()));
    expect(await getJson(port, "/healthz", 200), "the kernel takes no more").toEqual({ kind: "closed", late: true });
    expect(await probe(gateway(port, { pid, startTicks }), 400)).toMatchObject({
      health: { kind: "silent" },
      silent: { state: "R" },
    });
    expect(await probe(gateway(1, { pid, ownsPort: false }), 100)).toMatchObject({
      gateway: { port, ownsPort: true },
      health: { kind: "silent" },
    });
    // Another process has the number now: what it does is none of the gateway's.
    expect(await probe(gateway(port, { pid, startTicks: 1 }), 50)).toMatchObject({
      health: { kind: "silent" },
      silent: null,
    });
  },
);

describe.runIf(onLinux)("a gateway whose lock names no port", () => {
  const unproven = (port: number) => gateway(port, { ownsPort: false });

  test("is found on the one it listens on, among others of its own", async () => {
    await listen(createServer((_, response) => void response.writeHead(401).end('{"error":"token"}')));
    const port = await listen(createServer(answers()));
    expect(portsOf(process.pid)).toContain(port);
    expect(await probe(unproven(1))).toMatchObject({
      gateway: { port, ownsPort: true },
      health: { kind: "answered" },
      ready: { figures: FIGURES },
    });
  });

  test("when it listens nowhere yet, it is closed, and whoever has the expected port is not asked", async () => {
    const asked: unknown[] = [];
    const port = await listen(createServer((request, response) => void response.end(String(asked.push(request.url)))));
    const code = 'require("node:fs").writeSync(1, "up\\n"); setInterval(() => {}, 1000);';
    const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const found = await probe(gateway(port, { pid: child.pid ?? 0, ownsPort: false }));
    expect(found).toMatchObject({ gateway: { port, ownsPort: false }, health: { kind: "closed" }, silent: null });
    expect(found.rssBytes).toBeGreaterThan(1_000_000);
    expect(asked).toEqual([]);
  });

  test("when we may not look, nobody is asked", async () => {
    const asked: unknown[] = [];
    const port = await listen(createServer((request, response) => void response.end(String(asked.push(request.url)))));
    const root = tempDir();
    put(path.join(root, "7", "status"), "VmRSS:\t    2048 kB\n"); // no fd, no net: as for a process of another user
    expect(await probe(gateway(port, { pid: 7, ownsPort: false }), 100, root)).toMatchObject({
      gateway: { port, ownsPort: false },
      rssBytes: 2_097_152,
      health: { kind: "unasked" },
      ready: { kind: "unasked", figures: null },
    });
    expect(asked).toEqual([]);
  });
});

test.runIf(onLinux && hasPermissions && process.getuid?.() === 0)("another user's gateway", async () => {
  const port = await listen(createServer(answers()));
  const title = process.title;
  onTestFinished(() => {
    process.title = title;
  });
  const seen = async (ownsPort: boolean) => {
    const code = `import { probeGateway } from ${JSON.stringify(moduleUrl("src/facts/gateway-probe.ts"))};
      import { openProcessTable } from ${JSON.stringify(moduleUrl("src/facts/processes.ts"))};
      const gateway = ${JSON.stringify(gateway(port, { ownsPort }))};
      console.log(JSON.stringify(await probeGateway(gateway, { processes: openProcessTable })));`;
    return JSON.parse((await runUnprivileged(code)).stdout);
  };
  expect(await seen(false), "nothing says that the port is its own").toMatchObject({
    rssBytes: expect.any(Number),
    health: { kind: "unasked" },
  });
  process.title = "openclaw";
  expect(await seen(false), "its title and the socket's user do").toMatchObject({
    gateway: { port, ownsPort: true },
    rssBytes: expect.any(Number),
    health: { kind: "answered" },
  });
});

describe.runIf(onLinux)("readLoopTimes", () => {
  const thread = (files: Record<string, string>) => {
    const root = tempDir();
    for (const [name, text] of Object.entries(files)) put(path.join(root, "7", "task", "7", name), text);
    return readLoopTimes(7, root);
  };
  const stat = "7 (a) R (b) D 1 2 3 4 5 6 7 8 9 10 150 25 13 14 15 16 17 18 4242 20";
  test("state, times and start, whatever the process calls itself", () => {
    const times = { state: "D", cpuMs: 1750, startTicks: 4242 };
    expect(thread({ stat, schedstat: "4000000000 1500000000 9\n" })).toEqual({ ...times, starvedMs: 1500 });
    expect(thread({ stat })).toEqual({ ...times, starvedMs: null });
  });
  test("null for what is none", () => {
    expect(thread({ stat: "7 (a) S 1" })).toBeNull();
    expect(thread({})).toBeNull();
    expect(readLoopTimes(4_194_305)).toBeNull();
  });
});
