import { UserError } from "../engine/errors.ts";

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Milliseconds of a duration such as `30s`, `2m` or `1h`.
 * @throws UserError for anything else, and outside of the bounds.
 */
export function parseDuration(flag: string, text: string, bounds: { least: string; most: string }): number {
  const ms = read(text);
  const [least, most] = [read(bounds.least) ?? 0, read(bounds.most) ?? Number.POSITIVE_INFINITY];
  if (ms === null) throw new UserError(`${flag} does not know "${text}".`, "Give a duration such as 30s or 2m.");
  if (ms < least || ms > most)
    throw new UserError(`${flag} does not take ${text}.`, `Allowed: from ${bounds.least} to ${bounds.most}.`);
  return ms;
}

function read(text: string): number | null {
  const match = /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/.exec(text);
  return match === null ? null : Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
}
