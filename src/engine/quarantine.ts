import { renameSync } from "node:fs";
import path from "node:path";
import { randomHex } from "../digest.ts";
import { type LockLook, type LockSnapshot, lookAtLock, sameLock } from "../facts/lock-file.ts";
import { realPath } from "../facts/paths.ts";
import { type Act, type Change, makeChange } from "./changes.ts";
import { syncDirectory, whatStands } from "./disk.ts";
import { errorCode, errorText } from "./errors.ts";
import { type Journal, openJournal, readJournal, vitalsDir } from "./journal.ts";
import type { NewMove } from "./journal-entry.ts";
import type { OwnPlaces } from "./own-places.ts";
import { makeFoldersIn, type PinnedFolder, pinFolder } from "./pinned-folder.ts";
import { putBackMistake, type StepHook } from "./put-back.ts";
import { failure, type Left, look, unreadable } from "./removal-look.ts";
import { identity, settleInterrupted } from "./settle.ts";
import { sharedSync } from "./shared-sync.ts";
import type { RepairOutcome } from "./types.ts";

/** A file to move away, as it was judged. */
export interface Removal {
  readonly path: string;
  readonly judged: LockSnapshot;
  /** Judges the file as it was just seen again, with process facts read anew; a string says why it must stay. */
  judgeAgain(now: LockLook): Promise<true | string>;
  readonly checkId: string;
  readonly fixId: string;
  readonly findingId: string;
}

export interface Quarantine {
  readonly run: string;
  /**
   * Moves a file away. Of several at once the intents are journaled together, with one sync; then they have their turn
   * one after the other.
   */
  remove(removal: Removal): Promise<RepairOutcome>;
  /** Makes a change that moves no file, between two lines of the journal. See `makeChange`. */
  change(change: Change, act: Act): Promise<RepairOutcome>;
  /** Makes everything durable. To be called once, at the end of the run. */
  close(): void;
}

/** A file name has room for 255 bytes; ours add a run, a number and a suffix. */
const MAX_NAME_BYTES = 200;

/** A sortable id for a run: time to the second, then random. */
export function newRunId(now = new Date()): string {
  const time = now.toISOString().replace(/[-+:]/g, "").replace(/\.\d+/, "");
  return `${time}-${randomHex(3)}`;
}

export interface QuarantineOptions {
  readonly onStep?: StepHook | undefined;
  /** In an update only what lies inside the given state dir is touched. */
  readonly confined?: boolean | undefined;
  /** Where what a killed run left may be put back; default what the state dir by itself tells. */
  readonly own?: OwnPlaces | undefined;
  /** Once aborted, what is journaled and still waits for its turn stays where it is. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the quarantine of a state dir for one run, and first finishes what a killed run left half done.
 * Nothing is ever deleted: files are moved into `<state>/vitals/quarantine/<run>/` and can be put back.
 */
export function openQuarantine(
  stateDir: string,
  run: string,
  { onStep = () => {}, confined = false, own, signal }: QuarantineOptions = {},
): Quarantine {
  const vitals = vitalsDir(realPath(stateDir));
  const folder = path.join(vitals, "quarantine", run);
  const journal = openJournal(stateDir);
  const announced = sharedSync(journal);
  const touched = new Set<string>();
  settleInterrupted(stateDir, journal, confined, own);
  // One run may open the quarantine more than once: the host calls each check's repair by itself.
  let count = 0;
  for (const entry of readJournal(stateDir)) if (entry.run === run) count = Math.max(count, entry.n);

  /** Where the next file is kept. A rename would replace what is there. */
  const nextPlace = (file: string): string | ReturnType<typeof unreadable> => {
    for (;;) {
      count += 1;
      const place = path.join(folder, quarantineName(count, file));
      const there = whatStands(place);
      if (there === "nothing") return place;
      if (there !== "something") return unreadable(place, there.why);
    }
  };
  /** The folder of the lock at work: there are many locks in one, as a rule. */
  let source: PinnedFolder | undefined;
  let target: PinnedFolder | undefined;
  /** Made once: as long as it is held open it is there. */
  const folderOfRun = (): PinnedFolder => {
    if (target === undefined) makeFoldersIn(vitals, "quarantine", run);
    target ??= pinFolder(folder);
    return target;
  };
  const letGo = (): void => {
    target?.close();
    target = undefined;
  };
  const pinSource = (dir: string): PinnedFolder => {
    if (source?.dir !== dir) {
      source?.close();
      source = undefined;
      source = pinFolder(dir);
    }
    return source;
  };

  /** Journals what is about to be moved, or says why it is not. */
  const begin = (removal: Removal): Begun | Left => {
    const seen = look(removal);
    if ("status" in seen) return seen;
    const to = nextPlace(removal.path);
    if (typeof to !== "string") return to;
    const { checkId, fixId, findingId, path: from, judged } = removal;
    const plan = { run, n: count, checkId, fixId, findingId, from, file: identity(judged) };
    onStep("make folder");
    folderOfRun();
    onStep("journal intent");
    journal.append({ ...plan, to, phase: "intent" }, { flush: false });
    return { removal, plan, place: to, sync: announced() };
  };

  const finish = async ({ removal, plan, place, sync }: Begun, waited: boolean): Promise<RepairOutcome> => {
    let to = place;
    const keep = (outcome: Left): RepairOutcome => {
      note(journal, { ...plan, to, phase: "kept", reason: outcome.reason }, true);
      return outcome;
    };
    if (waited && signal?.aborted) return keep({ status: "skipped", reason: "interrupted" });
    sync();

    onStep("look again");
    const now = look(removal);
    if ("status" in now) return keep(now);
    const verdict = await removal
      .judgeAgain(now)
      .catch((error: unknown) => `it could not be judged again: ${errorText(error)}`);
    if (verdict !== true) return keep({ status: "skipped", reason: verdict });
    const name = path.basename(removal.path);
    let held = to;
    try {
      const from = pinSource(path.dirname(removal.path)).at(name);
      held = folderOfRun().at(path.basename(to));
      onStep("move");
      renameSync(from, held);
    } catch (error) {
      if (errorCode(error) === "ENOENT") letGo(); // the lock is gone, or the folder of the run is
      if (errorCode(error) !== "EXDEV" || source === undefined) return keep(failure(error));
      // Only within one file system is a rename atomic: stay in the folder, under a name no host looks for.
      to = path.join(path.dirname(removal.path), `.vitals-${run}-${quarantineName(plan.n, removal.path)}.quarantined`);
      onStep("journal intent beside");
      journal.append({ ...plan, to, phase: "intent" });
      const late = look(removal);
      if ("status" in late) return keep(late);
      held = source.at(path.basename(to));
      try {
        onStep("move beside");
        renameSync(source.at(name), held);
      } catch (again) {
        return keep(failure(again));
      }
    }
    onStep("verify");
    touched.add(path.dirname(removal.path)).add(path.dirname(to));
    const moved = lookAtLock(held);
    if (moved.kind === "file" && sameLock(moved.snapshot, removal.judged)) {
      onStep("journal moved");
      note(journal, { ...plan, to, phase: "moved" }, false);
      onStep("moved");
      return { status: "repaired", changes: [`moved ${removal.path} to ${to}`] };
    }
    if (moved.kind === "missing") return keep({ status: "failed", reason: "another run put it back" });
    // Another process made a new lock between the last look and the rename: it goes back at once.
    const done =
      moved.kind === "unreadable"
        ? `what was moved could not be read (${moved.why}) and was put back`
        : "a new lock had taken its place and was left there";
    const settled = putBackMistake({ from: to, to: removal.path }, done, onStep);
    onStep("journal put back");
    // An undo must know what is kept there: it is not what was judged.
    const file = settled.phase === "stuck" && moved.kind === "file" ? identity(moved.snapshot) : plan.file;
    note(journal, { ...plan, to, file, ...settled }, true);
    onStep("put back");
    return { status: "failed", reason: settled.reason };
  };

  /** Whoever is at work, and those who wait for it. */
  let turn: Promise<unknown> = Promise.resolve();
  let begun = 0;
  return {
    run,
    async remove(removal) {
      const plan = begin(removal);
      if ("status" in plan) return plan;
      const waits = begun > 0;
      begun += 1;
      const outcome = turn
        .then(() => finish(plan, waits))
        .finally(() => {
          begun -= 1;
        });
      turn = outcome.catch(() => {});
      return await outcome;
    },
    async change({ keepAs, ...change }, act) {
      const to = nextPlace(keepAs);
      if (typeof to !== "string") return to;
      onStep("make folder");
      folderOfRun();
      return await makeChange(journal, { ...change, run, n: count, to }, act, onStep);
    },
    close() {
      source?.close();
      letGo();
      onStep("make durable");
      for (const dir of touched) syncDirectory(dir);
      journal.close();
    },
  };
}

/** The intent on the disk already tells where the file is: a full disk now loses nothing, nor what there is to report. */
function note(journal: Journal, entry: Parameters<Journal["append"]>[0], flush: boolean): void {
  try {
    journal.append(entry, { flush });
  } catch {
    // settled from the intent by the next run
  }
}

/** A removal that is journaled. */
interface Begun {
  readonly removal: Removal;
  readonly plan: Omit<NewMove, "to" | "phase">;
  readonly place: string;
  /** Returns when its intent is on the disk. */
  sync(): void;
}

function quarantineName(n: number, file: string): string {
  let name = path.basename(file);
  while (Buffer.byteLength(name) > MAX_NAME_BYTES) name = name.slice(1);
  return `${n}-${name}`;
}
