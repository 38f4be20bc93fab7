import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync } from "node:fs";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { hashRow, isBusy, openSqlite, quoted, type Row, type RowKey, readRow } from "../facts/sqlite.ts";
import { syncDirectory } from "./disk.ts";
import { errorText } from "./errors.ts";
import { writeDurably } from "./replace-file.ts";

/** A row as it was judged, and where it is. */
export interface JudgedRow {
  /** The database, absolute. */
  readonly file: string;
  readonly table: string;
  readonly key: RowKey;
  readonly rowHash: string;
}

/** Why a row is left alone although nothing went wrong. */
export class Kept extends Error {}

export const CHANGED = "it changed since it was judged";

/** The sentence about a database that somebody has open. */
export function inUse(file: string): string {
  return `${file} is in use: stop OpenClaw first`;
}

/** Left free for whoever else writes to the disk. Bytes. */
const SPARE_BYTES = 8_388_608;

/**
 * Copies the whole database to `to`, a new private file, and reads the copy: it must be sound and hold the row.
 * Writers do not wait for it. Leaves no copy behind when it fails.
 * @throws saying why there is none; `Kept` when the row is another one by now, or the database is in use.
 */
export function backUp(row: JudgedRow, to: string): void {
  const needed = [row.file, `${row.file}-wal`].reduce((sum, file) => sum + sizeOf(file), 0);
  const { bavail, bsize } = statfsSync(path.dirname(to));
  if (bavail * bsize < needed + SPARE_BYTES)
    throw new Error(`there is no room for a backup of ${Math.ceil(needed / 1_048_576)} MiB`);
  writeDurably(to, Buffer.alloc(0)); // SQLite would make it readable for everyone
  try {
    const counts = copy(row, to);
    sync(to);
    verify(row, to, counts);
  } catch (error) {
    dropBackup(to);
    if (error instanceof Kept) throw error;
    if (isBusy(error)) throw new Kept(inUse(row.file));
    throw new Error(`no backup could be made: ${errorText(error)}`);
  }
}

/** The row of a backup; null when the backup is gone, unsound or of another row. Never throws. */
export function rowInBackup({ table, key, rowHash }: Omit<JudgedRow, "file">, backup: string): Row | null {
  try {
    const db = openSqlite(backup, { readOnly: true });
    try {
      const row = readRow(db, table, key);
      return row !== null && hashRow(row) === rowHash ? row : null;
    } finally {
      db.close();
    }
  } catch {
    return null;
  }
}

/** Removes a backup that is of no use any more. Never throws: what stays is a private file nobody reads. */
export function dropBackup(backup: string): void {
  try {
    for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(`${backup}${suffix}`, { force: true });
  } catch {
    // seen to by a later run
  }
}

function copy(row: JudgedRow, to: string): number {
  const db = openSqlite(row.file, { timeout: 0 });
  try {
    db.prepare("VACUUM INTO ?").run(to);
    return count(db, row.table);
  } finally {
    db.close();
  }
}

function verify({ table, key, rowHash }: JudgedRow, backup: string, rows: number): void {
  const db = openSqlite(backup, { readOnly: true });
  try {
    const problem = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    if (problem !== "ok") throw new Error("the copy is not sound");
    const row = readRow(db, table, key);
    if (row === null || hashRow(row) !== rowHash) throw new Kept(CHANGED);
    if (count(db, table) !== rows) throw new Kept("somebody wrote to the database meanwhile");
  } finally {
    db.close();
  }
}

function count(db: DatabaseSync, table: string): number {
  return Number(db.prepare(`SELECT count(*) AS n FROM ${quoted(table)}`).get()?.["n"]);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function sync(file: string): void {
  const fd = openSync(file, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncDirectory(path.dirname(file));
}
