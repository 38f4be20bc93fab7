import path from "node:path";
import { sha256 } from "../digest.ts";
import { type LockSnapshot, lookAtLock } from "../facts/lock-file.ts";
import { isInside, realPlace } from "../facts/paths.ts";
import { changeKind } from "./change-kinds.ts";
import { whatStands } from "./disk.ts";
import { type Journal, openJournal, readJournal } from "./journal.ts";
import { type JournalEntry, latestEntries, type MovedFile, type MoveEntry, type NewEntry } from "./journal-entry.ts";
import { type OwnPlaces, ownPlaces } from "./own-places.ts";
import { isSameFile, putBackMistake } from "./put-back.ts";

/**
 * What is left of a run, or an undo, that was killed between its journal entries is brought to an end.
 * A run that is still at work meanwhile goes on: its next line overrides ours.
 * @returns how many repairs were settled.
 */
export function settleInterrupted(
  stateDir: string,
  journal: Journal,
  confined = false,
  own = ownPlaces(stateDir),
): number {
  const latest = latestEntries(readJournal(stateDir));
  const open = interrupted(latest, own, confined);
  for (const entry of latest)
    if (entry.phase === "undone" && entry.kind !== undefined && isOurs(own, entry, confined)) tidy(entry);
  let settled = 0;
  for (const entry of open) {
    if (settleOne(entry, journal)) settled += 1;
  }
  return settled;
}

/** False when it cannot be told now how it ended. */
function settleOne(entry: JournalEntry, journal: Journal): boolean {
  const { v: _v, at: _at, reason: _reason, ...plan } = entry;
  const end = entry.kind === undefined ? settleMove(entry) : changeKind(entry.kind)?.settle(entry);
  if (!end) return false;
  try {
    journal.append({ ...plan, ...end } as NewEntry);
  } catch {
    return true; // a full disk: the next run comes to the same end
  }
  if (end.phase === "undone") tidy(entry);
  return true;
}

/** Nothing is left to do when an undo was killed right before it did this. */
function tidy(entry: JournalEntry): void {
  if (entry.kind !== undefined) changeKind(entry.kind)?.tidy?.(entry);
}

/** As `settleInterrupted`, but writes nothing at all when there is nothing to settle. */
export function finishInterrupted(stateDir: string, confined: boolean, own = ownPlaces(stateDir)): number {
  if (interrupted(latestEntries(readJournal(stateDir)), own, confined).length === 0) return 0;
  const journal = openJournal(stateDir);
  try {
    return settleInterrupted(stateDir, journal, confined, own);
  } finally {
    journal.close();
  }
}

/** Repairs whose last line does not tell where the file is now. */
function interrupted(latest: readonly JournalEntry[], own: OwnPlaces, confined: boolean): JournalEntry[] {
  return latest
    .filter((entry) => entry.phase !== "undone" && mayBeInterrupted(entry))
    .map(realEntry)
    .filter((entry) => isOurs(own, entry, confined) && isInterrupted(entry));
}

/**
 * False for nearly all that was ever moved away, at the price of one look: nothing stands where its end would have to be
 * told from. Each run asks for each of them, since what can be undone stays in the journal.
 */
function mayBeInterrupted({ phase, kind, from, to }: JournalEntry): boolean {
  return phase === "intent" || kind !== undefined || whatStands(phase === "kept" ? to : from) !== "nothing";
}

function isInterrupted(entry: JournalEntry): boolean {
  if (entry.phase === "intent") return true;
  if (entry.kind !== undefined) return changeKind(entry.kind)?.isOpen?.(entry) === true;
  const { phase, from, to, file } = entry;
  const there = lookAtLock(to).kind !== "missing";
  // Called interrupted by another run, a moment before it was moved after all.
  if (phase === "kept") return there;
  // An undo that did not get to say so.
  if (there) return isSameFile(from, to);
  const back = lookAtLock(from);
  return back.kind === "file" && matches(back.snapshot, file);
}

function settleMove(entry: MoveEntry): (Pick<MoveEntry, "phase" | "reason"> & { file?: MovedFile }) | null {
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
  const settled = putBackMistake({ from: to, to: from }, "interrupted; a newer lock was put back");
  return settled.phase === "stuck" && there.kind === "file" ? { ...settled, file: identity(there.snapshot) } : settled;
}

/**
 * Whether a repair's files belong to this state dir. A copy of a state dir (an update works on one) brings a
 * journal that names the original's files, which are not ours to touch; and one that was written by somebody else
 * names whatever that one likes.
 */
export function isOurs(own: OwnPlaces, entry: JournalEntry, confined = false): boolean {
  const { kind, run, from, to } = entry;
  const { stateDir } = own;
  if (isInside(path.join(stateDir, "vitals"), path.dirname(to)))
    return (!confined || isInside(stateDir, path.dirname(from))) && own.has(entry);
  if (kind !== undefined || confined || path.dirname(to) !== path.dirname(from)) return false;
  const name = path.basename(to);
  return name.startsWith(`.vitals-${run}-`) && name.endsWith(".quarantined") && own.has(entry);
}

/** An entry with real paths: what is looked at by them and held open stays where it is, whatever becomes a link. */
export function realEntry<T extends JournalEntry>(entry: T): T {
  return { ...entry, from: realPlace(entry.from), to: realPlace(entry.to) };
}

export function identity({ dev, ino, size, mtimeNs, content }: LockSnapshot): MovedFile {
  return { dev, ino, size, mtimeNs, sha256: sha256(Buffer.from(content, "latin1")) };
}

/** Whether a file is the one that was journaled. */
export function matches(snapshot: LockSnapshot, file: MovedFile): boolean {
  return Object.entries(identity(snapshot)).every(([key, value]) => file[key as keyof MovedFile] === value);
}
