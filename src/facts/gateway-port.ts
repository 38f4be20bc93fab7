import { type ConfigFacts, configValue } from "./config.ts";
import type { FoundLock } from "./found-lock.ts";
import { type Listener, socketsOn } from "./listeners.ts";
import { isPort } from "./lock-file.ts";
import { getJson } from "./loopback.ts";
import { reaches } from "./mounts.ts";
import type { ProcessTable } from "./processes.ts";

/**
 * A gateway that is at work on this state dir's port, while no process here is that gateway: it runs in a container
 * or another PID namespace, and so do the owners of its locks, whatever their numbers mean here.
 */
export interface UnseenGateway {
  readonly port: number;
  /** Title of the process that has the port here, e.g. a container's proxy; null when none can be seen. */
  readonly listener: string | null;
  /** False: it takes connections, but did not answer in time. A stuck gateway does so. */
  readonly answers: boolean;
}

export interface GatewayPortQuestion {
  readonly stateDir: string;
  readonly config: ConfigFacts;
  readonly env: NodeJS.ProcessEnv;
  /** The gateway locks of this state dir. */
  readonly locks: readonly FoundLock[];
  readonly processes: () => Promise<ProcessTable>;
  /** For tests; default /proc. */
  readonly root?: string;
}

/** The host's own default. */
export const DEFAULT_PORT = 18_789;
/** A gateway at work answers in some milliseconds. */
const DEADLINE_MS = 1_000;

/**
 * Asks the ports on which a gateway of this state dir would listen, on loopback only. Null when nobody is there, or
 * when a process in our own PID namespace is seen to be the gateway. Takes about a second at most.
 */
export async function findUnseenGateway(question: GatewayPortQuestion): Promise<UnseenGateway | null> {
  const answers = await Promise.all(gatewayPorts(question).map(async (port) => await lookAt(port, question)));
  return answers.find((answer) => answer !== null) ?? null;
}

/** A gateway that is at work on this port, whosever it is; null when there is none. Takes a second at most. */
export async function gatewayOn(port: number, processes: () => Promise<ProcessTable>, root?: string) {
  const answer = await getJson(port, "/healthz", DEADLINE_MS);
  if (answer.kind === "closed" || (answer.kind === "answered" && !isLive(answer.json))) return null;
  const sockets = (await socketsOn(port, await processes(), root)) ?? [];
  const gateways = sockets.flatMap(({ listeners }) => listeners).filter(({ openclaw }) => openclaw);
  if (answer.kind === "silent" && gateways.length === 0) return null; // anything may be silent
  return { port, pids: [...new Set(gateways.map(({ pid }) => pid))], answers: answer.kind === "answered" };
}

/** Ports on which a gateway of this state dir would listen: what its locks say, and what it would be told. */
export function gatewayPorts({ config, env, locks }: Pick<GatewayPortQuestion, "config" | "env" | "locks">): number[] {
  const locked = locks.map((lock) => payloadOf(lock)?.port);
  const told = toldPorts(config, env);
  // Without a gateway of its own, an install may have the port forwarded to one on another machine.
  const remote = configValue(config, "gateway.mode") === "remote";
  const expected = remote ? [] : told.length > 0 ? told : [DEFAULT_PORT];
  return [...new Set([...locked.filter(isPort), ...expected])];
}

/** The ports a gateway is told to listen on, the one that counts first. */
export function toldPorts(config: ConfigFacts, env: NodeJS.ProcessEnv): number[] {
  return [portInEnv(env["OPENCLAW_GATEWAY_PORT"]), configValue(config, "gateway.port")].filter(isPort);
}

/** As the host reads it: a number, or an address that ends in one. */
function portInEnv(text: string | undefined): number | null {
  const match = /^(?:[^:]+:|\[[^\]]+\]:)?(\d+)$/.exec(text?.trim() ?? "");
  return match ? Number(match[1]) : null;
}

function payloadOf({ look }: FoundLock) {
  return look.kind === "file" && look.snapshot.payload.status === "ok" ? look.snapshot.payload : null;
}

async function lookAt(port: number, question: GatewayPortQuestion): Promise<UnseenGateway | null> {
  // First of all, because a refusal costs nothing, while the kernel walks through all its sockets to list them.
  const answer = await getJson(port, "/healthz", DEADLINE_MS);
  if (answer.kind === "closed" || (answer.kind === "answered" && !isLive(answer.json))) return null;
  const { stateDir, locks, processes, root } = question;
  const table = await processes();
  const named = await namedGateways(locks, table);
  const sockets = await socketsOn(port, table, root);
  const isGateway = ({ pid, openclaw, nested }: Listener): boolean =>
    // One in a container writes down other numbers; it is no matter when it cannot reach this state dir.
    nested ? openclaw && !reaches(pid, stateDir, root) : openclaw || named.includes(pid);
  const seen =
    sockets === null
      ? named.length > 0
      : sockets.length > 0 && sockets.every(({ listeners }) => listeners.some(isGateway));
  if (seen) return null;
  const listener = sockets?.flatMap(({ listeners }) => listeners)[0]?.title ?? null;
  return { port, listener, answers: answer.kind === "answered" };
}

function isLive(json: unknown): boolean {
  const { ok, status } = (json ?? {}) as { ok?: unknown; status?: unknown };
  return ok === true && status === "live";
}

/** Live processes the gateway locks name, unless another has the number now. */
async function namedGateways(locks: readonly FoundLock[], table: ProcessTable): Promise<number[]> {
  const pids: number[] = [];
  for (const lock of locks) {
    const payload = payloadOf(lock);
    if (payload === null) continue;
    const owner = await table.get(payload.pid);
    if (owner.state !== "alive") continue;
    const { startTicks, startedAtMs } = owner;
    const { starttime, createdAtMs } = payload;
    const other =
      starttime !== null && startTicks !== null
        ? starttime !== startTicks
        : createdAtMs !== null && startedAtMs !== null && startedAtMs > createdAtMs;
    if (!other) pids.push(payload.pid);
  }
  return pids;
}
