/** Values of single flags: each is read here, or refused with what would be right. */
import { UserError } from "../engine/errors.ts";

/** An empty value is mostly an unset variable of a script; it must not come to mean the working directory. */
export function filled(flag: string, value: string | undefined): string | undefined {
  if (value?.trim() === "") throw new UserError(`${flag} is empty.`, "Give it a path or leave it out.");
  return value;
}

/** The ids of checks; an empty list must not come to mean all of them. */
export function ids(flag: string, values: readonly string[] | undefined): string[] {
  const found = split(values);
  if (values !== undefined && found.length === 0)
    throw new UserError(`${flag} is empty.`, "Give it the id of a check; `openclaw-vitals list` shows them.");
  return found;
}

function split(values: readonly string[] | undefined): string[] {
  return (values ?? [])
    .flatMap((value) => value.split(","))
    .map((id) => id.trim())
    .filter(Boolean);
}

export function oneOf<T extends string>(flag: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new UserError(`${flag} does not know "${value}".`, `Allowed: ${allowed.join(", ")}.`);
  return found;
}

export function version(flag: string, value: string | undefined): string | undefined {
  if (value === undefined || /^v?\d{4}\.\d+\.\d+(-[\w.-]+)?$/.test(value)) return value?.replace(/^v/, "");
  throw new UserError(`${flag} does not know "${value}".`, "Give a version such as 2026.5.22.");
}

export function numbers(values: readonly string[] | undefined): number[] | undefined {
  if (values === undefined) return undefined;
  return split(values).map((value) => {
    if (!/^\d+$/.test(value))
      throw new UserError(
        `--repair takes the number of a repair, not "${value}".`,
        "List them with `openclaw-vitals history`.",
      );
    return Number(value);
  });
}
