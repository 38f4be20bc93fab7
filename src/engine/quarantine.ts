import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import path from "node:path";
import { type LockSnapshot, lookAtLock, sameLock } from "../facts/lock-file.ts";
import { errorCode, errorText } from "./errors.ts";
import {
  type Journal,
  type JournalEntry,
  latestEntries,
  type MovedFile,
  makePrivateDir,
  openJournal,
  readJournal,
  vitalsDir,
} from "./journal.ts";
import type { RepairOutcome } from "./types.ts";

/** A file to move away, as it was judged. */
export interface Removal {
  readonly path: string;
  readonly judged: LockSnapshot;
  /** Judges the file as it is now, with process facts read anew; a string says why it must stay. */
  judgeAgain(): Promise<true | string>;
  readonly checkId: string;
  readonly fixId: string;
  readonly findingId: string;
}

/** Called before and after each step with its name; tests kill the process there or make it fail. */
export type StepHook = (step: string) => void;

export interface Quarantine {
  readonly run: string;
  remove(removal: Removal): Promise<RepairOutcome>;
  /** Makes everything durable. To be called once, at the end of the run. */
  close(): void;
}

/** A sortable id for a run: time to the second, then random. */
export function newRunId(now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  return `${time}-${Math.random().toString(16).slice(2, 6).padEnd(4, "0")}`;
}

/**
 * Opens the quarantine of a state dir for one run, and first finishes what a killed run left half done.
 * Nothing is ever deleted: files are moved into `<state>/vitals/quarantine/<run>/` and can be put back.
 */
export function openQuarantine(stateDir: string, run: string, onStep: StepHook = () => {}): Quarantine {
  const folder = path.join(vitalsDir(stateDir), "quarantine", run);
  const journal = openJournal(stateDir);
  const touched = new Set<string>();
  settleInterrupted(stateDir, journal);
  // One run may open the quarantine more than once: the host calls each check's repair by itself.
  let count = Math.max(0, ...readJournal(stateDir).flatMap((entry) => (entry.run === run ? [entry.n] : [])));

  const remove = async (removal: Removal): Promise<RepairOutcome> => {
    const kept = look(removal);
    if (kept !== null) return kept;
    count += 1;
    const plan = { run, n: count, ...meta(removal), from: removal.path, file: identity(removal.judged) };
    let to = path.join(folder, quarantineName(count, removal.path));
    makePrivateDir(path.dirname(folder));
    makePrivateDir(folder);
    onStep("journal intent");
    journal.append({ ...plan, to, phase: "intent" });
    const keep = (outcome: RepairOutcome & { reason: string }): RepairOutcome => {
      journal.append({ ...plan, to, phase: "kept", reason: outcome.reason });
      return outcome;
    };

    onStep("look again");
    const changed = look(removal);
    if (changed !== null) return keep(changed);
    const verdict = await removal.judgeAgain();
    if (verdict !== true) return keep({ status: "skipped", reason: verdict });
    try {
      onStep("move");
      renameSync(removal.path, to);
    } catch (error) {
      if (errorCode(error) !== "EXDEV") return keep(failure(error));
      // Only within one file system is a rename atomic: stay in the folder, under a name no host looks for.
      to = path.join(path.dirname(removal.path), `.vitals-${run}-${quarantineName(count, removal.path)}.quarantined`);
      journal.append({ ...plan, to, phase: "intent" });
      const late = look(removal);
      if (late !== null) return keep(late);
      try {
        onStep("move beside");
        renameSync(removal.path, to);
      } catch (again) {
        return keep(failure(again));
      }
    }
    onStep("verify");
    touched.add(path.dirname(removal.path)).add(path.dirname(to));
    const moved = lookAtLock(to);
    if (moved.kind === "file" && sameLock(moved.snapshot, removal.judged)) {
      onStep("journal moved");
      noteMoved(journal, { ...plan, to, phase: "moved" });
      return { status: "repaired", changes: [`moved ${removal.path} to ${to}`] };
    }
    // Another process made a new lock between the last look and the rename: it goes back at once.
    onStep("put back");
    const back = putBack(to, removal.path);
    const reason = back
      ? "a new lock had taken its place and was left there"
      : `a new lock was moved by mistake and its place is taken; it is kept at ${to}`;
    journal.append({ ...plan, to, phase: back ? "kept" : "stuck", reason });
    return { status: "failed", reason };
  };

  return {
    run,
    remove,
    close() {
      for (const dir of touched) syncDirectory(dir);
      journal.close();
    },
  };
}

/**
 * Puts a quarantined file back without ever replacing what is there now.
 * @returns false when the place is taken by something else.
 */
export function putBack(from: string, to: string): boolean {
  try {
    linkSync(from, to);
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST") {
      if (!isSameFile(from, to)) return false;
    } else if (code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS") {
      // No hard links on this file system: an exclusive copy replaces nothing either.
      try {
        copyFileSync(from, to, constants.COPYFILE_EXCL);
      } catch (copyError) {
        if (errorCode(copyError) === "EEXIST") return false;
        throw copyError;
      }
    } else {
      throw error;
    }
  }
  rmSync(from, { force: true });
  syncDirectory(path.dirname(to));
  return true;
}

/** The intent on the disk already tells where the file is: a full disk now loses nothing. */
function noteMoved(journal: Journal, entry: Parameters<Journal["append"]>[0]): void {
  try {
    journal.append(entry, { flush: false });
  } catch {
    // settled from the intent by the next run
  }
}

/** What is left of a run that was killed between its journal entries is brought to an end. */
export function settleInterrupted(stateDir: string, journal: Journal): void {
  for (const entry of latestEntries(readJournal(stateDir))) {
    if (entry.phase !== "intent") continue;
    const { v: _v, at: _at, ...plan } = entry;
    const settled = settle(entry);
    journal.append({ ...plan, ...settled });
  }
}

function settle(entry: JournalEntry): Pick<JournalEntry, "phase" | "reason"> {
  const there = lookAtLock(entry.to);
  if (there.kind === "missing") return { phase: "kept", reason: "interrupted before the move" };
  if (there.kind === "file" && matches(there.snapshot, entry.file))
    return { phase: "moved", reason: "interrupted after the move" };
  if (putBack(entry.to, entry.from)) return { phase: "kept", reason: "interrupted; a newer lock was put back" };
  return { phase: "stuck", reason: "interrupted; a newer lock is in the quarantine and its place is taken" };
}

/** Null when the file is still what was judged, else why it is left alone. */
function look({ path: file, judged }: Removal): (RepairOutcome & { reason: string }) | null {
  if (existsSync(`${file}.reclaim`)) return { status: "skipped", reason: "another process is reclaiming it" };
  const now = lookAtLock(file);
  if (now.kind === "missing") return { status: "skipped", reason: "it is gone already" };
  if (now.kind !== "file" || !sameLock(now.snapshot, judged))
    return { status: "skipped", reason: "it changed since it was judged" };
  return null;
}

function failure(error: unknown): RepairOutcome & { reason: string } {
  if (errorCode(error) === "ENOENT") return { status: "skipped", reason: "it is gone already" };
  return { status: "failed", reason: `it could not be moved: ${errorCode(error) ?? errorText(error)}` };
}

function meta({ checkId, fixId, findingId }: Removal) {
  return { checkId, fixId, findingId };
}

function identity({ dev, ino, size, mtimeNs, sha256 }: LockSnapshot): MovedFile {
  return { dev, ino, size, mtimeNs, sha256 };
}

/** Whether a file is the one that was journaled. */
export function matches(snapshot: LockSnapshot, file: MovedFile): boolean {
  return sameLock(snapshot, { ...snapshot, ...file });
}

function quarantineName(n: number, file: string): string {
  return `${n}-${path.basename(file).slice(-200)}`;
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [lstatSync(a, { bigint: true }), lstatSync(b, { bigint: true })];
  return first.ino === second.ino && first.dev === second.dev;
}

function syncDirectory(dir: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
