import type { MemorySample } from "../facts/vital-signs.ts";

/** Fewer samples, or a shorter time, say nothing of a trend. */
const LEAST_SAMPLES = 30;
const LEAST_MS = 300_000;
/** A gateway that starts grows: its first minutes are left out. Milliseconds. */
const WARM_UP_MS = 180_000;
/** More points make the work quadratic and the answer no better. */
const MOST_POINTS = 240;

/** Median growth between all pairs of samples (Theil–Sen), bytes per second; null when there is too little. */
export function memorySlope(samples: readonly MemorySample[]): number | null {
  const start = samples[0]?.atMs ?? 0;
  const settled = samples.filter(({ atMs }) => atMs - start >= WARM_UP_MS);
  const span = (settled.at(-1)?.atMs ?? 0) - (settled[0]?.atMs ?? 0);
  if (settled.length < LEAST_SAMPLES || span < LEAST_MS) return null;
  const step = Math.max(1, settled.length / MOST_POINTS);
  const points = settled.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
  const slopes = points.flatMap((a, index) =>
    points.slice(index + 1).flatMap((b) => {
      return b.atMs === a.atMs ? [] : [((b.rssBytes - a.rssBytes) / (b.atMs - a.atMs)) * 1000];
    }),
  );
  const sorted = slopes.sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
