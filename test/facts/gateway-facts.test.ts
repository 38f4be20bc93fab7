import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { gatherFacts } from "../../src/facts/facts.ts";
import { gatewayFacts } from "../../src/facts/gateway-facts.ts";
import { openProcessTable } from "../../src/facts/processes.ts";
import { startTicks } from "../engine/sandbox.ts";
import { judgedLock } from "./judged-lock.ts";
import { deadPid, put, tempDir } from "./sandbox.ts";

const GRACE = 30;
const onLinux = process.platform === "linux";

/** A port on loopback that counts who asks. */
async function served(listener?: RequestListener) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (listener) listener(request, response);
    else response.end(request.url === "/healthz" ? '{"ok":true,"status":"live"}' : '{"ready":true,"uptimeMs":5}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { asked, port: (server.address() as AddressInfo).port };
}

/** A state dir of 2026.9.6, its log beside it, and a way to hold gateway locks in it. */
function install(port: number) {
  const root = tempDir();
  const stateDir = path.join(root, "state");
  const logFile = path.join(root, "openclaw.log");
  put(path.join(stateDir, "openclaw.json"), JSON.stringify({ gateway: { port }, logging: { file: logFile } }));
  const createdAt = new Date(Date.now() - 60_000).toISOString();
  const line = (message: string, ageMs: number) =>
    JSON.stringify({ 0: '{"subsystem":"gateway"}', time: new Date(Date.now() - ageMs).toISOString(), message });
  put(logFile, `${line("http server listening (1 plugin: a; 1s)", 90_000)}\n${line("gateway ready", 30_000)}\n`);
  const facts = (env: NodeJS.ProcessEnv = {}) =>
    gatherFacts({ stateDir, hostVersion: "2026.9.6", env: { HOME: root, ...env } });
  /** Planted as this process's, which then passes for the gateway. */
  const lock = (name: string, payload: object, held = true) => {
    const file = path.join(stateDir, "tmp", `openclaw-${process.getuid?.()}`, name);
    put(file);
    if (!held) return writeFileSync(file, JSON.stringify({ createdAt, ...payload }));
    const fd = openSync(file, "r+");
    writeSync(fd, JSON.stringify({ createdAt, ...payload }));
    onTestFinished(() => closeSync(fd));
  };
  const own = { pid: process.pid, ...(onLinux ? { startTime: startTicks(process.pid) } : {}), stateDir, port };
  return { stateDir, logFile, facts, lock, own, createdAt };
}

function titled(title: string): void {
  const before = process.title;
  process.title = title;
  onTestFinished(() => {
    process.title = before;
  });
}

describe("without a gateway", () => {
  test("nobody is asked and no log is read", async () => {
    const { asked, port } = await served();
    const { facts, logFile } = install(port);
    const all = facts();
    expect(await all.gatewayProbe(GRACE)).toBeNull();
    expect(await all.memoryLimits(GRACE)).toBeNull();
    expect(await all.gatewayLog(GRACE)).toEqual({ files: [], events: [], fromMs: null, shared: false });
    expect(await all.stability()).toEqual({ files: [], memory: [] });
    expect(asked).toEqual([]);
    expect(all.problems().join()).not.toContain(logFile);
  });

  test("because none runs", async () => {
    const { port } = await served((_, response) => void response.end("<!doctype html>"));
    expect(await install(port).facts().noGateway(GRACE)).toEqual({ kind: "down" });
  });

  test("because the one that holds the lock is gone", async () => {
    const { port } = await served((_, response) => void response.end("<!doctype html>"));
    const { facts, lock } = install(port);
    lock("gateway.state.lock", { pid: deadPid(), startTime: 1, port }, false);
    expect(await facts().noGateway(GRACE)).toEqual({ kind: "down" });
    expect(await facts().gatewayProbe(GRACE)).toBeNull();
  });

  test("because it cannot be seen from here, while its port answers", async () => {
    const { port } = await served();
    expect(await install(port).facts().noGateway(GRACE)).toEqual({
      kind: "unseen",
      gateway: { port, listener: expect.anything(), answers: true },
    });
  });
});

test.runIf(onLinux)("without a gateway of its own, while one of others answers on its port", async () => {
  const { port } = await served();
  titled("openclaw-gateway");
  expect(await install(port).facts().noGateway(GRACE)).toEqual({
    kind: "other",
    port,
    pids: [process.pid],
    answers: true,
  });
});

describe("without one gateway", () => {
  const why = async (...owners: readonly (readonly [pid: number, verdict: "held" | "unknown"])[]) => {
    const locks = owners.map(([pid, verdict]) => judgedLock({ pid, createdAt: new Date().toISOString() }, verdict));
    const none = await gatewayFacts({
      stateDir: tempDir(),
      env: {},
      updating: false,
      era: async () => "sqlite",
      logFile: () => null,
      gateway: async () => null,
      gatewayLocks: async () => ({ locks, problems: [] }),
      unseenGateway: async () => null,
      gatewayPorts: async () => [],
      processes: openProcessTable,
    }).noGateway(GRACE);
    return { none, path: locks[0]?.path };
  };

  test("because there are several", async () => {
    expect((await why([7, "held"], [8, "held"], [7, "held"])).none).toEqual({ kind: "several", pids: [7, 8] });
  });

  test("because of its lock's owner nothing can be told, e.g. on another machine", async () => {
    const { none, path: lockPath } = await why([7, "unknown"]);
    expect(none).toEqual({ kind: "unknown", lockPath });
    expect((await why([7, "unknown"], [8, "held"])).none).toMatchObject({ kind: "unknown" });
  });
});

describe.runIf(onLinux)("with a gateway", () => {
  test("its answers, its limits and its log since its start", async () => {
    const { asked, port } = await served();
    const { facts, lock, own, logFile, createdAt } = install(1);
    lock("gateway.state.lock", { ...own, port });
    titled("openclaw-gateway");
    const all = facts();
    expect(await all.noGateway(GRACE)).toBeNull();
    expect(await all.gatewayProbe(GRACE)).toMatchObject({
      gateway: { pid: process.pid, port, ownsPort: true, createdAtMs: Date.parse(createdAt) },
      health: { kind: "answered" },
      ready: { kind: "answered", figures: { ready: true, uptimeMs: 5 } },
    });
    await all.gatewayProbe(GRACE);
    expect(asked.sort()).toEqual(["/healthz", "/readyz"]);
    expect((await all.memoryLimits(GRACE))?.host.totalBytes).toBeGreaterThan(0);
    expect(await all.gatewayLog(GRACE)).toMatchObject({
      files: [logFile],
      events: [{ kind: "startup", step: "ready" }],
      shared: false,
    });
  });

  test("in an update it is left alone", async () => {
    const { asked, port } = await served();
    const { facts, lock, own } = install(port);
    lock("gateway.state.lock", { ...own, port });
    titled("openclaw-gateway");
    const all = facts({ OPENCLAW_UPDATE_IN_PROGRESS: "1" });
    expect(await all.noGateway(GRACE)).toEqual({ kind: "updating" });
    expect(await all.gatewayProbe(GRACE)).toBeNull();
    expect(await all.memoryLimits(GRACE)).toBeNull();
    expect((await all.gatewayLog(GRACE)).files).toEqual([]);
    expect(asked).toEqual([]);
  });
});
