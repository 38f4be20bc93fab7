import { readFileSync } from "node:fs";
import type { ConfigFacts } from "./config.ts";
import type { Judged } from "./facts.ts";
import type { GatewayLock } from "./gateway-locks.ts";
import { DEFAULT_PORT, toldPorts } from "./gateway-port.ts";
import { listensOn } from "./listeners.ts";
import { type LockSnapshot, lookAtLock } from "./lock-file.ts";
import { getJson, type LoopbackAnswer } from "./loopback.ts";

/** One life of a gateway: a restart changes at least one of these. Ticks since boot, milliseconds since the epoch. */
export interface GatewayLife {
  readonly pid: number;
  readonly startTicks: number | null;
  readonly createdAtMs: number | null;
}

/** The gateway that serves a state dir, as its own lock names it. */
export interface GatewayProcess extends GatewayLife {
  readonly lockPath: string;
  readonly port: number;
  /** Whether the port is proven to be this gateway's: what is asked there is not another one's to answer. */
  readonly ownsPort: boolean;
}

/** The gateway of these locks; null when none holds one, or when two do. */
export function findGateway(
  locks: readonly Judged<GatewayLock>[],
  config: ConfigFacts,
  env: NodeJS.ProcessEnv,
): GatewayProcess | null {
  const live = liveLocks(locks);
  const [first] = live;
  if (first === undefined || live.some(({ life }) => life.pid !== first.life.pid)) return null;
  const named = first.payload.status === "ok" ? first.payload.port : undefined;
  const port = named ?? toldPorts(config, env)[0] ?? DEFAULT_PORT;
  const ownsPort = named !== undefined || listensOn(first.life.pid, port) === true;
  return { lockPath: first.lock.path, ...first.life, port, ownsPort };
}

/** Processes that hold one of these locks, each once. */
export function gatewayPids(locks: readonly Judged<GatewayLock>[]): number[] {
  return [...new Set(liveLocks(locks).map(({ life }) => life.pid))];
}

function liveLocks(locks: readonly Judged<GatewayLock>[]) {
  return locks.flatMap((lock) => {
    // A gateway holds its lock for as long as it runs: no hold is too long.
    const held = lock.judgement?.verdict === "held" || lock.judgement?.verdict === "overdue";
    const life = held && lock.look.kind === "file" ? lifeOf(lock.look.snapshot) : null;
    return life === null || lock.look.kind !== "file" ? [] : [{ lock, life, payload: lock.look.snapshot.payload }];
  });
}

/** The life a gateway lock stands for now; null when there is none to read. */
export function readLife(lockPath: string): GatewayLife | null {
  const look = lookAtLock(lockPath);
  return look.kind === "file" ? lifeOf(look.snapshot) : null;
}

/** The port a gateway lock names now; null when there is none to read, and on 2026.5.22, which names none. */
export function readPort(lockPath: string): number | null {
  const look = lookAtLock(lockPath);
  return look.kind === "file" && look.snapshot.payload.status === "ok" ? (look.snapshot.payload.port ?? null) : null;
}

/** Whether both are one life of one process. A restart within a process writes a new lock. */
export function sameLife(a: GatewayLife, b: GatewayLife): boolean {
  return a.createdAtMs === b.createdAtMs && sameProcess(a, b);
}

export function sameProcess(a: GatewayLife, b: GatewayLife): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks;
}

/**
 * Milliseconds the gateway on this port has been up, by its own account; null when it does not say so in time.
 * On 2026.5.22 each reading starts its event loop figures anew: not to be asked before those are wanted.
 */
export async function readUptime(port: number, deadlineMs: number): Promise<number | null> {
  return uptimeOf(await getJson(port, "/readyz", deadlineMs));
}

function uptimeOf(answer: LoopbackAnswer): number | null {
  const uptime =
    answer.kind === "answered" ? (answer.json as { uptimeMs?: unknown } | null | undefined)?.uptimeMs : null;
  return typeof uptime === "number" && Number.isFinite(uptime) && uptime >= 0 ? uptime : null;
}

/** Resident memory of a process in bytes; null when the platform does not tell. To be read before any request. */
export function readRss(pid: number, root = "/proc"): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`${root}/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

function lifeOf({ payload }: LockSnapshot): GatewayLife | null {
  if (payload.status !== "ok") return null;
  return { pid: payload.pid, startTicks: payload.starttime, createdAtMs: payload.createdAtMs };
}
