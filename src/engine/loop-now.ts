import {
  isStarved,
  type LiveProbe,
  type LiveWatch,
  ownMs,
  surelyOwnMs,
  type WatchOptions,
} from "../facts/live-watch.ts";
import type { GatewayProbe } from "../facts/vital-signs.ts";
import { START } from "./loop-blocks.ts";

/** What a process does that does not answer. */
export type WhyBlocked = "busy" | "waiting" | "starved" | "stopped" | "unknown";

/** How a gateway answers now. Milliseconds. */
export type LoopNow =
  | { readonly kind: "fine" }
  /** No answer for this long, while it takes connections. `why` is what its process does meanwhile. */
  | { readonly kind: "blocked"; readonly ms: number; readonly why: WhyBlocked }
  /** It answers, but each time only after standing still. */
  | { readonly kind: "again and again"; readonly longestMs: number; readonly slow: number; readonly of: number }
  /** It stood still while it was watched, and answers again. */
  | { readonly kind: "just now"; readonly ms: number }
  /** Late once, with nothing that says why; or not at all, and for want of a processor. */
  | { readonly kind: "doubtful"; readonly ms: number; readonly starved: boolean; readonly silent: boolean }
  /** Its process lives, and its port refuses connections. */
  | { readonly kind: "closed" }
  /** Its port is not known, or somebody else answers there. */
  | { readonly kind: "not asked" }
  /** Its lock is fresh, and it does not answer yet. */
  | { readonly kind: "starting" };

/** A loop that stands still this many times longer than the threshold, while it is watched, is a finding by itself. */
const LONG = 3;
/** And from here on it is said to be blocked, not only to have paused; with a threshold of many seconds at once. */
const BLOCKED = { times: 5, ms: 5_000 };
/** So many late answers, that make up most of the time, are one that stands still again and again. */
const OFTEN = 3;
const MOST = 0.6;
/**
 * A busy loop uses a whole processor, or the half of one it has to share. One that gets less than this is not to blame:
 * measured with 20 others waiting for two processors, a healthy gateway in a turn got 17 % and was silent for 4 s.
 */
const OWN_SHARE = 0.25;

/** From this part of the threshold on an answer is looked into: one in good order takes some milliseconds. */
const SUSPECT = 0.1;
/** So many answers in time and in a row, and the suspicion is gone. */
const CALM = 3;

/** How long a second look may take. Milliseconds. */
const SECOND_LOOK = {
  /** After no answer at all: is it over in a moment, or does it last? */
  silentMs: 1_200,
  /** After a late answer, or figures that may be those of the start. */
  doubtfulMs: 8_000,
  probeEveryMs: 250,
} as const;

/** A second look, and when it is over before its time; null when the first look is enough. */
export function secondLook(
  { health, ready }: GatewayProbe,
  { era, recorded }: { readonly era: "jsonl" | "sqlite"; readonly recorded: boolean },
  leastMs: number,
): Pick<WatchOptions, "forMs" | "enough" | "probeEveryMs"> | null {
  const { silentMs, doubtfulMs, probeEveryMs } = SECOND_LOOK;
  const enough = (probes: readonly LiveProbe[]): boolean => isEnough(probes, leastMs);
  if (health.kind === "silent") {
    const missingMs = blockedFrom(leastMs) + 200 - health.ms;
    return { forMs: Math.min(Math.max(silentMs, missingMs), doubtfulMs), probeEveryMs, enough };
  }
  if (health.kind !== "answered") return null;
  const waited = Math.max(health.ms, ready.ms);
  const told = ready.figures?.maxDelayMs ?? 0;
  // What the sampler has recorded, it tells better; and on newer versions the figures are those of the last second.
  const doubtful = !recorded && era === "jsonl" && told >= LONG * leastMs;
  if (ready.kind === "silent" || waited >= leastMs || doubtful) return { forMs: doubtfulMs, probeEveryMs, enough };
  // Between two short blocks an answer may come nearly at once: a few more tell.
  if (waited < SUSPECT * leastMs && told < leastMs) return null;
  return { forMs: doubtfulMs, probeEveryMs, enough: (probes) => enough(probes) || isCalm(probes, leastMs) };
}

/** Whether a watch has already shown what it is for. */
export function isEnough(probes: readonly LiveProbe[], leastMs: number): boolean {
  return longest(probes, surelyOwnMs) >= LONG * leastMs || isAgainAndAgain(probes, leastMs);
}

/** Whether some requests in a row were answered well in time. */
function isCalm(probes: readonly LiveProbe[], leastMs: number): boolean {
  const last = probes.slice(-CALM);
  return last.length === CALM && last.every(({ kind, ms }) => kind === "answered" && ms < leastMs / 2);
}

/** What a look, and a second or a longer one, say of the gateway now. */
export function judgeNow(probe: GatewayProbe, watch: LiveWatch | null, leastMs: number): LoopNow {
  const { health, ready } = probe;
  const probes = watch?.probes ?? [];
  const last = probes.at(-1);
  const fresh = isFresh(probe);
  const another = last?.kind === "other" || (health.kind === "other" && last?.kind !== "silent");
  if (health.kind === "unasked" || another) return { kind: "not asked" };
  if ((last ?? health).kind === "closed") return { kind: fresh ? "starting" : "closed" };
  const starved = isKeptWaiting(probe);
  const first = health.kind === "silent" && !starved ? health.ms - (probe.silent?.starvedMs ?? 0) : 0;
  const silentNow = last === undefined ? health.kind === "silent" : last.kind === "silent";
  if (silentNow) {
    const ms = (probes.length <= 1 && health.kind === "silent" ? health.ms : 0) + (last?.ms ?? 0);
    const long = ms >= START.longestMs;
    if (fresh && !long) return { kind: "starting" };
    const why = starved || (last !== undefined && ownMs(last) < last.ms) ? "starved" : whyBlocked(probe);
    if (why === "starved" && !long) return { kind: "doubtful", ms, starved: true, silent: true };
    if (ms >= blockedFrom(leastMs)) return { kind: "blocked", ms, why };
  }
  // What no machine explains away.
  const own = probes.filter(({ kind }) => kind !== "closed");
  if (isAgainAndAgain(own, leastMs) && !fresh)
    return { kind: "again and again", longestMs: longest(own), slow: slow(own, leastMs).length, of: own.length };
  // The second look begins while the first request still waits for its answer. One pause that is over is told only for
  // what of it no machine explains: a healthy turn on a busy machine was seen to keep a request waiting for 3.7 s.
  const lasted = Math.max(longest(own, surelyOwnMs), first + (own[0] === undefined ? 0 : surelyOwnMs(own[0])));
  if (lasted >= LONG * leastMs && !fresh) return { kind: "just now", ms: lasted };
  const late = Math.max(health.ms, ready.ms, longest(own));
  if (late < leastMs && health.kind === "answered") return { kind: "fine" };
  return fresh ? { kind: "starting" } : { kind: "doubtful", ms: late, starved, silent: silentNow };
}

/** How long no answer has to come. Milliseconds. */
function blockedFrom(leastMs: number): number {
  return Math.max(leastMs, Math.min(BLOCKED.times * leastMs, BLOCKED.ms));
}

/** A clock that was set back makes a lock of the future: how old that gateway is, nobody can say. */
function isFresh({ atMs, gateway: { createdAtMs } }: GatewayProbe): boolean {
  return createdAtMs !== null && Math.abs(atMs - createdAtMs) < START.windowMs;
}

function whyBlocked({ silent }: GatewayProbe): WhyBlocked {
  if (silent === null) return "unknown";
  if (silent.state === "T" || silent.state === "t") return "stopped";
  return silent.state !== "D" && silent.cpuMs >= OWN_SHARE * silent.overMs ? "busy" : "waiting";
}

/** Ready to run, and hardly let. */
function isKeptWaiting({ silent }: GatewayProbe): boolean {
  if (silent === null) return false;
  if (silent.starvedMs !== null) return isStarved(silent.starvedMs, silent.overMs);
  return silent.state === "R" && silent.cpuMs < OWN_SHARE * silent.overMs;
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

function longest(probes: readonly LiveProbe[], lengthOf = ownMs): number {
  return Math.max(0, ...probes.map((probe) => lengthOf(probe)));
}
