import os from "node:os";
import { readArgs, readText } from "./proc-files.ts";
import { readVariables } from "./process-variables.ts";
import type { MemoryLimits } from "./vital-signs.ts";

export interface LimitPlaces {
  /** For tests; default /proc. */
  readonly root?: string;
  /** For tests; default /sys/fs/cgroup. */
  readonly groups?: string;
}

const MIB = 1_048_576;
const HEAP_FLAG = /^--max[-_]old[-_]space[-_]size(?:=(.*))?$/;

/** What bounds the memory of this process. Null where the platform does not tell, i.e. off Linux. */
export function readMemoryLimits(pid: number, places: LimitPlaces = {}): MemoryLimits | null {
  if (process.platform !== "linux") return null;
  const { root = "/proc", groups = "/sys/fs/cgroup" } = places;
  const host = readHost(root);
  return { group: readGroupLimit(pid, host.totalBytes, root, groups), host, heapBytes: readHeapLimit(pid, root) };
}

function readHost(root: string): MemoryLimits["host"] {
  const text = readText(`${root}/meminfo`) ?? "";
  const bytes = (name: string): number | null => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  };
  return { totalBytes: bytes("MemTotal") ?? os.totalmem(), availableBytes: bytes("MemAvailable") ?? os.freemem() };
}

/** The smallest limit of its control groups up to the root; one above what the machine has bounds nothing. */
function readGroupLimit(pid: number, totalBytes: number, root: string, groups: string): MemoryLimits["group"] {
  const files = groupFiles(readText(`${root}/${pid}/cgroup`) ?? "", groups);
  let smallest: MemoryLimits["group"] = null;
  for (const source of files) {
    const bytes = Number(readText(source)?.trim() || Number.NaN); // "max" is no number
    if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes >= totalBytes) continue;
    if (smallest === null || bytes < smallest.bytes) smallest = { bytes, source };
  }
  return smallest;
}

/** Files in which a limit may stand, from the process's own group upwards, of both versions of the kernel's interface. */
function groupFiles(text: string, groups: string): string[] {
  const files: string[] = [];
  for (const line of text.split("\n")) {
    const [, controllers, group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) continue;
    if (controllers === "") {
      // Where both versions are mounted, the newer one has a folder of its own.
      for (const base of [groups, `${groups}/unified`])
        for (const dir of upwards(base, group)) files.push(`${dir}/memory.max`, `${dir}/memory.high`);
    } else if (controllers.split(",").includes("memory")) {
      for (const dir of upwards(`${groups}/memory`, group)) files.push(`${dir}/memory.limit_in_bytes`);
    }
  }
  return files;
}

/**
 * A group's folder and those above it. In a container the names may be those of the machine outside: folders that are
 * not there are passed over, down to the root, which is then the container's own.
 */
function upwards(base: string, group: string): string[] {
  const parts = group.split("/").filter(Boolean);
  if (parts.includes("..")) return [base]; // a group outside of our view
  return Array.from({ length: parts.length + 1 }, (_, n) => [base, ...parts.slice(0, parts.length - n)].join("/"));
}

/** As Node reads it: the command line counts more than NODE_OPTIONS, a later flag more than an earlier one. */
function readHeapLimit(pid: number, root: string): number | null {
  const options = readVariables(pid, ["NODE_OPTIONS"], root).NODE_OPTIONS ?? "";
  return heapFlag(readArgs(root, pid)) ?? heapFlag(options.split(/\s+/));
}

function heapFlag(words: readonly string[]): number | null {
  let bytes: number | null = null;
  for (const [n, word] of words.entries()) {
    const match = HEAP_FLAG.exec(word.replace(/^"(.*)"$/, "$1"));
    if (match === null) continue;
    const text = match[1] ?? words[n + 1] ?? "";
    if (/^\d{1,9}$/.test(text) && Number(text) > 0) bytes = Number(text) * MIB;
  }
  return bytes;
}
