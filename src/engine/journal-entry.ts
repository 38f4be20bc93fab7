import { existsSync } from "node:fs";
import path from "node:path";
import type { LockSnapshot } from "../facts/lock-file.ts";
import { changeKind } from "./change-kinds.ts";

/** Identity of a moved file: what was judged is what must come back. */
export type MovedFile = Pick<LockSnapshot, "dev" | "ino" | "size" | "mtimeNs"> & { readonly sha256: string };

interface Entry {
  readonly v: 1;
  /** ISO time. */
  readonly at: string;
  readonly run: string;
  readonly n: number;
  readonly checkId: string;
  readonly fixId: string;
  readonly findingId: string;
  /** What was repaired, absolute. */
  readonly from: string;
  /** Where what undo needs is kept, absolute, inside `<state>/vitals` (a moved file may lie beside its place). */
  readonly to: string;
  readonly reason?: string;
}

/**
 * A file that is moved: `intent` (about to move), `moved`, `kept` (nothing was moved, or it was put back), `stuck`
 * (in the quarantine because its place was taken), `undone`.
 */
export interface MoveEntry extends Entry {
  readonly kind?: undefined;
  readonly phase: "intent" | "moved" | "kept" | "stuck" | "undone";
  readonly file: MovedFile;
}

/** Any other change, e.g. of a row in a database: `intent`, `done`, `kept` (nothing was changed), `undone`. */
export interface ChangeEntry extends Entry {
  readonly kind: ChangeKindName;
  readonly phase: "intent" | "done" | "kept" | "undone";
  /** What tells this change from a later one and takes it back; never a value of the config. */
  readonly detail: Readonly<Record<string, string | number | null>>;
}

/** Kinds of repair that are no move; each has its module in `change-kinds.ts`. */
export type ChangeKindName = "row" | "config" | "restart" | "cron";

/** One line of the journal. A repair is the entries with the same run and number; the last one says where it stands. */
export type JournalEntry = MoveEntry | ChangeEntry;

export type NewMove = Omit<MoveEntry, "v" | "at">;
/** An entry as it is handed to the journal, which adds version and time. */
export type NewEntry = NewMove | Omit<ChangeEntry, "v" | "at">;

/** The last entry of each repair, in the order the repairs were begun. */
export function latestEntries(entries: readonly JournalEntry[]): JournalEntry[] {
  const latest = new Map<string, JournalEntry>();
  for (const entry of entries) latest.set(`${entry.run}/${entry.n}`, entry);
  return [...latest.values()];
}

/** Whether `undo` has something to take back for this repair. */
export function canUndo(entry: JournalEntry): boolean {
  if (entry.kind !== undefined) return entry.phase === "done" && changeKind(entry.kind)?.canUndo(entry) === true;
  return (entry.phase === "moved" || entry.phase === "stuck") && existsSync(entry.to);
}

/** Whether the journal must keep the lines of this repair. */
export function isNeeded(entry: JournalEntry): boolean {
  return entry.phase === "intent" || (entry.kind === undefined ? existsSync(entry.to) : canUndo(entry));
}

/** A run's id stands in names of files and in commands. */
const RUN = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u;
const MOVE_PHASES: readonly unknown[] = ["intent", "moved", "kept", "stuck", "undone"] satisfies MoveEntry["phase"][];
const CHANGE_PHASES: readonly unknown[] = ["intent", "done", "kept", "undone"] satisfies ChangeEntry["phase"][];

/** Whether a line that was read is an entry this version understands. Anybody can have written it. */
export function isEntry(line: unknown): line is JournalEntry {
  const entry = line as Partial<MoveEntry> | Partial<ChangeEntry> | null;
  if (
    entry?.v !== 1 ||
    typeof entry.run !== "string" ||
    !RUN.test(entry.run) ||
    !Number.isSafeInteger(entry.n) ||
    !isPlainPath(entry.from) ||
    !isPlainPath(entry.to) ||
    ![entry.at, entry.checkId, entry.fixId, entry.findingId, entry.reason ?? ""].every((one) => typeof one === "string")
  )
    return false;
  if (entry.kind === undefined)
    return MOVE_PHASES.includes(entry.phase) && typeof (entry as Partial<MoveEntry>).file?.sha256 === "string";
  return (
    CHANGE_PHASES.includes(entry.phase) &&
    typeof entry.kind === "string" &&
    typeof entry.detail === "object" &&
    entry.detail !== null
  );
}

/** Absolute, and without steps back: where such a path leads depends on what is a link. */
function isPlainPath(file: unknown): boolean {
  return (
    typeof file === "string" && path.isAbsolute(file) && !file.includes("\0") && !file.split(/[\\/]/).includes("..")
  );
}
