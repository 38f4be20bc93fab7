import { closeSync, existsSync, openSync, rmSync } from "node:fs";
import { hashRow, openSqlite, type RowKey, readRow } from "../facts/sqlite.ts";
import type { ChangeKind } from "./change-kinds.ts";
import { IN_USE, withDatabaseAlone } from "./database-alone.ts";
import { errorCode, errorText } from "./errors.ts";
import type { ChangeEntry } from "./journal-entry.ts";
import { dropBackup, inUse, type JudgedRow, rowInBackup } from "./row-backup.ts";
import { insertRow } from "./row-removal.ts";

const KEY = "key:";
/** How long a look at the database waits for a writer. Milliseconds. */
const LOOK_TIMEOUT_MS = 1000;

/** What the journal keeps of a removed row: where it was and its hash. Its values are in the backup only. */
export function rowDetail({ table, key, rowHash }: JudgedRow): ChangeEntry["detail"] {
  const keys = Object.entries(key).map(([column, value]) => [`${KEY}${column}`, value]);
  return { table, rowHash, ...Object.fromEntries(keys) };
}

/** A row that was removed from a database; `to` is the backup of the database. */
export const rowChange: ChangeKind = {
  isOpen: ({ phase, to }) => (phase === "kept" ? existsSync(to) : phase === "done" && existsSync(undoMark(to))),
  settle: (entry) => (entry.phase === "done" ? settleUndo(entry) : settleRemoval(entry)),
  canUndo: ({ to }) => existsSync(to),
  undo(entry, onStep) {
    const row = rowOf(entry);
    if (row === null) return { status: "failed", reason: "the journal does not say which row it was" };
    const values = rowInBackup(row, entry.to);
    if (values === null) return { status: "failed", reason: `${entry.to} does not hold the row any more` };
    try {
      onStep("mark undo");
      makeMark(entry.to);
      const now = insertRow(row, values, onStep);
      onStep("row inserted");
      if (now === "same") return { status: "restored" };
      dropMark(entry.to);
      return now === IN_USE
        ? { status: "skipped", reason: inUse(row.file) }
        : { status: "skipped", reason: "a newer row stands in its place" };
    } catch (error) {
      dropMark(entry.to);
      return { status: "failed", reason: `it could not be put back: ${errorText(error)}` };
    }
  },
  tidy({ to }) {
    dropBackup(to); // a copy of all the host knows is not kept for nothing
    dropMark(to);
  },
};

/** The one that dropped the backup did it under the lock under which the row is removed: not both happen. */
function settleRemoval(entry: ChangeEntry): ReturnType<ChangeKind["settle"]> {
  const row = rowOf(entry);
  if (row === null) return null;
  const decide = (there: boolean): ReturnType<ChangeKind["settle"]> =>
    !there && rowInBackup(row, entry.to) !== null
      ? { phase: "done", reason: "interrupted after the row was removed" }
      : { phase: "kept", reason: "interrupted before the row was removed" };
  try {
    const end = withDatabaseAlone(row.file, (db) => {
      const decided = decide(isThere(db, row));
      if (decided?.phase === "kept") dropBackup(entry.to);
      return decided;
    });
    if (end !== IN_USE) return end;
    // A run at work, or a host: nothing is dropped, and what is left behind is looked at again by a later run.
    const there = look(row);
    return there === null || (there && entry.phase === "kept") ? null : decide(there);
  } catch {
    return null;
  }
}

function settleUndo(entry: ChangeEntry): ReturnType<ChangeKind["settle"]> {
  const row = rowOf(entry);
  const there = row === null ? null : look(row);
  if (there === true) return { phase: "undone", reason: "interrupted after it was put back" };
  if (there === false) dropMark(entry.to);
  return null;
}

/** Whether the row stands in the database as it was; null when that cannot be told. */
function look(row: JudgedRow): boolean | null {
  try {
    const db = openSqlite(row.file, { readOnly: true, timeout: LOOK_TIMEOUT_MS });
    try {
      return isThere(db, row);
    } finally {
      db.close();
    }
  } catch {
    return null;
  }
}

function isThere(db: Parameters<typeof readRow>[0], { table, key, rowHash }: JudgedRow): boolean {
  const row = readRow(db, table, key);
  return row !== null && hashRow(row) === rowHash;
}

function rowOf({ from, detail }: ChangeEntry): JudgedRow | null {
  const { table, rowHash } = detail;
  const key: RowKey = Object.fromEntries(
    Object.entries(detail).flatMap(([name, value]) =>
      name.startsWith(KEY) && typeof value === "string" ? [[name.slice(KEY.length), value]] : [],
    ),
  );
  if (typeof table !== "string" || typeof rowHash !== "string" || Object.keys(key).length === 0) return null;
  return { file: from, table, key, rowHash };
}

/** Stands beside the backup from before the row is put back until the journal says so. */
function undoMark(backup: string): string {
  return `${backup}.undo`;
}

/** Of one that is there nothing is changed: it may be a link to anywhere. */
function makeMark(backup: string): void {
  try {
    closeSync(openSync(undoMark(backup), "wx", 0o600));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

function dropMark(backup: string): void {
  try {
    rmSync(undoMark(backup), { force: true });
  } catch {
    // the next run looks whether the row is back, and tries again
  }
}
