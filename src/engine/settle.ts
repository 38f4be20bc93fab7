import path from "node:path";
import { type LockSnapshot, lookAtLock, sameLock } from "../facts/lock-file.ts";
import { isInside } from "../facts/paths.ts";
import { type Journal, type JournalEntry, latestEntries, type MovedFile, openJournal, readJournal } from "./journal.ts";
import { isSameFile, putBackMistake } from "./put-back.ts";

/**
 * What is left of a run, or an undo, that was killed between its journal entries is brought to an end.
 * A run that is still at work meanwhile goes on: its next line overrides ours.
 * @returns how many repairs were settled.
 */
export function settleInterrupted(stateDir: string, journal: Journal, confined = false): number {
  const open = interrupted(stateDir, confined);
  let settled = 0;
  for (const entry of open) {
    const end = settle(entry);
    if (end === null) continue;
    const { v: _v, at: _at, reason: _reason, ...plan } = entry;
    settled += 1;
    try {
      journal.append({ ...plan, ...end });
    } catch {
      // a full disk: the next run comes to the same end
    }
  }
  return settled;
}

/** As `settleInterrupted`, but writes nothing at all when there is nothing to settle. */
export function finishInterrupted(stateDir: string, confined: boolean): number {
  if (interrupted(stateDir, confined).length === 0) return 0;
  const journal = openJournal(stateDir);
  try {
    return settleInterrupted(stateDir, journal, confined);
  } finally {
    journal.close();
  }
}

/** Repairs whose last line does not tell where the file is now. */
function interrupted(stateDir: string, confined: boolean): JournalEntry[] {
  return latestEntries(readJournal(stateDir)).filter(
    (entry) => entry.phase !== "undone" && isInterrupted(entry) && isOurs(stateDir, entry, confined),
  );
}

function isInterrupted({ phase, from, to, file }: JournalEntry): boolean {
  if (phase === "intent") return true;
  const there = lookAtLock(to).kind !== "missing";
  // Called interrupted by another run, a moment before it was moved after all.
  if (phase === "kept") return there;
  // An undo that did not get to say so; of a stuck lock the journal does not know the content.
  if (there) return isSameFile(from, to);
  const back = lookAtLock(from);
  return phase === "moved" && back.kind === "file" && matches(back.snapshot, file);
}

function settle(entry: JournalEntry): Pick<JournalEntry, "phase" | "reason"> | null {
  const { phase, from, to, file } = entry;
  const there = lookAtLock(to);
  if (phase === "moved" || phase === "stuck") {
    if (there.kind !== "missing" && putBackMistake({ from: to, to: from }, "").phase === "stuck") return null;
    return { phase: "undone", reason: "interrupted after it was put back" };
  }
  if (there.kind === "missing")
    return phase === "intent" ? { phase: "kept", reason: "interrupted before the move" } : null;
  if (there.kind === "file" && matches(there.snapshot, file))
    return { phase: "moved", reason: "interrupted after the move" };
  return putBackMistake({ from: to, to: from }, "interrupted; a newer lock was put back");
}

/**
 * Whether a repair's files belong to this state dir. A copy of a state dir (an update works on one) brings a
 * journal that names the original's files, which are not ours to touch.
 */
export function isOurs(stateDir: string, { from, to }: JournalEntry, confined = false): boolean {
  if (isInside(path.join(stateDir, "vitals"), path.dirname(to)))
    return !confined || isInside(stateDir, path.dirname(from));
  return !confined && path.dirname(to) === path.dirname(from);
}

/** Whether a file is the one that was journaled. */
export function matches(snapshot: LockSnapshot, file: MovedFile): boolean {
  return sameLock(snapshot, { ...snapshot, ...file });
}
