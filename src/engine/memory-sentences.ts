import { type GrowthVerdict, MB, NEEDED } from "./memory-growth.ts";
import type { LimitAhead } from "./memory-limit.ts";
import type { Slope } from "./theil-sen.ts";

type Growing = GrowthVerdict & { kind: "growing" };

/** e.g. `The gateway's memory has grown by 61 MiB a minute (58 to 64) for 12 minutes and goes on: it reaches …`. */
export function growthText({ slope, fromMs, toMs }: Growing, limit: LimitAhead | null): string {
  const grew = `The gateway's memory has grown by ${rounded(slope.estimate / MB)} MiB a minute (${intervalText(slope)}) for ${duration((toMs - fromMs) / 60_000)} and goes on`;
  if (limit === null) return `${grew}.`;
  return `${grew}: it reaches ${limit.what}, ${mebibytes(limit.bytes)}, ${inTime(limit)}.`;
}

/** The interval as it is shown: both ends, in the policy's unit. */
export function intervalText({ lower, upper }: Slope): string {
  return `${rounded(lower / MB)} to ${rounded(upper / MB)}`;
}

/** The lower end of the slope's interval is the later time: it may grow faster. */
function inTime({ soonest, latest }: LimitAhead): string {
  if (latest < 1) return "within a minute";
  const [early, late] = [inWords(soonest), inWords(latest)];
  if (early.text === late.text) return `in ${late.text}`;
  return `in ${early.unit === late.unit ? early.whole : early.text} to ${late.text}`;
}

export function inconclusiveText({ samples, minutes }: GrowthVerdict & { kind: "inconclusive" }): string {
  const have = `${samples} of ${NEEDED.samples} samples and ${Math.floor(minutes)} of ${NEEDED.minutes} minutes are there`;
  return `Whether the gateway's memory grows cannot be told yet: ${have}, its first ${NEEDED.startMinutes} minutes left out.`;
}

export function mebibytes(bytes: number): string {
  return `${rounded(bytes / MB)} MiB`;
}

function rounded(value: number): string {
  return Math.abs(value) < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value));
}

/** Of minutes, in words: `12 minutes`, `3 hours`, `2 days`. */
function duration(minutes: number): string {
  return inWords(minutes).text;
}

function inWords(minutes: number) {
  const [amount, unit] =
    minutes < 90
      ? ([minutes, "minute"] as const)
      : minutes < 48 * 60
        ? ([minutes / 60, "hour"] as const)
        : ([minutes / 1440, "day"] as const);
  const whole = Math.round(amount);
  return { whole, unit, text: `${whole} ${unit}${whole === 1 ? "" : "s"}` };
}
