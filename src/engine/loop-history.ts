import { type Block, type Episode, episodesOf } from "./loop-blocks.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/**
 * How much a gateway that stood still, and does so no more, is to be worried about. Sizes are multiples of the policy's
 * `loop.maxDelayMs`: a loaded machine shows single ones of a little more than that in ordinary turns.
 */
const WORRY = {
  /** Once within the last hour. */
  once: 10,
  /** Within the last day. */
  day: 60,
  /** Several times within ten minutes of the last hour. */
  often: { size: 3, times: 3, withinMs: 10 * MINUTE },
  /** Hardly free at a stretch, within the last hour: short blocks back to back. Two ordinary turns are not that long. */
  sustainedMs: MINUTE,
} as const;

/** What is known of a gateway's past. Milliseconds since the epoch. */
export interface LoopHistory {
  readonly severity: "warning" | "info";
  readonly episodes: readonly Episode[];
  readonly longest: Episode;
  readonly last: Episode;
  /** At least so often. */
  readonly times: number;
  /** How far back the first one is. Milliseconds. */
  readonly ageMs: number;
  /** Only a timer that came late says so: a machine that was asleep looks the same. */
  readonly vague: boolean;
}

/** Weighs what was seen of a loop that stood still; null when nothing was. */
export function weighHistory(blocks: readonly Block[], leastMs: number, nowMs: number): LoopHistory | null {
  const known = blocks.filter(({ toMs }) => nowMs - toMs <= 7 * 24 * HOUR);
  const episodes = episodesOf(known);
  const last = episodes.at(-1);
  if (last === undefined) return null;
  const worried = isWorrying(known, leastMs, nowMs);
  return {
    severity: worried ? "warning" : "info",
    episodes,
    longest: episodes.reduce((a, b) => (b.longestMs > a.longestMs ? b : a)),
    last,
    times: episodes.reduce((sum, { times }) => sum + times, 0),
    ageMs: nowMs - Math.min(...episodes.map(({ fromMs }) => fromMs)),
    vague: episodes.every(({ sources }) => sources.every((source) => source === "late heartbeat")),
  };
}

function isWorrying(blocks: readonly Block[], leastMs: number, nowMs: number): boolean {
  const recent = blocks.filter(({ toMs }) => nowMs - toMs <= HOUR);
  if (recent.some(({ ms }) => ms >= WORRY.once * leastMs)) return true;
  if (blocks.some(({ ms, toMs }) => ms >= WORRY.day * leastMs && nowMs - toMs <= 24 * HOUR)) return true;
  return isOften(recent, leastMs) || episodesOf(recent).some(({ sustainedMs }) => sustainedMs >= WORRY.sustainedMs);
}

/** By one source alone: two that saw the same block would count it twice. */
function isOften(blocks: readonly Block[], leastMs: number): boolean {
  const { size, times, withinMs } = WORRY.often;
  const ends = Object.values(Object.groupBy(blocks, ({ source }) => source)).map((group = []) =>
    group
      .filter(({ ms }) => ms >= size * leastMs)
      .map(({ toMs }) => toMs)
      .sort((a, b) => a - b),
  );
  return ends.some((list) =>
    list.some((at, index) => (list[index + times - 1] ?? Number.POSITIVE_INFINITY) - at <= withinMs),
  );
}
