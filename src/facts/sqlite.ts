import type { DatabaseSync, DatabaseSyncOptions, SQLOutputValue } from "node:sqlite";
import { sha256 } from "../digest.ts";

/** One row as it is stored: integers as bigint, every column the table has. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** Values of the columns that make a row the only one, by column. */
export type RowKey = Readonly<Record<string, string>>;

/** Opens a database with Node's own SQLite. @throws what SQLite says, or that this Node has none. */
export function openSqlite(file: string, options: DatabaseSyncOptions = {}): DatabaseSync {
  const emitWarning = process.emitWarning;
  process.emitWarning = () => {}; // Node 22 calls SQLite experimental, which is of no use to a user of ours
  try {
    const sqlite = process.getBuiltinModule("node:sqlite");
    if (sqlite === undefined) throw new Error("this Node has no SQLite");
    return new sqlite.DatabaseSync(file, options);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The row with this key; null when there is none. */
export function readRow(db: DatabaseSync, table: string, key: RowKey): Row | null {
  const found = db.prepare(`SELECT * FROM ${quoted(table)} WHERE ${allEqual(Object.keys(key))}`);
  found.setReadBigInts(true);
  return (found.get(...Object.values(key)) as Row | undefined) ?? null;
}

/** Tells a row from every other one: names, types and values of all its columns. SHA-256. */
export function hashRow(row: Row): string {
  const columns = Object.entries(row).map(([name, value]) => {
    if (value instanceof Uint8Array) return [name, "blob", Buffer.from(value).toString("hex")];
    return [name, value === null ? "null" : typeof value, String(value)];
  });
  return sha256(JSON.stringify(columns));
}

/** A condition that all these columns have the values given, null included. */
export function allEqual(columns: readonly string[]): string {
  return columns.map((column) => `${quoted(column)} IS ?`).join(" AND ");
}

/** A name as SQL takes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Whether another connection, of whatever process, was in the way. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" && ((code & 0xff) === 5 || (code & 0xff) === 6); // SQLITE_BUSY, SQLITE_LOCKED
}
