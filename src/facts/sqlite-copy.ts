import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { errorCode, errorText } from "../engine/errors.ts";
import { programs } from "../run.ts";
import { exposes } from "./paths.ts";
import { openSqlite } from "./sqlite.ts";

/** What came of reading a database. `why` is half a sentence, e.g. `is larger than 256 MiB`. */
export type DatabaseRead<T> =
  | { readonly status: "read"; readonly value: T }
  | { readonly status: "missing" }
  | { readonly status: "unreadable"; readonly why: string };

/** Larger ones are not copied. Bytes, with the write-ahead log. */
const MAX_BYTES = 268_435_456;
/** How often a copy is made until nobody wrote meanwhile, and the time between. Milliseconds. */
const ATTEMPTS = 5;
const PAUSE_MS = 60;
const COPY_TIMEOUT_MS = 10_000;

/**
 * Reads a SQLite database through a private copy that is removed at once: the live file is never opened by SQLite,
 * so no writer waits for us. `-shm` is left out; SQLite makes it anew from the log.
 */
export async function readDatabaseCopy<T>(file: string, read: (db: DatabaseSync) => T): Promise<DatabaseRead<T>> {
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = stamp(file);
      if (before === null) return { status: "missing" };
      if (exposes(file)) return { status: "unreadable", why: "is a link to another user's file" };
      if (before.problem !== null) return { status: "unreadable", why: before.problem };
      const result = await readOnce(file, before.files, () => stamp(file)?.text === before.text, read);
      if (result !== null) return { status: "read", value: result.value };
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return { status: "unreadable", why: "is being written all the time" };
  } catch (error) {
    const code = errorCode(error);
    // SQLite has one code for everything; its text names a table or says that this is no database.
    const what = code === undefined || code === "ERR_SQLITE_ERROR" ? errorText(error) : code;
    return { status: "unreadable", why: `cannot be read (${what})` };
  }
}

/** Null when somebody wrote while it was copied: the two files then may not belong together. */
async function readOnce<T>(
  file: string,
  files: readonly string[],
  isUnchanged: () => boolean,
  read: (db: DatabaseSync) => T,
): Promise<{ readonly value: T } | null> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "openclaw-vitals-")); // 0700: the copy holds whatever the host keeps
  const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", remove); // a doctor may end before we do
  try {
    if (!(await copyInto(dir, files)) || !isUnchanged()) return null;
    const db = openSqlite(path.join(dir, path.basename(file)), { readOnly: true });
    try {
      return { value: read(db) };
    } finally {
      db.close();
    }
  } finally {
    remove();
    process.off("exit", remove);
  }
}

/**
 * By another process: this one may be the host's, and when a process closes any descriptor of a file, it loses all
 * POSIX locks it has on it, those of the host's own connection included. Windows has no such locks.
 */
async function copyInto(dir: string, files: readonly string[]): Promise<boolean> {
  if (process.platform !== "win32") {
    const { exitCode } = await (await programs())("cp", ["--", ...files, dir], { timeout: COPY_TIMEOUT_MS });
    return exitCode === 0;
  }
  for (const file of files) copyFileSync(file, path.join(dir, path.basename(file)));
  return true;
}

function stamp(file: string): { text: string; files: string[]; problem: string | null } | null {
  const present: string[] = [];
  let text = "";
  let bytes = 0n;
  for (const name of [file, `${file}-wal`]) {
    const stat = statSync(name, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isFile()) return { text, files: [], problem: "is not a regular file" };
    present.push(name);
    bytes += stat.size;
    text += `${name}:${stat.ino}:${stat.size}:${stat.mtimeNs};`;
  }
  if (present[0] !== file) return null;
  return { text, files: present, problem: bytes > MAX_BYTES ? "is larger than 256 MiB" : null };
}
