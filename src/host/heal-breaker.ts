import { readJournal } from "../engine/journal.ts";
import type { JournalEntry } from "../engine/journal-entry.ts";
import type { Finding } from "../engine/types.ts";

/** So many repairs of one thing within an hour are too many: it is not the lock that has to be healed. */
const TOO_MANY = 3;
const WITHIN_MS = 3_600_000;
/** For so long after the last of them the thing is left alone. */
const REST_MS = 86_400_000;

/** Why self-healing leaves a finding alone; null when it does not. `undone`: a person put it back. */
export type LeftAlone = "undone" | "too-often" | null;

/**
 * What the journal says against repairing these things once more. Read from the disk, so a restart of the gateway
 * changes nothing about it; repairs by hand count as well.
 * @throws UserError when the journal cannot be read.
 */
export function openBreaker(stateDir: string, nowMs: number): (finding: Finding) => LeftAlone {
  const entries = Map.groupBy(readJournal(stateDir), ({ from }) => from);
  return ({ id, path }) => {
    const past = path === undefined ? [] : (entries.get(path) ?? []);
    // The id is that of this very lock: another one in its place is another matter.
    if (past.some(({ phase, findingId }) => phase === "undone" && findingId === id)) return "undone";
    return isTooOften(past, nowMs) ? "too-often" : null;
  };
}

function isTooOften(past: readonly JournalEntry[], nowMs: number): boolean {
  // A clock that was set back leaves times in the future: they age as those of the past do.
  const age = (at: number): number => Math.abs(nowMs - at);
  // Tried in vain is tried, too.
  const times = past
    .filter(({ phase }) => phase === "moved" || phase === "kept" || phase === "stuck")
    .map(({ at }) => Date.parse(at))
    .filter((at) => age(at) < REST_MS + WITHIN_MS)
    .sort((a, b) => a - b);
  return times.some((at, n) => {
    const last = times[n + TOO_MANY - 1];
    return last !== undefined && last - at < WITHIN_MS && age(last) < REST_MS;
  });
}
