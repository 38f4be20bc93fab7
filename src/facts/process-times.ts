import { readFileSync } from "node:fs";

/** USER_HZ: 100 on every architecture Node runs on. */
const MS_PER_TICK = 10;

/** What the kernel counts of a process. */
export interface ProcessTimes {
  /** State letter, e.g. R when it runs, S when it waits for something, D when it waits for a disk, T when stopped. */
  readonly state: string;
  /** Processor time since it started, in milliseconds. */
  readonly cpuMs: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

/** Null when the process is gone, hidden from us, or the platform has no /proc. */
export function readTimes(pid: number, root = "/proc"): ProcessTimes | null {
  let text: string;
  try {
    text = readFileSync(`${root}/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The name in parentheses may itself contain ") ".
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const cpu = Number(fields[11]) + Number(fields[12]);
  const startTicks = Number(fields[19]);
  if (!state || !Number.isFinite(cpu) || !Number.isFinite(startTicks)) return null;
  return { state, cpuMs: cpu * MS_PER_TICK, startTicks };
}
