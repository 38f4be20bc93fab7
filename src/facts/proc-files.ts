/** What the kernel tells of a process in the files of /proc. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

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

/** PF_KTHREAD of the kernel; no program can set it. */
const KERNEL_THREAD = 0x0020_0000;

/**
 * Numbers of the kernel's own threads, which are most of what a machine runs and open no files; their parent is always
 * process 2. Empty in a container, and where the kernel does not list children.
 */
export function kernelThreads(root: string): ReadonlySet<string> {
  const stat = existsSync(`${root}/2/stat`) ? readText(`${root}/2/stat`) : null;
  if (stat === null || (Number(statFields(stat)[6]) & KERNEL_THREAD) === 0) return new Set();
  return new Set(["2", ...(readText(`${root}/2/task/2/children`) ?? "").split(" ")]);
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
