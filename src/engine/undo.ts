import { lookAtLock } from "../facts/lock-file.ts";
import { errorCode, errorText, UserError } from "./errors.ts";
import { canUndo, type Journal, type JournalEntry, latestEntries, openJournal, readJournal } from "./journal.ts";
import { putBack, type StepHook } from "./put-back.ts";
import { isOurs, matches, settleInterrupted } from "./settle.ts";

/** One repair as `history` shows it. */
export interface PastRepair {
  readonly n: number;
  readonly checkId: string;
  readonly findingId: string;
  readonly path: string;
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

/** Every run in the journal, newest first. */
export function history(stateDir: string): PastRun[] {
  const entries = readJournal(stateDir);
  const firstSeen = new Map<string, string>();
  for (const { run, at } of entries) if (!firstSeen.has(run)) firstSeen.set(run, at);
  const runs = Map.groupBy(latestEntries(entries), (entry) => entry.run);
  return [...runs]
    .map(([run, repairs]) => ({ run, at: firstSeen.get(run) ?? "", repairs: repairs.map(describe) }))
    .sort((a, b) => b.at.localeCompare(a.at) || b.run.localeCompare(a.run));
}

/**
 * The run `undo` works on: the one named, else the last that has something left to undo; null when there is none.
 * @throws UserError when the named run is not in the journal.
 */
export function runToUndo(stateDir: string, run?: string): PastRun | null {
  const runs = history(stateDir);
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
export function undoRun(stateDir: string, run: string, only?: readonly number[], onStep?: StepHook): UndoneRepair[] {
  settle(stateDir);
  const entries = latestEntries(readJournal(stateDir)).filter(
    (entry) => entry.run === run && (only?.includes(entry.n) ?? true),
  );
  const unknown = only?.find((n) => !entries.some((entry) => entry.n === n));
  if (unknown !== undefined)
    throw new UserError(`Run ${run} has no repair ${unknown}.`, "List its repairs with `openclaw-vitals history`.");
  const journal = openJournal(stateDir);
  try {
    return entries
      .filter((entry) => only !== undefined || entry.phase === "moved" || entry.phase === "stuck")
      .map((entry) => restore(entry, stateDir, journal, onStep));
  } finally {
    journal.close();
  }
}

function settle(stateDir: string): void {
  const journal = openJournal(stateDir);
  try {
    settleInterrupted(stateDir, journal);
  } finally {
    journal.close();
  }
}

function restore(entry: JournalEntry, stateDir: string, journal: Journal, onStep: StepHook = () => {}): UndoneRepair {
  const result = (status: UndoneRepair["status"], reason?: string): UndoneRepair => ({
    n: entry.n,
    path: entry.from,
    status,
    ...(reason === undefined ? {} : { reason }),
  });
  if (entry.phase !== "moved" && entry.phase !== "stuck") return result("skipped", "there is nothing to undo");
  if (!isOurs(stateDir, entry)) return result("failed", `${entry.to} belongs to another state directory`);
  const { v: _v, at: _at, reason: _reason, ...plan } = entry;
  const kept = lookAtLock(entry.to);
  if (kept.kind === "unreadable") return result("failed", `${entry.to} could not be looked at: ${kept.why}`);
  if (kept.kind !== "file") return result("failed", `${entry.to} is not there any more`);
  if (entry.phase === "moved" && !matches(kept.snapshot, entry.file))
    return result("failed", `${entry.to} is not what was moved there`);
  try {
    if (!putBack(entry.to, entry.from, onStep)) return result("skipped", "a newer file stands in its place");
  } catch (error) {
    return result("failed", `it could not be put back: ${errorCode(error) ?? errorText(error)}`);
  }
  onStep("journal undone");
  try {
    journal.append({ ...plan, phase: "undone" });
  } catch {
    // it is back; the next run sees that and says so in the journal
  }
  onStep("undone");
  return result("restored");
}

function describe(entry: JournalEntry): PastRepair {
  return {
    n: entry.n,
    checkId: entry.checkId,
    findingId: entry.findingId,
    path: entry.from,
    keptAt: entry.to,
    state: entry.phase,
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    canUndo: canUndo(entry),
  };
}
