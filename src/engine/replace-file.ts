import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { sha256 } from "../digest.ts";
import { readRegularFile } from "../facts/regular-file.ts";
import { syncDirectory } from "./disk.ts";
import { errorCode, errorText } from "./errors.ts";
import { inFolder, type PinnedFolder } from "./pinned-folder.ts";
import type { StepHook } from "./put-back.ts";

/** A config that is read at all is not that large. */
const MAX_BYTES = 16_777_216;

/** A config file as it was read: what is written must replace exactly this. */
export interface StoredFile {
  /** Its real path: a link to it stays a link. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** @throws the file system's error. */
export function readStoredFile(file: string): StoredFile {
  const real = realpathSync(file);
  const { bytes, stat } = readRegularFile(real, MAX_BYTES);
  return { path: real, bytes, sha256: sha256(bytes), mode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid };
}

/** Null when the file is not there or cannot be read. */
export function hashOf(file: string): string | null {
  try {
    return readStoredFile(file).sha256;
  } catch {
    return null;
  }
}

/** Name under which the new content is written first; of one run, so that what a crash left can be told. */
export function draftPath(file: string, run: string, n: number): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.vitals-${run}-${n}`);
}

/**
 * Replaces the content of a config file in one step, with its mode and owner kept, if it is still what was read.
 * @returns null when it is done, else why it was not; the file is then as it was.
 */
export function replaceFile(before: StoredFile, content: Uint8Array, draft: string, onStep: StepHook): string | null {
  try {
    return inFolder(path.dirname(before.path), (folder) => replaceIn(folder, before, content, draft, onStep));
  } catch (error) {
    return `it could not be written: ${errorCode(error) ?? errorText(error)}`;
  }
}

function replaceIn(
  folder: PinnedFolder,
  before: StoredFile,
  content: Uint8Array,
  draft: string,
  onStep: StepHook,
): string | null {
  const held = folder.at(path.basename(draft));
  try {
    onStep("write draft");
    writeNew(held, content, before);
    onStep("look again");
    if (hashOf(before.path) !== before.sha256) {
      rmSync(held, { force: true });
      return "it was changed since it was read";
    }
    onStep("replace");
    renameSync(held, folder.at(path.basename(before.path)));
    syncDirectory(path.dirname(before.path));
    onStep("replaced");
    return null;
  } catch (error) {
    rmSync(held, { force: true });
    throw error;
  }
}

/** Writes a new private file and flushes it. @param file a real path @throws when something stands there. */
export function writeDurably(file: string, content: Uint8Array): void {
  inFolder(path.dirname(file), (folder) => writeNew(folder.at(path.basename(file)), content));
}

/** @param like gives mode and owner */
function writeNew(file: string, content: Uint8Array, like?: Pick<StoredFile, "mode" | "uid" | "gid">): void {
  const fd = openSync(file, "wx", 0o600);
  try {
    if (like === undefined) fchmodSync(fd, 0o600); // whatever the umask
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    if (like !== undefined) {
      const { uid, gid } = fstatSync(fd);
      if (uid !== like.uid || gid !== like.gid) fchownSync(fd, like.uid, like.gid);
      fchmodSync(fd, like.mode);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
