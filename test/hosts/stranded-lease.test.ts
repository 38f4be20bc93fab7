/** Leases that block a real 2026.9.6: the host fails, the finding names why, and what it says to do helps. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { gatewayTurn, startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { type Running, until } from "./harness/processes.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { completedTurn } from "./harness/turn.ts";
import { vitalsJson } from "./harness/vitals.ts";

let provider: Provider;
let home: Home;

beforeAll(async () => {
  provider = await startProvider();
  home = await createHome(await ensureHost("2026.9.6"), { provider });
  const gateway = await startGateway(home); // makes the database
  await gateway.stop();
  expect(await look()).toEqual([]);
});
beforeEach(() => edit((db) => db.exec("DELETE FROM state_leases; DELETE FROM agent_database_leases")));
afterAll(async () => {
  await home.dispose();
  await provider.close();
});

/** Works on the database while nothing of the host runs. */
function edit(change: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(home.stateDir, "state", "openclaw.sqlite"));
  try {
    change(db);
  } finally {
    db.close();
  }
}

async function look() {
  const { document } = await vitalsJson(home, ["check", "--only", "stranded-lease", "--host-version", "2026.9.6"]);
  return document.findings;
}

function plantStateLease(scope: string, payload: unknown, expiresInMs: number, renewedAgoMs = 60_000): void {
  const now = Date.now();
  const renewed = now - renewedAgoMs;
  const values = [
    scope,
    now + expiresInMs,
    renewed,
    payload === null ? null : JSON.stringify(payload),
    renewed,
    renewed,
  ];
  edit((db) => {
    db.prepare("INSERT INTO state_leases VALUES (?, 'global', 'planted', ?, ?, ?, ?, ?)").run(...values);
  });
}

const gatewayPayload = (pid: number, host: string, startedAt: number | null) => ({
  owner: { pid, host, startedAt },
  port: home.gatewayPort,
  mode: "foreground",
  supervisor: null,
});

async function gatewayStarts(): Promise<void> {
  const gateway = await startGateway(home);
  await gateway.stop();
}

/** When the finding says that the lease ends, in milliseconds since the epoch. */
function endOf(finding: { fixHint: string }): number {
  return Date.parse(/it ends by itself at (\S+Z)\./.exec(finding.fixHint)?.[1] ?? "");
}

/** As after waiting for the time in the finding, which must be the one in the row. */
function afterEnd(finding: { fixHint: string }): void {
  edit((db) => {
    const change = db.prepare("UPDATE state_leases SET expires_at = ? WHERE expires_at = ?");
    expect(change.run(Date.now() - 1, endOf(finding)).changes).toBe(1);
  });
}

/** A process that is no OpenClaw. */
async function unrelated(): Promise<Running> {
  return await home.spawnFile("sleep", ["600"]);
}

test("a killed gateway's leases are no finding: the next one takes them back", async () => {
  const gateway = await startGateway(home);
  expect((await gatewayTurn(home, gateway, { sessionId: "one" })).ok).toBe(true);
  expect(await look(), "a running gateway's leases").toEqual([]);
  await gateway.kill("SIGKILL");
  expect(await look()).toEqual([]);
  await gatewayStarts();
});

test("gateway-owner of another host blocks the start until it ends", async () => {
  plantStateLease("gateway-owner", gatewayPayload(7, "elsewhere", 7), 45_000);
  await expect(startGateway(home)).rejects.toThrow(/Another Gateway owner lease is still active/);
  const [finding] = await look();
  expect(finding).toMatchObject({
    severity: "warning",
    verdict: "unknown",
    target: "gateway",
    message: expect.stringMatching(/^The gateway cannot start for the next \d+ s: .* another host or container\.$/),
  });
  expect(JSON.stringify(finding)).not.toContain("elsewhere");
  await until(() => Date.now() > endOf(finding), 60_000, "the lease ends");
  await gatewayStarts();
  expect(await look()).toEqual([]);
});

test("gateway-owner of a number that another program has now, without a start time", async () => {
  const program = await unrelated();
  plantStateLease("gateway-owner", gatewayPayload(program.pid, hostname(), null), 200_000, 90_000);
  await expect(startGateway(home)).rejects.toThrow(/Another Gateway owner lease is still active/);
  const [finding] = await look();
  expect(finding).toMatchObject({ severity: "error", verdict: "gone", target: "gateway" });
  expect(finding.message).toContain(`names process ${program.pid}, which started after the lease was made`);
  afterEnd(finding);
  await gatewayStarts();
  await program.kill();
});

test("startup-migrations of another host blocks the start after an update", async () => {
  edit((db) => db.exec("DELETE FROM schema_meta WHERE meta_key IN ('startup-migrations', 'state-migrations')"));
  plantStateLease("startup-migrations", { version: "2026.9.6", ...gatewayPayload(7, "elsewhere", 7) }, 200_000);
  await expect(startGateway(home)).rejects.toThrow(/startup migrations are already running/);
  const [finding] = await look();
  expect(finding).toMatchObject({ severity: "warning", target: "state migration" });
  afterEnd(finding);
  await gatewayStarts();
});

test("a maintenance lease left behind stops turns and the doctor, until it ends", async () => {
  plantStateLease("core:agent-database-maintenance", null, 200_000, 60_000);
  const turn = await completedTurn(home, { sessionId: "two" });
  expect(turn).toMatchObject({
    ok: false,
    stdout: expect.stringContaining("Agent database maintenance is in progress"),
  });
  const doctor = await home.run(["doctor", "--fix", "--non-interactive"]);
  expect(doctor.code).toBe(1);
  expect(doctor.stdout + doctor.stderr).toContain("core:agent-database-maintenance");
  const [finding] = await look();
  expect(finding).toMatchObject({ severity: "warning", verdict: "unknown", target: "agent databases" });
  afterEnd(finding);
  const again = await completedTurn(home, { sessionId: "two" });
  expect(again.ok, again.stdout + again.stderr).toBe(true);
});

test("an agent's lease on a number that another program has now blocks gateway and doctor", async () => {
  const database = join(home.stateDir, "agents", "main", "agent", "openclaw-agent.sqlite");
  expect(existsSync(database)).toBe(true);
  const program = await unrelated();
  edit((db) => {
    db.prepare("INSERT INTO agent_database_leases VALUES ('left-behind', 'main', ?, ?, NULL, ?)").run(
      database,
      program.pid,
      Date.now() - 3_600_000,
    );
  });
  await expect(startGateway(home)).rejects.toThrow(/An agent database is in use/);
  const doctor = await home.run(["doctor", "--fix", "--non-interactive"]);
  expect(doctor.code).toBe(1);
  expect(doctor.stdout + doctor.stderr).toContain("An agent database is in use");
  const [finding] = await look();
  expect(finding).toMatchObject({ severity: "error", verdict: "gone", target: "agent main", fix: { risk: "confirm" } });
  expect(finding.message).toContain(`names process ${program.pid}, which started after the lease was made`);
  expect(finding.fixHint).toMatch(new RegExp(`^If process ${program.pid} is not needed, stop it; OpenClaw then takes`));

  // The way of those who can stop that process; `lease-repair.test.ts` goes the other one.
  await program.kill();
  expect(await look()).toEqual([]);
  await gatewayStarts();
  const turn = await completedTurn(home, { sessionId: "three" });
  expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
});
