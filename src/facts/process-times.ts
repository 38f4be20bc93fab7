import { readText, statFields } from "./proc-files.ts";

/** USER_HZ: 100 on every architecture Node runs on. */
const MS_PER_TICK = 10;

/** What the kernel counts of the thread an event loop runs in. */
export interface LoopTimes {
  /** State letter, e.g. R when it runs, S when it waits for something, D when it waits for a disk, T when stopped. */
  readonly state: string;
  /** Processor time since it started, in milliseconds. */
  readonly cpuMs: number;
  /** Time it could have run and had no processor, in milliseconds; null when the kernel does not count it. */
  readonly starvedMs: number | null;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

/** Of a process's first thread. Null when it is gone, hidden from us, or the platform has no /proc. */
export function readLoopTimes(pid: number, root = "/proc"): LoopTimes | null {
  const thread = `${root}/${pid}/task/${pid}`;
  const text = readText(`${thread}/stat`);
  if (text === null) return null;
  const fields = statFields(text);
  const [state] = fields;
  const cpu = Number(fields[11]) + Number(fields[12]);
  const startTicks = Number(fields[19]);
  if (!state || !Number.isFinite(cpu) || !Number.isFinite(startTicks)) return null;
  const nanoseconds = /^\d+ (\d+) \d+/.exec(readText(`${thread}/schedstat`) ?? "")?.[1];
  const starvedMs = nanoseconds === undefined ? null : Number(nanoseconds) / 1e6;
  return { state, cpuMs: cpu * MS_PER_TICK, starvedMs, startTicks };
}
