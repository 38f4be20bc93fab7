import { closeSync, constants, fsyncSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { lookAtLock } from "../facts/lock-file.ts";
import { errorCode, UserError } from "./errors.ts";

/** Makes one directory with mode 0700; refuses links, so that nothing is written out of the state dir. */
export function makePrivateDir(dir: string): void {
  const remedy = "Run as the user that owns the state directory, on a writable disk.";
  try {
    mkdirSync(dir, { mode: 0o700 });
    // A file moved into a folder that a power cut takes away would be lost.
    syncDirectory(path.dirname(dir));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw new UserError(`${dir} cannot be made (${errorCode(error)}).`, remedy);
    const there = lookAtLock(dir);
    const why = there.kind === "unreadable" ? there.why : there.kind === "missing" ? "ENOENT" : null;
    if (why !== null) throw new UserError(`${dir} cannot be looked at (${why}).`, remedy);
    if (there.kind !== "directory")
      throw new UserError(`${dir} is not a directory.`, "Move it away: repairs are kept there.");
  }
}

/** Makes renames and links in a directory durable, as far as the platform and our rights allow. */
export function syncDirectory(dir: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  try {
    const fd = openSync(dir, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // What was done is done; only a power cut could still take it back, and the journal knows both places.
  }
}
