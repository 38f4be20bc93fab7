import { readFileSync } from "node:fs";
import { type GatewayProcess, readRss } from "./gateway.ts";
import { getJson, type LoopbackAnswer } from "./loopback.ts";
import type { MemorySample, Probe } from "./vital-signs.ts";

/** One request of a watch. Milliseconds. */
export interface LiveProbe extends Probe {
  readonly atMs: number;
  /** What the machine and not the gateway made it wait: no processor was free for it, or for us. */
  readonly starvedMs: number;
}

/** A gateway watched from outside, for a while. Milliseconds since the epoch. */
export interface LiveWatch {
  readonly fromMs: number;
  readonly toMs: number;
  /** `/healthz`, one request at a time: one without an answer lasts until the end of the watch. */
  readonly probes: readonly LiveProbe[];
  readonly memory: readonly MemorySample[];
  /** Ended before its time by whoever asked for it. */
  readonly cut: boolean;
}

/** A gateway that had to share its processor is late all the same; one that hardly got any is not to blame. */
const STARVED = 0.75;

/** Whether a process that could run for this long was kept waiting for a processor most of the time. */
export function isStarved(starvedMs: number, overMs: number): boolean {
  return starvedMs > STARVED * overMs;
}

/** How long the gateway itself, and not the machine, made a request wait. Milliseconds. */
export function ownMs({ kind, ms, starvedMs }: LiveProbe): number {
  if (kind !== "answered" && kind !== "silent") return 0;
  return isStarved(starvedMs, ms) ? ms - starvedMs : ms;
}

/** The part of it for which nothing but the gateway can be the cause. Milliseconds. */
export function surelyOwnMs(probe: LiveProbe): number {
  return Math.min(ownMs(probe), probe.ms - probe.starvedMs);
}

export interface WatchOptions {
  readonly forMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called about once a second with the milliseconds left. */
  readonly onLeft?: ((leftMs: number) => void) | undefined;
  /** Ends the watch as soon as it is true. */
  readonly enough?: ((probes: readonly LiveProbe[]) => boolean) | undefined;
  readonly probeEveryMs?: number | undefined;
  readonly memoryEveryMs?: number | undefined;
}

const OWN_TIMER_MS = 50;
/** A request that has less time tells nothing. */
const LEAST_MS = 100;

/** Watches a gateway until the time is over or the signal comes. Asks on loopback only, never throws. */
export async function watchGateway(
  gateway: Pick<GatewayProcess, "pid" | "port">,
  { forMs, signal, onLeft, enough, probeEveryMs = 1_000, memoryEveryMs = 2_000 }: WatchOptions,
): Promise<LiveWatch> {
  const fromMs = Date.now();
  const end = performance.now() + forMs;
  const left = (): number => (signal?.aborted ? 0 : Math.max(0, end - performance.now()));
  const probes: LiveProbe[] = [];
  const memory: MemorySample[] = [];
  const remember = (): void => {
    const rssBytes = readRss(gateway.pid);
    if (rssBytes !== null) memory.push({ atMs: Date.now(), rssBytes });
  };
  // Before the first request, which moves it.
  remember();
  const timers = [setInterval(remember, memoryEveryMs)];
  if (onLeft !== undefined) timers.push(setInterval(() => onLeft(left()), 1_000));
  const own = ownDelay();
  try {
    while (left() > LEAST_MS) {
      const atMs = Date.now();
      const began = performance.now();
      const queued = queuedMs(gateway.pid);
      own.reset();
      const answer = await unlessAborted(getJson(gateway.port, "/healthz", left(), signal), signal);
      const ms = performance.now() - began;
      const starvedMs = Math.min(ms, Math.max(own.longest(), (queuedMs(gateway.pid) ?? 0) - (queued ?? 0)));
      const kind = kindOf(answer, signal?.aborted ?? false);
      const status = answer?.kind === "answered" ? answer.status : null;
      probes.push({ kind, ms, status, atMs, starvedMs });
      if (enough?.(probes)) break;
      await unlessAborted(sleep(Math.min(left(), Math.max(0, probeEveryMs - ms))), signal);
    }
  } finally {
    for (const timer of timers) clearInterval(timer);
    own.stop();
  }
  return { fromMs, toMs: Date.now(), probes, memory, cut: signal?.aborted ?? false };
}

/** Who hangs up is no loop that stands still. @param ended nobody waited for the answer any longer */
function kindOf(answer: LoopbackAnswer | null, ended: boolean): Probe["kind"] {
  if (answer?.kind === "answered") return "answered";
  if (answer === null || ended || answer.late) return "silent";
  return answer.kind === "silent" ? "other" : "closed";
}

/** How long the main thread of a process has been ready to run without a processor; null where nobody counts it. */
function queuedMs(pid: number): number | null {
  try {
    const nanoseconds = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[1];
    return nanoseconds === undefined ? null : Number(nanoseconds) / 1e6;
  } catch {
    return null;
  }
}

/** How late a timer of ours came at most since the last reset. */
function ownDelay() {
  let last = performance.now();
  let longest = 0;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last - OWN_TIMER_MS);
    last = now;
  };
  const timer = setInterval(look, OWN_TIMER_MS);
  return {
    reset: (): void => {
      longest = 0;
    },
    longest: (): number => longest,
    stop: (): void => clearInterval(timer),
  };
}

/** Null as soon as the signal comes. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (signal === undefined) return await work;
  if (signal.aborted) return null;
  let abort = (): void => {};
  const aborted = new Promise<null>((resolve) => {
    abort = () => resolve(null);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
