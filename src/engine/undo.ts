import { lookAtLock } from "../facts/lock-file.ts";
import { changeKind } from "./change-kinds.ts";
import { errorCode, errorText, UserError } from "./errors.ts";
import { type Journal, openJournal, readJournal } from "./journal.ts";
import {
  type ChangeEntry,
  type ChangeKindName,
  canUndo,
  type JournalEntry,
  latestEntries,
  type MoveEntry,
} from "./journal-entry.ts";
import { type OwnPlaces, ownPlaces } from "./own-places.ts";
import { putBack, type StepHook } from "./put-back.ts";
import { isOurs, matches, realEntry, settleInterrupted } from "./settle.ts";

/** One repair as `history` shows it. */
export interface PastRepair {
  readonly n: number;
  readonly checkId: string;
  readonly findingId: string;
  readonly path: string;
  /** What was repaired: a file that was moved, or another kind of change. */
  readonly kind: "file" | ChangeKindName;
  readonly keptAt: string;
  readonly state: JournalEntry["phase"];
  readonly reason?: string;
  readonly canUndo: boolean;
}

/** One run of `fix`, its repairs in order. */
export interface PastRun {
  readonly run: string;
  /** ISO time of its first entry. */
  readonly at: string;
  readonly repairs: readonly PastRepair[];
}

export interface UndoneRepair {
  readonly n: number;
  readonly path: string;
  readonly status: "restored" | "skipped" | "failed";
  readonly reason?: string;
}

/** Every run in the journal, newest first: as they stand there, for a clock may have been set back in between. */
export function history(stateDir: string, own = ownPlaces(stateDir)): PastRun[] {
  const entries = readJournal(stateDir);
  const firstSeen = new Map<string, string>();
  for (const { run, at } of entries) if (!firstSeen.has(run)) firstSeen.set(run, at);
  const runs = Map.groupBy(latestEntries(entries), (entry) => entry.run);
  return [...runs]
    .map(([run, repairs]) => ({ run, at: firstSeen.get(run) ?? "", repairs: repairs.map((one) => describe(one, own)) }))
    .reverse();
}

/**
 * The run `undo` works on: the one named, else the last that has something left to undo; null when there is none.
 * @throws UserError when the named run is not in the journal.
 */
export function runToUndo(stateDir: string, run?: string, own = ownPlaces(stateDir)): PastRun | null {
  const runs = history(stateDir, own);
  if (run === undefined) return runs.find((past) => past.repairs.some((repair) => repair.canUndo)) ?? null;
  const found = runs.find((past) => past.run === run);
  if (!found)
    throw new UserError(
      `There is no run ${run} in the journal of ${stateDir}.`,
      "List the runs with `openclaw-vitals history`.",
    );
  return found;
}

/**
 * Puts back what a run moved away, or only its repairs with these numbers. Never replaces a file.
 * `onStep` is called before each step; for tests.
 */
export function undoRun(
  stateDir: string,
  run: string,
  only?: readonly number[],
  onStep?: StepHook,
  own = ownPlaces(stateDir),
): UndoneRepair[] {
  settle(own);
  const entries = latestEntries(readJournal(stateDir)).filter(
    (entry) => entry.run === run && (only?.includes(entry.n) ?? true),
  );
  const unknown = only?.find((n) => !entries.some((entry) => entry.n === n));
  if (unknown !== undefined)
    throw new UserError(`Run ${run} has no repair ${unknown}.`, "List its repairs with `openclaw-vitals history`.");
  const journal = openJournal(stateDir);
  try {
    return (
      entries
        // A restart has no way back: it is only told of when it is asked for by its number.
        .filter((entry) => only !== undefined || (isDone(entry) && entry.kind !== "restart"))
        // The last one first: two repairs may have changed one file.
        .toReversed()
        .map((entry) => restore(entry, own, journal, onStep))
        .toReversed()
    );
  } finally {
    journal.close();
  }
}

function settle(own: OwnPlaces): void {
  const journal = openJournal(own.stateDir);
  try {
    settleInterrupted(own.stateDir, journal, false, own);
  } finally {
    journal.close();
  }
}

/** Takes one repair back and journals it. */
function restore(entry: JournalEntry, own: OwnPlaces, journal: Journal, onStep: StepHook = () => {}): UndoneRepair {
  const { n, from } = entry;
  const result = (end: Undone): UndoneRepair => ({ n, path: from, ...end });
  if (!isDone(entry)) return result({ status: "skipped", reason: "there is nothing to undo" });
  // What is looked at now is what is changed then, whatever becomes a link meanwhile.
  const real = realEntry(entry);
  if (!isOurs(own, real))
    return result({ status: "failed", reason: `${entry.to} or ${from} belongs to another state directory` });
  const end = real.kind === undefined ? moveBack(real, onStep) : takeBack(real, onStep);
  if (end.status !== "restored") return result(end);
  const { v: _v, at: _at, reason: _reason, ...plan } = entry;
  onStep("journal undone");
  try {
    journal.append({ ...plan, phase: "undone" });
  } catch {
    // it is back; the next run sees that and says so in the journal
  }
  onStep("undone");
  if (entry.kind !== undefined) changeKind(entry.kind)?.tidy?.(entry);
  return result(end);
}

type Undone = Pick<UndoneRepair, "status" | "reason">;

/** Whether this repair was made and not taken back yet. */
function isDone({ phase }: JournalEntry): boolean {
  return phase === "moved" || phase === "stuck" || phase === "done";
}

function takeBack(entry: ChangeEntry, onStep: StepHook): Undone {
  const kind = changeKind(entry.kind);
  return kind?.undo(entry, onStep) ?? { status: "failed", reason: "a newer version of this tool made it" };
}

function moveBack({ phase, from, to, file }: MoveEntry, onStep: StepHook): Undone {
  const kept = lookAtLock(to);
  if (kept.kind === "unreadable") return { status: "failed", reason: `${to} could not be looked at: ${kept.why}` };
  if (kept.kind !== "file") return { status: "failed", reason: `${to} is not there any more` };
  if (phase === "moved" && !matches(kept.snapshot, file))
    return { status: "failed", reason: `${to} is not what was moved there` };
  try {
    if (!putBack(to, from, onStep)) return { status: "skipped", reason: "a newer file stands in its place" };
  } catch (error) {
    return { status: "failed", reason: `it could not be put back: ${errorCode(error) ?? errorText(error)}` };
  }
  return { status: "restored" };
}

function describe(entry: JournalEntry, own: OwnPlaces): PastRepair {
  return {
    n: entry.n,
    checkId: entry.checkId,
    findingId: entry.findingId,
    path: entry.from,
    kind: entry.kind ?? "file",
    keptAt: entry.to,
    state: entry.phase,
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    canUndo: isOurs(own, entry) && canUndo(entry),
  };
}
