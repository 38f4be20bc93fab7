import { readRss } from "../facts/gateway.ts";
import type { Supervisor } from "../facts/supervisor.ts";
import type { RestartLimits, RestartResult } from "./restart.ts";

const MIB = 1_048_576;

/**
 * A new process has to need at least this much less than the one before: readings of one and the same differ by some
 * percent. A fresh gateway needs 680 to 745 MiB on 2026.5.22, and 335 from its first big clean-up 43 s later on; 764 to
 * 773 on 2026.9.6.
 */
const LOWER = 0.95;

/** Resident memory of a process in bytes; null when nobody tells. To be read before any request. */
export async function memoryOf(pid: number): Promise<number | null> {
  return readRss(pid) ?? (await (await import("../facts/gateway-probe.ts")).portableRss(pid));
}

/**
 * Whether a restart freed memory: another process, and one that needs less. Waits for the end of its start-up, in which
 * it needs most.
 * @param before Bytes before the restart; null when they could not be read.
 * @returns What was measured, a clause, or why it was not freed.
 */
export async function provenMemory(
  before: number | null,
  { sameProcess, seconds, now: { pid } }: RestartResult & { status: "restarted" },
  { restart }: Supervisor,
  { settleMs, settledWithinMs, pollMs }: RestartLimits,
): Promise<{ readonly freed: string } | { readonly failed: string }> {
  const remedy = `to restart it for good: ${restart}`;
  if (sameProcess)
    return {
      failed: `restarted the gateway in ${seconds} s, but within process ${pid}, so its memory was not freed; ${remedy}`,
    };
  const begun = performance.now();
  const elapsed = (): number => performance.now() - begun;
  let after: number | null = null;
  for (;;) {
    after = await memoryOf(pid);
    const lower = before !== null && after !== null && after < before * LOWER;
    const settled = elapsed() >= settleMs;
    if (after === null || before === null || (settled && lower) || elapsed() >= settledWithinMs) break;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  const took = `restarted the gateway in ${seconds} s, now process ${pid}`;
  if (before === null || after === null)
    return { failed: `${took}, but its memory cannot be read here, so it is not proven that it needs less` };
  const measured = `${Math.round(before / MIB)} MiB before and ${Math.round(after / MIB)} MiB`;
  const waited = Math.round(elapsed() / 1000);
  if (after < before * LOWER) return { freed: `memory: ${measured} ${waited} s after` };
  return { failed: `${took}, but so far that needs as much memory: ${measured} ${waited} s after` };
}
