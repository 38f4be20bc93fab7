import { lstatSync, statfsSync, statSync } from "node:fs";
import { errorCode } from "../engine/errors.ts";
import { type LockLook, lookAtLock, sameLock } from "./lock-file.ts";
import { pauses } from "./pauses.ts";

/** A lock of any family, as far as a verdict on its owner needs it. */
export interface FoundLock {
  readonly path: string;
  readonly look: LockLook;
  /** Same file and content at two looks; only looked at twice when the payload names no owner. */
  readonly unchanged: boolean;
  /** Network or host-shared file system it lies on, null for a local one or when the platform does not tell. */
  readonly sharedFileSystem: string | null;
  /** The folder as it was before it was listed; absent for a lock that was looked for by its name. */
  readonly listed?: ListedFolder;
}

/** Younger times of change say little: file systems count in steps of up to two seconds. Milliseconds. */
const COARSEST_MS = 2_500;

/** A folder that was listed. */
export class ListedFolder {
  readonly #path: string;
  readonly #changedNs: bigint | null;

  /** @param changedNs as `changedNs` told before it was listed. */
  constructor(path: string, changedNs: bigint | null) {
    this.#path = path;
    this.#changedNs = changedNs;
  }

  /** When a folder that is about to be listed changed; null where that will not tell whether it changes later. */
  static changedNs(path: string, sharedFileSystem: string | null): bigint | null {
    const changedNs = sharedFileSystem === null ? changeOf(path) : null;
    const settled = changedNs !== null && Date.now() - Number(changedNs / 1_000_000n) > COARSEST_MS;
    return settled ? changedNs : null;
  }

  /** True: no file was added, removed or renamed in it since. One question for all its locks. */
  isAsListed(): boolean {
    return this.#changedNs !== null && changeOf(this.#path) === this.#changedNs;
  }
}

function changeOf(folder: string): bigint | null {
  try {
    return statSync(folder, { bigint: true }).mtimeNs;
  } catch {
    return null;
  }
}

/** What a reader of locks found, and what it could not read, one sentence each. */
export interface FoundLocks<T extends FoundLock> {
  readonly locks: readonly T[];
  readonly problems: readonly string[];
}

/** What stands at `<lock>.reclaim` while a newer host takes a lock back. Age in seconds. */
export interface Guard {
  readonly path: string;
  readonly ageSeconds: number;
}

/** The reclaim guard of a lock; null when there is none. */
export function readGuard(lockPath: string): Guard | null {
  const file = `${lockPath}.reclaim`;
  try {
    return { path: file, ageSeconds: Math.round((Date.now() - lstatSync(file).mtimeMs) / 1000) };
  } catch {
    return null;
  }
}

/** The sentence about a folder whose locks stay unknown. */
export function unreadFolder(dir: string, error: unknown): string {
  return `${dir} cannot be read (${errorCode(error)}), its locks were not looked at`;
}

// f_type of statfs(2). On these another machine (or the machine outside) can hold a lock unseen.
const SHARED_FILE_SYSTEMS = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x786f4256, "vboxsf"],
]);

/** The shared file system a folder lies on, null for a local one or when the platform does not tell. */
export function readSharedFileSystem(dir: string): string | null {
  if (process.platform !== "linux") return null;
  try {
    return SHARED_FILE_SYSTEMS.get(statfsSync(dir).type >>> 0) ?? null;
  } catch {
    return null;
  }
}

/** Looks a second time, a moment later, at the locks that name no owner: a host may be writing one just now. */
export async function lookTwice<T extends FoundLock>(locks: readonly T[]): Promise<T[]> {
  const isAnonymous = ({ look }: T): boolean => look.kind === "file" && look.snapshot.payload.status !== "ok";
  if (!locks.some(isAnonymous)) return [...locks];
  await new Promise((resolve) => setTimeout(resolve, pauses.secondLook));
  return locks.flatMap((lock) => {
    if (!isAnonymous(lock) || lock.look.kind !== "file") return [lock];
    const again = lookAtLock(lock.path);
    if (again.kind === "missing") return [];
    const unchanged = again.kind === "file" && sameLock(lock.look.snapshot, again.snapshot);
    return [{ ...lock, look: again, unchanged }];
  });
}
