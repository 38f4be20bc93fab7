import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
} from "node:fs";
import path from "node:path";
import { lookAtLock } from "../facts/lock-file.ts";
import { errorCode, errorText, UserError } from "./errors.ts";

/**
 * Takes the rights of everybody else away, and gives the owner those that a strange umask took, from an open file or
 * folder, as far as it is ours.
 */
export function keepPrivate(fd: number, { mode }: Stats, wanted: 0o600 | 0o700): void {
  if (process.platform === "win32" || (mode & 0o777) === wanted) return;
  try {
    fchmodSync(fd, wanted);
  } catch (error) {
    if (errorCode(error) !== "EPERM" && errorCode(error) !== "EROFS") throw error; // another user's: as it was made
  }
}

/**
 * Makes one directory with mode 0700, and one that is there the same; refuses links, so that nothing is written out of
 * the state dir.
 * @param shown how it is called to people
 */
export function makePrivateDir(dir: string, shown = dir): void {
  const remedy = "Run as the user that owns the state directory, on a writable disk.";
  try {
    mkdirSync(dir, { mode: 0o700 });
    // A file moved into a folder that a power cut takes away would be lost.
    syncDirectory(path.dirname(dir));
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw new UserError(`${shown} cannot be made (${errorCode(error)}).`, remedy);
    const there = lookAtLock(dir);
    const why = there.kind === "unreadable" ? there.why : there.kind === "missing" ? "ENOENT" : null;
    if (why !== null) throw new UserError(`${shown} cannot be looked at (${why}).`, remedy);
    if (there.kind !== "directory")
      throw new UserError(`${shown} is not a directory.`, "Move it away: repairs are kept there.");
  }
  try {
    closeToOthers(dir);
  } catch (error) {
    throw new UserError(`${shown} cannot be closed to others (${errorCode(error) ?? errorText(error)}).`, remedy);
  }
}

function closeToOthers(dir: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  if ((lstatSync(dir).mode & 0o777) === 0o700) return;
  const open = (): number => openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  let fd: number;
  try {
    fd = open();
  } catch (error) {
    // Of a folder without any rights its owner can change them by its name only.
    if (errorCode(error) !== "EACCES") throw error;
    chmodSync(dir, 0o700);
    fd = open();
  }
  try {
    keepPrivate(fd, fstatSync(fd), 0o700);
  } finally {
    closeSync(fd);
  }
}

/**
 * Whether anything at all has this name, links included. Cheaper than a look at it where nothing is expected: what is not
 * there throws no error.
 */
export function whatStands(file: string): "nothing" | "something" | { readonly why: string } {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) === undefined ? "nothing" : "something";
  } catch (error) {
    const code = errorCode(error);
    return code === "ENOENT" || code === "ENOTDIR" ? "nothing" : { why: code ?? errorText(error) };
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
