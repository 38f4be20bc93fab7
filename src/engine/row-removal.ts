import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { allEqual, hashRow, quoted, type Row, readRow } from "../facts/sqlite.ts";
import { IN_USE, withDatabaseAlone } from "./database-alone.ts";
import { errorText } from "./errors.ts";
import type { StepHook } from "./put-back.ts";
import { backUp, CHANGED, dropBackup, inUse, type JudgedRow, Kept } from "./row-backup.ts";
import type { RepairOutcome } from "./types.ts";

export interface RowRemoval {
  readonly row: JudgedRow;
  /** Where the backup of the database goes. */
  readonly backup: string;
  /** Another database that nobody may have open, because the row says that somebody has; it is not changed. */
  readonly claims: string | null;
}

/**
 * Removes exactly the row that was judged, from a database that nobody has open and of which a sound backup was made
 * just now. Never awaits, so that nothing comes between in this process either.
 */
export function removeRow({ row, backup, claims }: RowRemoval, onStep: StepHook): RepairOutcome {
  let made = false;
  try {
    onStep("lock");
    closed(claims, () => alone(row.file, (db) => judgedRow(db, row)));
    onStep("back up");
    backUp(row, backup);
    made = true;
    onStep("lock again");
    closed(claims, () =>
      alone(row.file, (db) => {
        onStep("delete row");
        deleteRow(db, row);
        // Another run that takes this one for dead drops the backup, under this same lock.
        if (!existsSync(backup)) throw new Error("another run removed the backup");
        onStep("commit");
      }),
    );
    onStep("row deleted");
    return { status: "repaired", changes: [`removed a row of ${row.table} from ${row.file}, backup at ${backup}`] };
  } catch (error) {
    if (made) dropBackup(backup);
    return { status: error instanceof Kept ? "skipped" : "failed", reason: errorText(error) };
  }
}

/** Works while nobody has the claimed database open, if there is one. */
function closed(claims: string | null, work: () => void): void {
  if (claims === null || !existsSync(claims)) work();
  else alone(claims, work);
}

function alone(file: string, work: (db: DatabaseSync) => void): void {
  if (withDatabaseAlone(file, work) === IN_USE) throw new Kept(inUse(file));
}

/** The row as it stands, if it is the one that was judged. */
function judgedRow(db: DatabaseSync, { table, key, rowHash }: JudgedRow): Row {
  const row = readRow(db, table, key);
  if (row === null) throw new Kept("it is gone already");
  if (hashRow(row) !== rowHash) throw new Kept(CHANGED);
  return row;
}

function deleteRow(db: DatabaseSync, judged: JudgedRow): void {
  const { table } = judged;
  const row = judgedRow(db, judged);
  const before = totalChanges(db);
  const removed = db.prepare(`DELETE FROM ${quoted(table)} WHERE ${allEqual(Object.keys(row))}`);
  const { changes } = removed.run(...Object.values(row));
  // A trigger or a foreign key of a newer host would take more than what was judged.
  if (Number(changes) !== 1 || totalChanges(db) - before !== 1)
    throw new Kept("more than this row would have been changed");
}

/**
 * Inserts a row as it was, into a database that nobody has open. Never replaces: where a row with this key stands,
 * nothing is changed.
 * @returns what stands there now: this row, or another one with its key.
 * @throws what SQLite says, also that the table has another layout by now.
 */
export function insertRow(row: JudgedRow, values: Row, onStep: StepHook): "same" | "other" | typeof IN_USE {
  return withDatabaseAlone(row.file, (db) => {
    const there = readRow(db, row.table, row.key);
    if (there !== null) return hashRow(there) === row.rowHash ? "same" : "other";
    const columns = Object.keys(values);
    const places = columns.map(() => "?").join(", ");
    onStep("insert row");
    db.prepare(`INSERT INTO ${quoted(row.table)} (${columns.map(quoted).join(", ")}) VALUES (${places})`).run(
      ...Object.values(values),
    );
    const now = readRow(db, row.table, row.key);
    if (now === null || hashRow(now) !== row.rowHash) throw new Error("the table has another layout by now");
    onStep("commit");
    return "same";
  });
}

function totalChanges(db: DatabaseSync): number {
  return Number(db.prepare("SELECT total_changes() AS n").get()?.["n"]);
}
