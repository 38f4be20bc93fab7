import { readdirSync } from "node:fs";
import path from "node:path";
import { compareTexts } from "../text-order.ts";
import { ListedFolder, readSharedFileSystem, unreadFolder } from "./found-lock.ts";
import { type LockLook, payloadOf, readLock, snapshotOf } from "./lock-file.ts";
import { type LockFolder, PackedLock, SUFFIX, sessionOf } from "./packed-lock.ts";
import { isPackable, type PackedLocks } from "./packed-locks.ts";
import type { SessionLock } from "./session-locks.ts";

/** What was read of a folder: bare data, which one thread can hand to another. */
export interface FolderRead {
  readonly sharedFileSystem: string | null;
  /** See `ListedFolder`. */
  readonly changedNs: bigint | null;
  /** Why it could not be listed. */
  readonly problem: string | null;
  /** Place of the first of those that were packed; the others follow it. */
  readonly first: number;
  readonly names: readonly string[];
  readonly haveTranscripts: readonly boolean[];
  /** Those that could not be packed. */
  readonly others: readonly { readonly name: string; readonly hasTranscript: boolean; readonly look: LockLook }[];
}

/** Reads the session write locks of a folder. Its path is real. */
export function readFolder(dir: string, packed: PackedLocks): FolderRead {
  const sharedFileSystem = readSharedFileSystem(dir);
  const changedNs = ListedFolder.changedNs(dir, sharedFileSystem);
  const names: string[] = [];
  const haveTranscripts: boolean[] = [];
  const others: { name: string; hasTranscript: boolean; look: LockLook }[] = [];
  const about = { sharedFileSystem, changedNs, first: packed.length, names, haveTranscripts, others };
  let listing: Listing;
  try {
    listing = list(dir, packed.length);
  } catch (error) {
    return { ...about, problem: unreadFolder(dir, error) };
  }
  const { all, locks } = listing;
  const inside = asPrefix(dir);
  for (const { name, isFile } of locks.sort((a, b) => compareTexts(a.name, b.name))) {
    const hasTranscript = all.has(name.slice(0, -".lock".length));
    const look = readLock(inside + name, isFile, (stat, bytes) => {
      const payload = payloadOf(stat, bytes);
      if (!isPackable(stat, payload)) return { kind: "file" as const, snapshot: snapshotOf(stat, bytes) };
      packed.add(stat, payload, bytes);
      return null;
    });
    if (look === null) {
      names.push(name);
      haveTranscripts.push(hasTranscript);
    } else if (look.kind !== "missing") others.push({ name, hasTranscript, look }); // else released since it was listed
  }
  return { ...about, problem: null };
}

interface Listing {
  /** Every name in the folder; none when no lock is there to ask for them. */
  readonly all: ReadonlySet<string>;
  /** Those of locks, and whether the list already says that it is a plain file. */
  readonly locks: { readonly name: string; readonly isFile: boolean }[];
}

/** To be told of every name what it is takes longer than to ask what each lock is, as long as these are few. */
const FEW = 100;

function list(dir: string, locksBefore: number): Listing {
  if (locksBefore <= FEW) {
    const names = readdirSync(dir);
    const locks = names.filter((name) => name.endsWith(SUFFIX)).map((name) => ({ name, isFile: false }));
    if (locksBefore + locks.length <= FEW) return { all: new Set(locks.length === 0 ? [] : names), locks };
  }
  const entries = readdirSync(dir, { withFileTypes: true });
  const found = entries.filter((entry) => entry.name.endsWith(SUFFIX));
  const locks = found.map((entry) => ({ name: entry.name, isFile: entry.isFile() }));
  return { all: new Set(found.length === 0 ? [] : entries.map((entry) => entry.name)), locks };
}

/** The locks that were read of a folder, in the order of their names. */
export function locksOf(place: { dir: string; agent: string }, read: FolderRead, packed: PackedLocks): SessionLock[] {
  const { names, haveTranscripts, first, others, sharedFileSystem, changedNs } = read;
  const { dir, agent } = place;
  const listed = new ListedFolder(dir, changedNs);
  const folder: LockFolder = { inside: asPrefix(dir), agent, sharedFileSystem, listed };
  const locks = names.map((name, n): SessionLock => {
    return new PackedLock(packed, first + n, folder, name, haveTranscripts[n] ?? false);
  });
  if (others.length === 0) return locks;
  for (const { name, hasTranscript, look } of others) {
    const common = { agent, sharedFileSystem, listed, hasTranscript, look, unchanged: true };
    locks.push({ path: folder.inside + name, session: sessionOf(name), ...common });
  }
  return locks.sort((a, b) => compareTexts(a.path, b.path));
}

function asPrefix(dir: string): string {
  return dir.endsWith(path.sep) ? dir : dir + path.sep;
}
