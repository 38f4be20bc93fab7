import { linesFromEnd, type ReadBudget } from "./file-tail.ts";
import type { LogFiles } from "./log-files.ts";
import { lineTime, readLogLine } from "./log-line.ts";
import type { GatewayLog, LogEvent } from "./vital-signs.ts";

/** Some 20,000 lines. A busy gateway of a day writes less; of a bigger log this much is read all the same. */
export const MAX_LOG_BYTES = 8 * 1_048_576;
/** Several processes write into one file, and some collect their lines first: not all of them are in order. */
const DISORDER_MS = 60_000;

export const NO_LOG: GatewayLog = { files: [], events: [], fromMs: null, shared: false };

/**
 * Reads the log from its end back to the gateway's start, or as far as the budget goes. Texts are not kept. Never throws.
 * @param sinceMs when the gateway started, in milliseconds since the epoch.
 */
export function readGatewayLog(
  { files, shared }: LogFiles,
  sinceMs: number,
  budget: ReadBudget = { left: MAX_LOG_BYTES },
): GatewayLog {
  const read: string[] = [];
  const events: LogEvent[] = [];
  const known = new Set<string>();
  let fromMs: number | null = null;
  let begun = false;
  for (const file of files) {
    if (begun || budget.left <= 0) break;
    read.push(file);
    for (const line of linesFromEnd(file, budget)) {
      const atMs = lineTime(line);
      if (atMs !== null && atMs < sinceMs - DISORDER_MS) {
        begun = true; // what stands before is older still, in this file and in older ones
        break;
      }
      if (atMs === null || atMs < sinceMs) continue;
      fromMs = fromMs === null ? atMs : Math.min(fromMs, atMs);
      const found = readLogLine(line);
      if (found === null || found.event.atMs < sinceMs || known.has(found.key)) continue;
      known.add(found.key);
      events.push(found.event);
    }
  }
  return { files: read, events: events.sort((a, b) => a.atMs - b.atMs), fromMs, shared };
}
