import type { Judgement } from "../engine/verdict.ts";
import type { FoundLock, ListedFolder } from "./found-lock.ts";
import type { LockLook, LockPayload, LockSnapshot } from "./lock-file.ts";
import type { PackedLocks } from "./packed-locks.ts";

/** What the locks of a folder have in common. */
export interface LockFolder {
  /** Its real path, with a separator at the end. */
  readonly inside: string;
  readonly agent: string;
  readonly sharedFileSystem: string | null;
  readonly listed: ListedFolder;
}

/** The snapshot of a packed lock. */
class PackedSnapshot implements LockSnapshot {
  readonly #locks: PackedLocks;
  readonly #at: number;

  constructor(locks: PackedLocks, at: number) {
    this.#locks = locks;
    this.#at = at;
  }

  get dev(): string {
    return this.#locks.identity(this.#at, 0);
  }

  get ino(): string {
    return this.#locks.identity(this.#at, 1);
  }

  get size(): number {
    return this.#locks.size(this.#at);
  }

  get mtimeNs(): string {
    return String(this.#locks.changedNs(this.#at));
  }

  get mtimeMs(): number {
    return Number(this.#locks.changedNs(this.#at) / 1_000_000n);
  }

  get uid(): number {
    return this.#locks.uid(this.#at);
  }

  get nlink(): number {
    return this.#locks.links(this.#at);
  }

  get content(): string {
    return this.#locks.content(this.#at);
  }

  get payload(): LockPayload {
    return this.#locks.payload(this.#at);
  }
}

/** One of the packed locks of a folder. Not to be spread: see `lookedAtAgain`. */
export class PackedLock implements FoundLock {
  readonly #locks: PackedLocks;
  readonly #at: number;
  readonly #folder: LockFolder;
  readonly #name: string;
  readonly hasTranscript: boolean;
  judgement: Judgement | null = null;

  constructor(locks: PackedLocks, at: number, folder: LockFolder, name: string, hasTranscript: boolean) {
    this.#locks = locks;
    this.#at = at;
    this.#folder = folder;
    this.#name = name;
    this.hasTranscript = hasTranscript;
  }

  get path(): string {
    return this.#folder.inside + this.#name;
  }

  get agent(): string {
    return this.#folder.agent;
  }

  get session(): string {
    return sessionOf(this.#name);
  }

  get look(): LockLook & { kind: "file" } {
    return { kind: "file", snapshot: new PackedSnapshot(this.#locks, this.#at) };
  }

  /** Only what names no owner may still be changing, and that is not packed. */
  get unchanged(): true {
    return true;
  }

  get sharedFileSystem(): string | null {
    return this.#folder.sharedFileSystem;
  }

  get listed(): ListedFolder {
    return this.#folder.listed;
  }
}

/** How a session write lock is named. */
export const SUFFIX = ".jsonl.lock";

export function sessionOf(name: string): string {
  return name.slice(0, -SUFFIX.length);
}

/** The same lock with what a later look at it showed. */
export function lookedAtAgain<T extends FoundLock>(lock: T, look: LockLook): T {
  if (!(lock instanceof PackedLock)) return { ...lock, look };
  const { path, agent, session, unchanged, hasTranscript, sharedFileSystem, listed, judgement } = lock;
  const plain = { path, agent, session, look, unchanged, hasTranscript, sharedFileSystem, listed, judgement };
  return plain as FoundLock as T;
}
