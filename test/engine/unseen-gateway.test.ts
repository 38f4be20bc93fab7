/** A gateway answers on this state dir's port, but no process here is it: from finding to repair. */
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runChecks } from "../../src/engine/diagnose.ts";
import { leaseFinding } from "../../src/engine/lease-findings.ts";
import { repairFindings } from "../../src/engine/repair.ts";
import type { JudgedLease } from "../../src/facts/leases.ts";
import { diagnose, repair } from "../../src/index.ts";
import { deadProcess, makeSandbox, startHolder } from "./sandbox.ts";

/** Answers as a gateway does, from a process that is none: this one. `start` and `stop` as often as needed. */
async function makeGateway() {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ url }, response) => {
    asked.push(url);
    response.end('{"ok":true,"status":"live"}');
  });
  const start = async (port = 0): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  onTestFinished(() => void server.close());
  return { asked, start, stop };
}

async function deadLock(port: number) {
  const sandbox = makeSandbox();
  sandbox.writeConfig({ gateway: { port } });
  const lock = sandbox.plant({ payload: { ...(await deadProcess()), createdAt: new Date().toISOString() } });
  return { ...sandbox, lock };
}

test("a dead owner's lock is unknown, says where to run, and stays; once the gateway is gone it is moved", async () => {
  const gateway = await makeGateway();
  const { options, lock } = await deadLock(await gateway.start());
  const { findings } = await diagnose(options);
  expect(findings).toMatchObject([
    { severity: "warning", verdict: "unknown", confidence: "unknown", fix: null, path: lock },
  ]);
  expect(findings[0]?.message).toContain("a gateway which is at work but cannot be seen from here");
  expect(findings[0]?.fixHint).toMatch(/^Run openclaw-vitals where the gateway runs: in its container/);
  expect((await repair({ ...options, yes: true, force: true })).repairs).toEqual([]);
  expect(existsSync(lock)).toBe(true);

  await gateway.stop();
  expect((await repair(options)).repairs).toMatchObject([{ status: "repaired", path: lock }]);
});

test("one look asks it once, and nobody asks while no lock is dead", async () => {
  const gateway = await makeGateway();
  const port = await gateway.start();
  const { options, plant } = await deadLock(port);
  plant({ session: "second", payload: { ...(await deadProcess()), createdAt: new Date().toISOString() } });
  expect((await diagnose(options)).findings).toHaveLength(2);
  expect(gateway.asked).toEqual(["/healthz"]);

  const healthy = makeSandbox();
  healthy.writeConfig({ gateway: { port } });
  const holder = await startHolder();
  mkdirSync(healthy.sessions(), { recursive: true });
  const payload = { pid: holder.pid, createdAt: new Date().toISOString(), maxHoldMs: 1_020_000 };
  await holder.take(path.join(healthy.sessions(), "live.jsonl.lock"), payload);
  expect((await diagnose(healthy.options)).findings).toEqual([]);
  expect(gateway.asked).toEqual(["/healthz"]);
});

test("one that starts after the look stops the repair", async () => {
  const gateway = await makeGateway();
  const port = await gateway.start();
  await gateway.stop();
  const { options, lock } = await deadLock(port);
  const found = await runChecks(options);
  expect(found.diagnosis.findings).toMatchObject([{ verdict: "gone" }]);
  await gateway.start(port);
  const { repairs } = await repairFindings(found, options);
  expect(repairs).toMatchObject([{ status: "skipped", reason: 'a second look says "unknown"' }]);
  expect(existsSync(lock)).toBe(true);
});

test("of a lease it says where to run, and never how to delete it", () => {
  const lease: JudgedLease = {
    table: "agent_database_leases",
    name: "lease-1",
    agent: "main",
    owner: { pid: 41, startTime: null, sameHost: null },
    createdAtMs: 0,
    expiresAtMs: null,
    heartbeatAtMs: null,
    database: null,
    key: { lease_id: "lease-1" },
    rowHash: "",
    process: null,
    unseenGateway: { port: 18_789, listener: "docker-proxy", answers: true },
    judgement: { verdict: "unknown", reason: "unseen-gateway", confidence: "unknown", blocks: true, fresh: false },
  };
  const finding = leaseFinding(lease, "/state/openclaw.sqlite", 1000);
  expect(finding).toMatchObject({ severity: "warning", verdict: "unknown", confidence: "unknown" });
  expect(finding?.message).toContain("names process 41, perhaps of a gateway which is at work but cannot be seen");
  expect(finding?.fixHint).toMatch(/^Run openclaw-vitals where the gateway runs/);
  expect(finding?.evidence).toContainEqual({
    what: "process that has this port",
    value: "docker-proxy",
    source: "open descriptors",
  });
});
