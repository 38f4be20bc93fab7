/** What the sampler costs a process: processor time and memory, beside the same process without it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { x } from "tinyexec";
import { type RingLife, vitalRingPath } from "../src/facts/vital-ring.ts";
import { ringText } from "../src/host/vital-ring-retention.ts";

/**
 * `sampler`: the service as in a gateway. `compacting`: the same, which first makes the file of a week small; it does so
 * about once an hour. `timer`: nothing but a timer of 20 ms. `bare`: nothing.
 */
export const KINDS = ["bare", "sampler", "compacting", "timer"] as const;
export type Kind = (typeof KINDS)[number];

/** Least processor time of the windows as a share of one core, and resident memory at the end. */
export interface Cost {
  readonly cpuShare: number;
  readonly rssBytes: number;
}

export interface CostOptions {
  /** Length of one window, default 10: one record is written in it. */
  readonly seconds?: number;
  /** How many windows; the quietest counts, because a busy machine only ever adds. Default 3. */
  readonly windows?: number;
}

/** Runs one process of each kind, all at the same time. */
export async function measureCost({ seconds = 10, windows = 3 }: CostOptions = {}): Promise<Record<Kind, Cost>> {
  const folder = mkdtempSync(path.join(tmpdir(), "vitals-bench-"));
  try {
    const child = fileURLToPath(new URL("sampler-child.ts", import.meta.url));
    const costs = await Promise.all(
      KINDS.map(async (kind) => {
        const stateDir = path.join(folder, kind);
        mkdirSync(path.dirname(vitalRingPath(stateDir)), { mode: 0o700, recursive: true });
        if (kind === "compacting") writeFileSync(vitalRingPath(stateDir), weekOfRecords(Date.now()), { mode: 0o600 });
        const args = ["--no-warnings", child, kind, String(seconds), String(windows), stateDir];
        const { stdout } = await x(process.execPath, args, { throwOnError: true });
        return [kind, JSON.parse(stdout) as Cost] as const;
      }),
    );
    return Object.fromEntries(costs) as Record<Kind, Cost>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The text of a file into which one gateway wrote for a week, just before it is made small. */
export function weekOfRecords(nowMs: number): string {
  const [hour, week] = [3_600_000, 604_800_000];
  const sample = (atMs: number) => ({
    atMs,
    spanMs: 10_012.3,
    maxDelayMs: 20.5,
    p99DelayMs: 2.1,
    utilization: 0.0123,
    rssBytes: 312_345_678,
    heapBytes: 123_456_789,
    externalBytes: 12_345_678,
  });
  const samples = [];
  for (let at = nowMs - week + hour; at < nowMs - 1.6 * hour; at += 600_000) samples.push(sample(at));
  for (let at = nowMs - 1.6 * hour; at < nowMs; at += 10_000) samples.push(sample(at));
  const life: RingLife = {
    id: "0a1b2c3d",
    pid: 1,
    startTicks: 1,
    startedAtMs: nowMs - week,
    hostVersion: null,
    samples,
  };
  return ringText([life]);
}
