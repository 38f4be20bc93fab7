import os from "node:os";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { isVoidable, judgeLease, type LeaseJudgement } from "../engine/lease-verdict.ts";
import type { UnseenGateway } from "./gateway-port.ts";
import type { ProcessState, ProcessTable } from "./processes.ts";
import { hashRow, type RowKey, readRow } from "./sqlite.ts";
import { readDatabaseCopy } from "./sqlite-copy.ts";

/** The process a lease names. Its machine's name stays here: only whether it is this machine is told. */
export interface LeaseOwner {
  readonly pid: number;
  /** As the host reads it (ticks since boot on Linux), null when the host could not tell. */
  readonly startTime: number | null;
  /** Null: the lease does not say on which machine. */
  readonly sameHost: boolean | null;
}

/** A row of `state_leases` or `agent_database_leases`. Times in milliseconds since the epoch. */
export interface Lease {
  readonly table: "state_leases" | "agent_database_leases";
  /** Scope of a state lease, e.g. `gateway-owner`; id of an agent's lease. */
  readonly name: string;
  /** The agent whose database it is, null for a state lease. */
  readonly agent: string | null;
  /** The agent's database as the lease names it, null for a state lease. */
  readonly database: string | null;
  /** Null: it names no process that could be looked up. */
  readonly owner: LeaseOwner | null;
  readonly createdAtMs: number;
  /** Null: it does not expire. */
  readonly expiresAtMs: number | null;
  readonly heartbeatAtMs: number | null;
  readonly key: RowKey;
  /** Hash of the whole row as it was read: another one is another row. */
  readonly rowHash: string;
}

/** A lease with what became of its owner; `process` is what has the number now, if it could be looked up. */
export interface JudgedLease extends Lease {
  readonly judgement: LeaseJudgement;
  readonly process: ProcessState | null;
  /** Set when it is why nothing can be said of the owner. */
  readonly unseenGateway: UnseenGateway | null;
}

export interface LeaseFacts {
  /** The database they are in. */
  readonly path: string;
  readonly leases: readonly JudgedLease[];
  /** Why they could not be read, one sentence each. */
  readonly problems: readonly string[];
}

/** A host has a handful; more are not worth the time. */
const MAX_ROWS = 500;

/** The leases of a host that keeps its state in a database (2026.8.1 and newer). Reads a copy, never the live file. */
export async function readLeases(
  stateDir: string,
  processes: () => Promise<ProcessTable>,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<LeaseFacts> {
  const file = path.join(stateDir, "state", "openclaw.sqlite");
  const found = await readDatabaseCopy(file, (db) => [...stateLeases(db), ...agentLeases(db)]);
  if (found.status !== "read") {
    const problems = found.status === "missing" ? [] : [`${file} ${found.why}, its leases were not looked at`];
    return { path: file, leases: [], problems };
  }
  const leases = found.value.length === 0 ? [] : await judgeAll(found.value, await processes(), findUnseenGateway);
  return { path: file, leases, problems: [] };
}

async function judgeAll(
  leases: readonly Lease[],
  table: ProcessTable,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<JudgedLease[]> {
  const namespace = table.namespace();
  const judged: JudgedLease[] = [];
  for (const lease of leases) {
    // The number of a process on another machine says nothing about the one that has it here.
    const process = lease.owner && lease.owner.sameHost !== false ? await table.get(lease.owner.pid) : null;
    const about = { lease, owner: process, namespace, nowMs: Date.now() };
    const first = judgeLease(about);
    const unseenGateway = isVoidable(first) ? await findUnseenGateway() : null;
    judged.push({ ...lease, process, unseenGateway, judgement: judgeLease({ ...about, unseenGateway }) });
  }
  return judged;
}

type Row = Record<string, unknown>;

function stateLeases(db: DatabaseSync): Lease[] {
  const columns = "scope, lease_key, expires_at, heartbeat_at, payload_json, created_at";
  return select(db, `SELECT ${columns} FROM state_leases WHERE lease_key = 'global'`).map((row) => ({
    table: "state_leases",
    name: String(row["scope"]),
    agent: null,
    database: null,
    owner: payloadOwner(row["payload_json"]),
    createdAtMs: number(row["created_at"]) ?? 0,
    expiresAtMs: number(row["expires_at"]),
    heartbeatAtMs: number(row["heartbeat_at"]),
    ...identity(db, "state_leases", { scope: String(row["scope"]), lease_key: "global" }),
  }));
}

function agentLeases(db: DatabaseSync): Lease[] {
  const columns = "lease_id, agent_id, path, owner_pid, owner_start_time, opened_at";
  return select(db, `SELECT ${columns} FROM agent_database_leases`).map((row) => ({
    table: "agent_database_leases",
    name: String(row["lease_id"]),
    agent: String(row["agent_id"]),
    database: String(row["path"]),
    owner: owner(row["owner_pid"], row["owner_start_time"], null),
    createdAtMs: number(row["opened_at"]) ?? 0,
    expiresAtMs: null,
    heartbeatAtMs: null,
    ...identity(db, "agent_database_leases", { lease_id: String(row["lease_id"]) }),
  }));
}

function identity(db: DatabaseSync, table: Lease["table"], key: RowKey): Pick<Lease, "key" | "rowHash"> {
  const row = readRow(db, table, key);
  return { key, rowHash: row === null ? "" : hashRow(row) };
}

function select(db: DatabaseSync, query: string): Row[] {
  return db.prepare(`${query} LIMIT ${MAX_ROWS}`).all() as Row[];
}

function payloadOwner(payload: unknown): LeaseOwner | null {
  try {
    const { pid, host, startedAt } = (JSON.parse(String(payload)) as { owner?: Row } | null)?.owner ?? {};
    if (typeof host !== "string" || host === "") return null;
    return owner(pid, startedAt, host === os.hostname());
  } catch {
    return null;
  }
}

function owner(pid: unknown, startTime: unknown, sameHost: boolean | null): LeaseOwner | null {
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return null;
  return { pid, startTime: number(startTime), sameHost };
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
