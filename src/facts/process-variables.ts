import { readFileSync } from "node:fs";

/**
 * Values of the named variables a process was started with; no other one is looked at. Empty without the right to
 * look, and where the platform does not tell.
 */
export function readVariables<Name extends string>(
  pid: number,
  names: readonly Name[],
  root = "/proc",
): Partial<Record<Name, string>> {
  let text: string;
  try {
    text = readFileSync(`${root}/${pid}/environ`, "utf8");
  } catch {
    return {};
  }
  const found: Partial<Record<Name, string>> = {};
  for (const entry of text.split("\0")) {
    const name = names.find((wanted) => entry.startsWith(`${wanted}=`));
    if (name !== undefined) found[name] ??= entry.slice(name.length + 1);
  }
  return found;
}
