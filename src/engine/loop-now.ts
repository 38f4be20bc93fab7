import { type LiveProbe, type LiveWatch, ownMs } from "../facts/live-watch.ts";
import type { GatewayProbe } from "../facts/vital-signs.ts";
import { START } from "./loop-blocks.ts";

/** How a gateway answers now. Milliseconds. */
export type LoopNow =
  | { readonly kind: "fine" }
  /** No answer for this long, while it takes connections. `why` is what its process does meanwhile. */
  | { readonly kind: "blocked"; readonly ms: number; readonly why: "busy" | "waiting" | "starved" | "unknown" }
  /** It answers, but each time only after standing still. */
  | { readonly kind: "again and again"; readonly longestMs: number; readonly slow: number; readonly of: number }
  /** It stood still while it was watched, and answers again. */
  | { readonly kind: "just now"; readonly ms: number }
  /** One late answer, and nothing that says why. */
  | { readonly kind: "doubtful"; readonly ms: number }
  /** Its process lives, and its port refuses connections. */
  | { readonly kind: "closed" }
  /** Its port is not known, or somebody else answers there. */
  | { readonly kind: "not asked" }
  /** Its lock is fresh, and it does not answer yet. */
  | { readonly kind: "starting" };

/** A loop that stands still this many times longer than the threshold, while it is watched, is a finding by itself. */
const LONG = 3;
/** And from here on it is said to be blocked, not only to have paused. */
const BLOCKED = 5;
/** So many late answers, that make up most of the time, are one that stands still again and again. */
const OFTEN = 3;
const MOST = 0.6;
/** A busy loop uses about a whole processor; one that gets less than this of it waits for its turn. */
const OWN_SHARE = 0.5;

/** How long a second look may take. Milliseconds. */
export const SECOND_LOOK = {
  /** After no answer at all: is it over in a moment, or does it last? */
  silentMs: 1_500,
  /** After a late answer, or figures that may be those of the start. */
  doubtfulMs: 8_000,
  probeEveryMs: 250,
} as const;

/** How long to look a second time before anything is said; null when the first look is enough. */
export function secondLookMs(
  { health, ready }: GatewayProbe,
  { era, recorded }: { readonly era: "jsonl" | "sqlite"; readonly recorded: boolean },
  leastMs: number,
): number | null {
  if (health.kind === "silent") return SECOND_LOOK.silentMs;
  if (health.kind !== "answered") return null;
  if (ready.kind === "silent" || Math.max(health.ms, ready.ms) >= leastMs) return SECOND_LOOK.doubtfulMs;
  // What the sampler has recorded, it tells better; and on newer versions the figures are those of the last second.
  if (recorded || era !== "jsonl") return null;
  return (ready.figures?.maxDelayMs ?? 0) >= LONG * leastMs ? SECOND_LOOK.doubtfulMs : null;
}

/** Whether a watch has already shown what it is for. */
export function isEnough(probes: readonly LiveProbe[], leastMs: number): boolean {
  return longest(probes) >= LONG * leastMs || isAgainAndAgain(probes, leastMs);
}

/** What a look, and a second or a longer one, say of the gateway now. */
export function judgeNow(probe: GatewayProbe, watch: LiveWatch | null, leastMs: number): LoopNow {
  const { health, ready, gateway } = probe;
  const probes = watch?.probes ?? [];
  const last = probes.at(-1);
  const fresh = gateway.createdAtMs !== null && probe.atMs - gateway.createdAtMs < START.windowMs;
  if (health.kind === "unasked" || (last ?? health).kind === "other") return { kind: "not asked" };
  if ((last ?? health).kind === "closed") return { kind: fresh ? "starting" : "closed" };
  const silentNow = last === undefined ? health.kind === "silent" : last.kind === "silent";
  if (silentNow) {
    const before = probes.length <= 1 && health.kind === "silent" ? health.ms : 0;
    const ms = before + (last?.ms ?? 0);
    if (ms >= BLOCKED * leastMs) return fresh && ms < START.longestMs ? { kind: "starting" } : blocked(ms, probe, last);
  }
  // What no machine explains away.
  const own = probes.filter(({ kind }) => kind !== "closed");
  if (isAgainAndAgain(own, leastMs) && !fresh)
    return { kind: "again and again", longestMs: longest(own), slow: slow(own, leastMs).length, of: own.length };
  // The second look begins while the first request still waits for its answer.
  const went = health.kind === "silent" && own[0] !== undefined ? health.ms + ownMs(own[0]) : 0;
  const lasted = Math.max(longest(own), went);
  if (lasted >= LONG * leastMs && !fresh) return { kind: "just now", ms: lasted };
  const late = Math.max(health.ms, ready.ms, longest(own));
  if (late < leastMs && health.kind === "answered") return { kind: "fine" };
  return fresh ? { kind: "starting" } : { kind: "doubtful", ms: late };
}

function blocked(ms: number, { silent }: GatewayProbe, last: LiveProbe | undefined): LoopNow {
  if (last !== undefined && ownMs(last) < last.ms) return { kind: "blocked", ms, why: "starved" };
  if (silent === null) return { kind: "blocked", ms, why: "unknown" };
  const { state, cpuMs, overMs } = silent;
  const share = overMs > 0 ? cpuMs / overMs : 0;
  if (state === "D") return { kind: "blocked", ms, why: "waiting" };
  if (share >= OWN_SHARE) return { kind: "blocked", ms, why: "busy" };
  return { kind: "blocked", ms, why: state === "S" ? "waiting" : "starved" };
}

function isAgainAndAgain(probes: readonly LiveProbe[], leastMs: number): boolean {
  const late = slow(probes, leastMs);
  const waited = late.reduce((sum, probe) => sum + ownMs(probe), 0);
  const [first, last] = [probes[0], probes.at(-1)];
  const over = first === undefined || last === undefined ? 0 : last.atMs + last.ms - first.atMs;
  return late.length >= OFTEN && waited >= MOST * over;
}

function slow(probes: readonly LiveProbe[], leastMs: number): LiveProbe[] {
  return probes.filter((probe) => isSlow(probe, leastMs));
}

function isSlow(probe: LiveProbe, leastMs: number): boolean {
  return ownMs(probe) >= leastMs;
}

function longest(probes: readonly LiveProbe[]): number {
  return Math.max(0, ...probes.map(ownMs));
}
