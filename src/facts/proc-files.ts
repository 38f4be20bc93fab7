/** What the kernel tells of a process in the files of /proc. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

interface Stat {
  readonly state: string;
  readonly startTicks: number;
}

/** A file of the kernel's; null when it is not there or not to be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** The fields of a `stat` from the state on: the name before it, in parentheses, may itself contain ") ". */
export function statFields(text: string): string[] {
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

export function readStat(root: string, pid: number): Stat | null {
  const text = readText(`${root}/${pid}/stat`);
  if (text === null) return null;
  const fields = statFields(text);
  const startTicks = Number(fields[19]);
  return fields[0] && Number.isFinite(startTicks) ? { state: fields[0], startTicks } : null;
}

/** Of a process; every field is null or 0 when it is gone or hidden. */
export function readStatus(root: string, pid: number) {
  const text = readText(`${root}/${pid}/status`) ?? "";
  const line = (key: string): string | null => new RegExp(`^${key}:\\s*(.*)$`, "m").exec(text)?.[1] ?? null;
  const count = (value: string | null | undefined): number | null => (value ? Number(value) : null);
  return {
    name: line("Name"),
    tgid: count(line("Tgid")),
    uid: count(line("Uid")?.split(/\s+/)[0]),
    nestedPids: (line("NSpid") ?? "").split(/\s+/).filter(Boolean).length,
  };
}

export function readArgs(root: string, pid: number): string[] {
  return argsOf(readText(`${root}/${pid}/cmdline`) ?? "");
}

export function argsOf(line: string): string[] {
  return line.split("\0").filter((arg) => arg !== "");
}

export function titleOf(args: readonly string[]): string | null {
  const first = args[0]?.trim().split(/\s+/)[0];
  return first ? (first.split("/").at(-1) ?? first) : null;
}

/** The PID namespace of a process, as the kernel names it; null when it cannot be read. */
export function namespaceOf(root: string, pid: number): string | null {
  try {
    return readlinkSync(`${root}/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

/** Empty without /proc: then the namespace is not trusted either, and nothing is concluded. */
export function listNames(root: string): string[] {
  try {
    return readdirSync(root);
  } catch {
    return [];
  }
}
