import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import path from "node:path";
import { makePrivateDir } from "./disk.ts";
import { errorCode, UserError } from "./errors.ts";

/** A folder that is held open: a name in it stays a name in it, whatever becomes of the path that led there. */
export interface PinnedFolder {
  /** Its real path. */
  readonly dir: string;
  /** How a file in it is called until `close`. Not to be shown. */
  at(name: string): string;
  close(): void;
}

/**
 * Holds a folder open by its real path, so that nobody can have a link take the place of a folder between a look and a
 * move. Linux only: elsewhere names are names, and who can write above the folder can do that.
 * @throws when another folder, or a link, has taken its place by now; or the file system's error.
 */
export function pinFolder(dir: string): PinnedFolder {
  const unpinned: PinnedFolder = { dir, at: (name) => path.join(dir, name), close() {} };
  if (process.platform !== "linux") return unpinned;
  let fd: number;
  try {
    fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ELOOP" || code === "ENOTDIR") throw movedAway(dir);
    if (code === "EACCES") return unpinned; // a folder that can be written to but not listed
    throw error;
  }
  const held = `/proc/self/fd/${fd}`;
  try {
    if (readlinkSync(held) !== dir) throw movedAway(dir);
  } catch (error) {
    letGo(fd);
    if (errorCode(error) === "ENOENT") return unpinned; // no /proc here
    throw error;
  }
  return { dir, at: (name) => `${held}/${name}`, close: () => letGo(fd) };
}

/** Does this with a folder held open. @throws as `pinFolder`, and what the work throws. */
export function inFolder<T>(dir: string, work: (folder: PinnedFolder) => T): T {
  const folder = pinFolder(dir);
  try {
    return work(folder);
  } finally {
    folder.close();
  }
}

/** Makes a private folder in another one, and the same in that, by their names. Nothing is made elsewhere. */
export function makeFoldersIn(dir: string, ...names: readonly string[]): void {
  const [name, ...rest] = names;
  if (name === undefined) return;
  const made = path.join(dir, name);
  inFolder(dir, (folder) => makePrivateDir(folder.at(name), made));
  makeFoldersIn(made, ...rest);
}

function letGo(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // nothing was written through it
  }
}

function movedAway(dir: string): Error {
  return new UserError(`${dir} leads elsewhere by now.`, "Find out who put a link in its place, and look again.");
}
