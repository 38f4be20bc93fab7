/**
 * Larger than any time, size or duration that is meant: 31 years in microseconds, a petabyte, the year 33658. Dates
 * can be made of it, and sums of it stay exact.
 */
const MOST = 1e15;

/** A number that can be a time, a size or a duration; null for what others wrote into a file or an answer instead. */
export function amount(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= MOST ? value : null;
}
