import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { isBusy, openSqlite } from "../facts/sqlite.ts";

/** Somebody has the database open: a host, in whatever container on this machine, another tool, or this process. */
export const IN_USE = Symbol("in use");

/**
 * Works on a database that nobody else has open, in one transaction that is written when `work` returns and given up
 * when it throws. SQLite's exclusive lock is both the proof and the guard: an OpenClaw keeps a lock of its own for as
 * long as it has the database open, and one that comes meanwhile waits. Never awaits: in a host's process that would
 * be a wait for ourselves.
 * @throws what SQLite says of a file that is missing, is no database or cannot be written.
 */
export function withDatabaseAlone<T>(file: string, work: (db: DatabaseSync) => T): T | typeof IN_USE {
  if (!existsSync(file)) throw new Error("there is no database"); // SQLite would make one
  const db = openSqlite(file, { timeout: 0 });
  try {
    try {
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE");
    } catch (error) {
      if (isBusy(error)) return IN_USE;
      throw error;
    }
    const result = work(db);
    db.exec("COMMIT");
    return result;
  } finally {
    db.close(); // what was not committed is rolled back
  }
}
