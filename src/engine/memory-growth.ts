import type { MemorySample } from "../facts/vital-signs.ts";
import { type Point, type Slope, theilSen } from "./theil-sen.ts";

/** The policy's megabyte, in bytes. */
export const MB = 1_048_576;
const MINUTE = 60_000;

/** How much is looked at, back from the newest sample, and what is asked of it. */
interface Window {
  readonly minutes: number;
  /** Of the gateway's first time, which is left out: it loads itself. */
  readonly startMinutes: number;
  readonly samples: number;
  /** How many times the threshold it has to grow. */
  readonly factor: number;
}

/**
 * Five minutes are what a verdict takes, and longer ones find what is slow among noise. Two are enough only for what is
 * ten times too fast: no start-up and no burst was seen to keep that up for so long, and a gateway that loses 300 MB a
 * minute may not have five minutes left. docs/checks/rss-growth.md has the figures this was chosen by.
 */
const WINDOWS: readonly Window[] = [
  { minutes: 2, startMinutes: 1, samples: 12, factor: 10 },
  { minutes: 5, startMinutes: 3, samples: 30, factor: 1 },
  { minutes: 10, startMinutes: 3, samples: 30, factor: 1 },
  { minutes: 20, startMinutes: 3, samples: 30, factor: 1 },
  { minutes: 60, startMinutes: 3, samples: 30, factor: 1 },
];

/** What is asked for before memory is said not to grow. */
export const NEEDED = { minutes: 5, samples: 30, startMinutes: 3 } as const;
/** Equal parts of a window, each of which has to lie above the one before: a step or a plateau is no growth. */
const PARTS = 5;
/** What memory already reached and gave back within this time before a window is not new. Minutes. */
const MEMORY_OF_PEAKS = 60;

/** Whether memory grows. Slopes in bytes per minute. */
export type GrowthVerdict =
  | {
      readonly kind: "growing";
      readonly slope: Slope;
      readonly fromMs: number;
      readonly toMs: number;
      readonly samples: number;
      readonly fromBytes: number;
      readonly toBytes: number;
    }
  | { readonly kind: "steady" }
  /** How much there is of what is needed, the start left out. */
  | { readonly kind: "inconclusive"; readonly samples: number; readonly minutes: number };

/**
 * Judges samples of one life of one process, which began at `startedAtMs`. It grows when, in one of the windows, the
 * lower end of the slope's interval is above the threshold, and so is every part against the one before, and the level
 * is one it did not have before. The last two are needed because samples of a process depend on each other, which the
 * interval knows nothing of: one step, or a garbage collector's long sawtooth, is growth to it.
 */
export function judgeGrowth(
  samples: readonly MemorySample[],
  startedAtMs: number,
  thresholdBytesPerMinute: number,
): GrowthVerdict {
  const points = samples
    .map(({ atMs, rssBytes }) => ({ t: (atMs - startedAtMs) / MINUTE, y: rssBytes }))
    .sort((a, b) => a.t - b.t);
  let best: (GrowthVerdict & { kind: "growing" }) | null = null;
  for (const window of WINDOWS) {
    const found = growthIn(points, window, thresholdBytesPerMinute * window.factor);
    if (found === null || (best !== null && found.slope.lower <= best.slope.lower)) continue;
    const { slope, part } = found;
    const [from, to] = [part[0] as Point, part.at(-1) as Point];
    best = {
      kind: "growing",
      slope,
      fromMs: startedAtMs + from.t * MINUTE,
      toMs: startedAtMs + to.t * MINUTE,
      samples: part.length,
      fromBytes: from.y,
      toBytes: to.y,
    };
  }
  if (best !== null) return best;
  const seen = sinceGap(points.filter(({ t }) => t >= NEEDED.startMinutes));
  const minutes = span(seen);
  if (minutes >= NEEDED.minutes && seen.length >= NEEDED.samples) return { kind: "steady" };
  return { kind: "inconclusive", samples: seen.length, minutes };
}

/** What a sampler saw that has stopped since says nothing about now. */
function sinceGap(points: readonly Point[]): readonly Point[] {
  const gap = points.findLastIndex(({ t }, i) => i > 0 && t - (points[i - 1]?.t ?? t) > NEEDED.minutes);
  return points.slice(Math.max(gap, 0));
}

function growthIn(points: readonly Point[], window: Window, threshold: number): { slope: Slope; part: Point[] } | null {
  const settled = points.filter(({ t }) => t >= window.startMinutes);
  const end = settled.at(-1)?.t ?? 0;
  // From the last sample before it, so that a window is never a moment short, nor a sample where they come late.
  const begin = settled.findLastIndex(({ t }, i) => t <= end - window.minutes && settled.length - i >= window.samples);
  if (begin < 0) return null;
  const part = settled.slice(begin);
  if (span(part) > 2 * window.minutes) return null;
  if (!growsThroughout(part, threshold) || !isNewHeight(settled.slice(0, begin), part)) return null;
  const slope = theilSen(part);
  return slope !== null && slope.lower > threshold ? { slope, part } : null;
}

function growsThroughout(part: readonly Point[], threshold: number): boolean {
  const begin = part[0]?.t ?? 0;
  const width = span(part) / PARTS;
  const levels: Point[] = [];
  for (let i = 0; i < PARTS; i += 1) {
    const within = part.filter(({ t }) => Math.min(Math.floor((t - begin) / width), PARTS - 1) === i);
    if (within.length > 0) levels.push({ t: median(within.map(({ t }) => t)), y: median(within.map(({ y }) => y)) });
  }
  // One part may be missing: a blocked event loop takes no samples.
  if (levels.length < PARTS - 1) return false;
  return levels.slice(1).every((level, i) => {
    const before = levels[i] as Point;
    return level.y - before.y > threshold * (level.t - before.t);
  });
}

/** Single samples may stick out; three in a row are a height. */
function isNewHeight(before: readonly Point[], part: readonly Point[]): boolean {
  const now = median(part.slice(-3).map(({ y }) => y));
  const since = (part[0]?.t ?? 0) - MEMORY_OF_PEAKS;
  const recent = before.filter(({ t }) => t >= since).map(({ y }) => y);
  return recent.every((_, i) => i + 3 > recent.length || median(recent.slice(i, i + 3)) < now);
}

function span(points: readonly Point[]): number {
  return (points.at(-1)?.t ?? 0) - (points[0]?.t ?? 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
