import { amount } from "./amount.ts";
import { type GatewayProcess, readRss } from "./gateway.ts";
import { isLive } from "./gateway-port.ts";
import { listensOn, portsOf, socketsOn } from "./listeners.ts";
import { getJson, type LoopbackAnswer } from "./loopback.ts";
import { type LoopTimes, readLoopTimes } from "./process-times.ts";
import type { ProcessTable } from "./processes.ts";
import type { GatewayProbe, Probe, ReadyFigures, SilentProcess } from "./vital-signs.ts";

export interface ProbeOptions {
  readonly processes: () => Promise<ProcessTable>;
  /** For each request; both are made at once. Default 4000. */
  readonly deadlineMs?: number;
  /** For tests; default /proc. */
  readonly root?: string;
}

/** A healthy gateway answers in some milliseconds; one that starts was seen to take 2 s. */
const DEADLINE_MS = 4_000;
/** To find out which of its ports is the one that answers. */
const FIND_PORT_MS = 500;
/** Ports of one process that are asked at most. */
const MAX_PORTS = 8;

/**
 * Looks at a gateway from outside: first its memory, which requests move, then `/healthz` and `/readyz` on loopback,
 * and what its process does meanwhile. Never throws, writes nothing, and takes some 5 seconds at most, also of a
 * gateway that has stopped answering.
 */
export async function probeGateway(found: GatewayProcess, options: ProbeOptions): Promise<GatewayProbe> {
  const { root = "/proc", deadlineMs = DEADLINE_MS } = options;
  const atMs = Date.now();
  const rssBytes = readRss(found.pid, root) ?? (await portableRss(found.pid));
  const gateway = await withPort(found, options);
  if (!gateway.ownsPort) {
    const nowhere = portsOf(gateway.pid, root)?.length === 0;
    const probe: Probe = { kind: nowhere ? "closed" : "unasked", ms: 0, status: null };
    return { gateway, atMs, rssBytes, health: probe, ready: { ...probe, figures: null }, silent: null };
  }
  const listens = (): boolean => listensOn(gateway.pid, gateway.port, root) !== false;
  const before = ownTimes(gateway, root);
  const [health, ready] = await Promise.all([
    ask(gateway.port, "/healthz", deadlineMs, isLive, listens),
    ask(gateway.port, "/readyz", deadlineMs, isReadiness, listens),
  ]);
  const quiet = health.probe.kind === "silent" || ready.probe.kind === "silent";
  return {
    gateway,
    atMs,
    rssBytes,
    health: health.probe,
    ready: { ...ready.probe, figures: ready.probe.kind === "answered" ? figuresOf(ready.json) : null },
    silent: quiet ? whatItDid(before, ownTimes(gateway, root)) : null,
  };
}

/** The gateway with a port that is proven to be its own, when there is one. */
async function withPort(gateway: GatewayProcess, { processes, root }: ProbeOptions): Promise<GatewayProcess> {
  if (gateway.ownsPort) return gateway;
  const listed = portsOf(gateway.pid, root);
  if (listed === null) {
    // No rights, or no Linux: whoever listens on the expected port may still be seen to be this process.
    const sockets = (await socketsOn(gateway.port, await processes(), root)) ?? [];
    const own = sockets.some(({ listeners }) => listeners.some(({ pid }) => pid === gateway.pid));
    return { ...gateway, ownsPort: own };
  }
  const ports = listed.slice(0, MAX_PORTS);
  const answers = await Promise.all(ports.map(async (port) => await getJson(port, "/healthz", FIND_PORT_MS)));
  const live = ports.find((_, n) => answers[n]?.kind === "answered" && isLive(answers[n].json));
  // A gateway that is stuck answers nowhere. Its other services listen above its own port.
  const port = live ?? ports.find((_, n) => answers[n]?.kind !== "answered");
  return port === undefined ? gateway : { ...gateway, port, ownsPort: true };
}

interface Asked {
  readonly probe: Probe;
  readonly json: unknown;
}

async function ask(
  port: number,
  path: string,
  deadlineMs: number,
  isGateway: (json: unknown) => boolean,
  listens: () => boolean,
): Promise<Asked> {
  const began = performance.now();
  const answer = await getJson(port, path, deadlineMs);
  const ms = Math.round(performance.now() - began);
  return { probe: probeOf(answer, ms, isGateway, listens), json: jsonOf(answer) };
}

function probeOf(
  answer: LoopbackAnswer,
  ms: number,
  isGateway: (json: unknown) => boolean,
  listens: () => boolean,
): Probe {
  if (answer.kind === "answered")
    return { kind: isGateway(answer.json) ? "answered" : "other", ms, status: answer.status };
  // Who hangs up is no loop that stands still.
  if (answer.kind === "silent") return { kind: answer.late ? "silent" : "other", ms, status: null };
  // Where so many wait to be let in that the kernel takes no more, a connection is not refused: it hangs.
  return { kind: answer.late && listens() ? "silent" : "closed", ms, status: null };
}

function jsonOf(answer: LoopbackAnswer): unknown {
  return answer.kind === "answered" ? answer.json : undefined;
}

function isReadiness(json: unknown): boolean {
  return typeof (json as { ready?: unknown } | null | undefined)?.ready === "boolean";
}

/** Reads what there is: to others than direct callers on loopback a gateway says `ready` alone. */
function figuresOf(json: unknown): ReadyFigures {
  const body = json as { ready?: unknown; uptimeMs?: unknown; eventLoop?: Record<string, unknown> | null };
  const loop = typeof body.eventLoop === "object" && body.eventLoop !== null ? body.eventLoop : {};
  return {
    ready: flag(body.ready),
    uptimeMs: amount(body.uptimeMs),
    degraded: flag(loop["degraded"]),
    maxDelayMs: amount(loop["delayMaxMs"]),
    p99DelayMs: amount(loop["delayP99Ms"]),
    utilization: amount(loop["utilization"]),
  };
}

function flag(value: unknown): boolean | null {
  return typeof value === "boolean" ? value : null;
}

type Watched = LoopTimes & { readonly atMs: number };

/** Null also when another process has the gateway's number by now. */
function ownTimes({ pid, startTicks }: GatewayProcess, root: string): Watched | null {
  const times = readLoopTimes(pid, root);
  if (times === null || (startTicks !== null && times.startTicks !== startTicks)) return null;
  return { ...times, atMs: performance.now() };
}

function whatItDid(before: Watched | null, after: Watched | null): SilentProcess | null {
  if (before === null || after === null || before.startTicks !== after.startTicks) return null;
  const starved = before.starvedMs === null || after.starvedMs === null ? null : after.starvedMs - before.starvedMs;
  return {
    state: after.state,
    cpuMs: after.cpuMs - before.cpuMs,
    starvedMs: starved === null ? null : Math.round(starved),
    overMs: Math.round(after.atMs - before.atMs),
  };
}

/** Resident memory in bytes where `readRss` does not tell. On Linux /proc has said all there is to say. */
export async function portableRss(pid: number): Promise<number | null> {
  if (process.platform === "linux") return null;
  const { default: pidusage } = await import("pidusage");
  return await pidusage(pid).then(
    ({ memory }) => memory,
    () => null,
  );
}
