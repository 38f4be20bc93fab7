import type { BigIntStats } from "node:fs";
import type { Judgement } from "../engine/verdict.ts";
import type { FoundLock, ListedFolder } from "./found-lock.ts";
import type { LockLook, LockPayload, LockSnapshot } from "./lock-file.ts";

/** A lock that says who made it. */
type Owned = LockPayload & { status: "ok" };

/** What the locks of a folder have in common. */
export interface LockFolder {
  /** Its real path, with a separator at the end. */
  readonly inside: string;
  readonly agent: string;
  readonly sharedFileSystem: string | null;
  readonly listed: ListedFolder;
}

/** Numbers of a lock, one after the other. */
const WIDE = 3; // device, inode, nanoseconds of its change
const PLAIN = 8; // size, user, links, pid, creation, start, longest hold, where its content begins
const NONE = Number.NaN;

/**
 * Locks as they were read, as bare numbers and bytes: a hundred thousand of them would be a million small objects, which
 * take the memory of a small machine, and as long to be kept in order as the locks take to be read. Whatever is asked of
 * a lock is made anew from here.
 */
export class PackedLocks {
  length = 0;
  #wide = new BigInt64Array(64 * WIDE);
  #plain = new Float64Array(64 * PLAIN);
  #bytes = Buffer.allocUnsafe(8_192);
  #end = 0;

  /** @returns its place, by which it is asked for. */
  add(stat: BigIntStats, payload: Owned, content: Uint8Array): number {
    const at = this.length;
    this.length += 1;
    if (this.length * PLAIN > this.#plain.length) this.#grow();
    if (this.#end + content.length > this.#bytes.length) this.#bytes = enlarged(this.#bytes, content.length);
    const wide = at * WIDE;
    this.#wide[wide] = stat.dev;
    this.#wide[wide + 1] = stat.ino;
    this.#wide[wide + 2] = stat.mtimeNs;
    const plain = at * PLAIN;
    this.#plain[plain] = Number(stat.size);
    this.#plain[plain + 1] = Number(stat.uid);
    this.#plain[plain + 2] = Number(stat.nlink);
    this.#plain[plain + 3] = payload.pid;
    this.#plain[plain + 4] = payload.createdAtMs ?? NONE;
    this.#plain[plain + 5] = payload.starttime ?? NONE;
    this.#plain[plain + 6] = payload.maxHoldMs ?? NONE;
    this.#plain[plain + 7] = this.#end;
    this.#bytes.set(content, this.#end);
    this.#end += content.length;
    return at;
  }

  /** Device or inode. */
  identity(at: number, which: 0 | 1): string {
    return String(this.#wide[at * WIDE + which]);
  }

  changedNs(at: number): bigint {
    return this.#wide[at * WIDE + 2] ?? 0n;
  }

  size(at: number): number {
    return this.#number(at, 0);
  }

  uid(at: number): number {
    return this.#number(at, 1);
  }

  links(at: number): number {
    return this.#number(at, 2);
  }

  payload(at: number): Owned {
    return {
      status: "ok",
      pid: this.#number(at, 3),
      createdAtMs: orNull(this.#number(at, 4)),
      starttime: orNull(this.#number(at, 5)),
      maxHoldMs: orNull(this.#number(at, 6)),
    };
  }

  content(at: number): string {
    const end = at + 1 === this.length ? this.#end : this.#number(at + 1, 7);
    return this.#bytes.toString("latin1", this.#number(at, 7), end);
  }

  #number(at: number, which: number): number {
    return this.#plain[at * PLAIN + which] ?? NONE;
  }

  #grow(): void {
    const [wide, plain] = [this.#wide, this.#plain];
    this.#wide = new BigInt64Array(wide.length * 2);
    this.#wide.set(wide);
    this.#plain = new Float64Array(plain.length * 2);
    this.#plain.set(plain);
  }
}

function enlarged(bytes: Buffer, more: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(bytes.length * 2 + more);
  bytes.copy(larger);
  return larger;
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
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

/** Whether a lock can be packed: nothing of it is lost then. A gateway's also says where that listens. */
export function isPackable({ dev, ino }: BigIntStats, payload: LockPayload): payload is Owned {
  if (payload.status !== "ok" || payload.port !== undefined) return false;
  return [dev, ino].every((number) => BigInt.asIntN(64, number) === number);
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
