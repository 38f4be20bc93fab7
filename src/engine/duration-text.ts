/** How long something took or lasts, for people. All times in milliseconds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Short: 950 → `950 ms`, 4900 → `4.9 s`, 137000 → `2 min 17 s`, 12600000 → `3.5 h`, three days → `3 days`. */
export function durationText(ms: number): string {
  if (Math.round(ms) < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 9.95 * SECOND) return `${tenths(ms / SECOND)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  if (ms < 9.95 * HOUR) return `${tenths(ms / HOUR)} h`;
  const hours = Math.round(ms / HOUR);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A time in words, and its parts for a sentence about two of them: `3 to 5 hours`. */
export interface DurationWords {
  readonly text: string;
  readonly whole: number;
  readonly unit: "minute" | "hour" | "day";
}

/** In words: `12 minutes`, `3 hours`, `2 days`. */
export function durationWords(ms: number): DurationWords {
  const [amount, unit] =
    ms < 90 * MINUTE
      ? ([ms / MINUTE, "minute"] as const)
      : ms < 2 * DAY
        ? ([ms / HOUR, "hour"] as const)
        : ([ms / DAY, "day"] as const);
  const whole = Math.round(amount);
  return { whole, unit, text: `${whole} ${unit}${whole === 1 ? "" : "s"}` };
}
