/**
 * Middle, spread and ratio of small samples, with no assumption about how they are distributed: times have long tails
 * upwards, and on a busy machine outliers are the rule.
 */

/** How often a bound may be wrong when nothing has changed, to one side. */
const LEVEL = 0.01;

/** @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Difference of the upper and the lower quartile. */
export function interquartileRange(values: readonly number[]): number {
  return quantile(values, 0.75) - quantile(values, 0.25);
}

/** The value below which this share of the others lies, between two of them where need be. @throws RangeError for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) throw new RangeError("no values");
  return low + (high - low) * (at - Math.floor(at));
}

/** Where a true value lies, but for one time in a hundred to each side. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How many times as much the second is as the first. Null: too few samples to say anything. */
export function ratioInterval(then: readonly number[], now: readonly number[]): Interval | null {
  const log = (values: readonly number[]): number[] => values.map((value) => Math.log(Math.max(value, 1e-6)));
  const found = differenceInterval(log(then), log(now));
  return found && { low: Math.exp(found.low), high: Math.exp(found.high) };
}

/** How much more the second is than the first: the test of Mann and Whitney turned round. */
export function differenceInterval(then: readonly number[], now: readonly number[]): Interval | null {
  const skip = criticalCount(then.length, now.length);
  if (skip < 0) return null;
  const differences = now.flatMap((b) => then.map((a) => b - a)).sort((a, b) => a - b);
  return { low: differences[skip] as number, high: differences[differences.length - 1 - skip] as number };
}

/**
 * The greatest number of pairs in wrong order that still is rarer than the level when both samples are from the same
 * distribution; -1 when even none is not rare enough.
 */
function criticalCount(n: number, m: number): number {
  const key = `${n} ${m}`;
  const known = criticalCounts.get(key) ?? countCritical(n, m);
  criticalCounts.set(key, known);
  return known;
}

const criticalCounts = new Map<string, number>();

function countCritical(n: number, m: number): number {
  if (n === 0 || m === 0) return -1;
  const ways = orderings(n, m);
  const all = ways.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (const [count, number] of ways.entries()) {
    sum += number;
    if (sum / all > LEVEL) return count - 1;
  }
  return -1;
}

/** How many orders of two samples have 0, 1, 2, … pairs in wrong order. */
function orderings(n: number, m: number): number[] {
  // One row per size of the first sample; each pass makes the second one larger by one.
  let rows = Array.from({ length: n + 1 }, () => [1]);
  for (let second = 1; second <= m; second += 1) {
    const next: number[][] = [[1]];
    for (let first = 1; first <= n; first += 1) {
      // The greatest of all is of the first sample, and then above all of the second, or of the second.
      const counts = new Array<number>(first * second + 1).fill(0);
      for (const [at, number] of (next[first - 1] as number[]).entries()) counts[at + second] = number;
      for (const [at, number] of (rows[first] as number[]).entries()) counts[at] = (counts[at] as number) + number;
      next.push(counts);
    }
    rows = next;
  }
  return rows[n] as number[];
}
