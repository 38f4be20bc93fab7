import { durationWords } from "./duration-text.ts";
import { type GrowthVerdict, MB, NEEDED } from "./memory-growth.ts";
import type { LimitAhead } from "./memory-limit.ts";
import type { Slope } from "./theil-sen.ts";

const MINUTE = 60_000;

type Growing = GrowthVerdict & { kind: "growing" };

/** e.g. `The gateway's memory has grown by 61 MiB a minute (58 to 64) for 12 minutes and goes on: it reaches …`. */
export function growthText({ slope, fromMs, toMs }: Growing, limit: LimitAhead | null): string {
  const grew = `The gateway's memory has grown by ${rounded(slope.estimate / MB)} MiB a minute (${intervalText(slope)}) for ${durationWords(toMs - fromMs).text} and goes on`;
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
  const [early, late] = [durationWords(soonest * MINUTE), durationWords(latest * MINUTE)];
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
