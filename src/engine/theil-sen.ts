/** A time and a value, in any units. */
export interface Point {
  readonly t: number;
  readonly y: number;
}

/** Value per time, with both ends of its confidence interval. */
export interface Slope {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
}

/** Of the normal distribution, for an interval of 99 %. */
const Z = 2.5758;
/** More points make the work quadratic and the answer no better. */
const MOST_POINTS = 240;

/**
 * Theil–Sen: the median of the slopes of all pairs of points, with the interval that follows from the variance of
 * Kendall's S (Sen 1968). A third of the points may be anything. Points at the same time make no pair. Null when there
 * are fewer than three times. As in any such test points are taken for independent, which those of a process are not:
 * whoever decides by the interval has to ask for more.
 */
export function theilSen(points: readonly Point[], z = Z): Slope | null {
  const thin = thinned(points);
  const slopes: number[] = [];
  for (const [i, a] of thin.entries())
    for (const b of thin.slice(i + 1)) if (b.t !== a.t) slopes.push((b.y - a.y) / (b.t - a.t));
  if (new Set(thin.map(({ t }) => t)).size < 3) return null;
  const sorted = Float64Array.from(slopes).sort();
  const n = sorted.length;
  const spread = z * Math.sqrt(kendallVariance(thin));
  const at = (rank: number) => sorted[Math.min(Math.max(Math.round(rank), 0), n - 1)] ?? Number.NaN;
  const estimate = ((sorted[(n - 1) >> 1] ?? Number.NaN) + (sorted[n >> 1] ?? Number.NaN)) / 2;
  return { estimate, lower: at((n - spread) / 2 - 1), upper: at((n + spread) / 2) };
}

/** Variance of Kendall's S, with what ties take from it. */
function kendallVariance(points: readonly Point[]): number {
  const weight = (count: number) => count * (count - 1) * (2 * count + 5);
  const ties = (values: readonly number[]) => {
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts.values()].reduce((sum, count) => sum + weight(count), 0);
  };
  const all = weight(points.length) - ties(points.map(({ t }) => t)) - ties(points.map(({ y }) => y));
  return Math.max(all, 0) / 18;
}

/** At most so many points, evenly spread over all. */
function thinned(points: readonly Point[]): readonly Point[] {
  if (points.length <= MOST_POINTS) return points;
  const step = (points.length - 1) / (MOST_POINTS - 1);
  return Array.from({ length: MOST_POINTS }, (_, i) => points[Math.round(i * step)] as Point);
}
