import { type Dirent, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { errorCode } from "../engine/errors.ts";
import { compareTexts } from "../text-order.ts";
import { keepSmallFor } from "../young-generation.ts";
import {
  type FoundLock,
  type FoundLocks,
  ListedFolder,
  lookTwice,
  readSharedFileSystem,
  unreadFolder,
} from "./found-lock.ts";
import { payloadOf, readLock, snapshotOf } from "./lock-file.ts";
import { isPackable, PackedLock, PackedLocks, SUFFIX, sessionOf } from "./packed-locks.ts";
import { crossesUsers, isInside, realPath, resolveLinks } from "./paths.ts";

/** A file (or something else) named like a session write lock. */
export interface SessionLock extends FoundLock {
  readonly agent: string;
  /** Session id, with the topic where there is one. */
  readonly session: string;
  readonly hasTranscript: boolean;
}

export interface SessionStores {
  readonly stateDir: string;
  /** `session.store` of the config, `~` expanded; may contain `{agentId}`. */
  readonly store: string | null;
  /** Agents named in the config; those found on disk are added. */
  readonly agents: readonly string[];
  /** In an update only what lies inside the given state dir is touched. */
  readonly confined: boolean;
}

/** Every session write lock of an installation. Reads, never writes; follows no link twice. */
export async function readSessionLocks(stores: SessionStores): Promise<FoundLocks<SessionLock>> {
  const problems: string[] = [];
  const locks: SessionLock[] = [];
  const packed = new PackedLocks();
  const seen = new Set<string>();
  for (const { dir, agent } of sessionFolders(stores, problems)) {
    const real = realDirectory(dir, problems);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    if (stores.confined && !isInside(stores.stateDir, real)) continue;
    readFolder({ dir: real, agent }, packed, locks, problems);
    keepSmallFor(locks.length);
  }
  return { locks: await lookTwice(locks), problems };
}

/** Whether a file is named like a session write lock and lies where those of this installation do. Real path. */
export function isSessionLockPlace(stores: SessionStores, file: string): boolean {
  if (!file.endsWith(SUFFIX)) return false;
  for (const { dir } of sessionFolders(stores, [])) if (realPath(dir) === path.dirname(file)) return true;
  return false;
}

/** Agents that have a folder under `<state>/agents`. */
export function agentsOnDisk(stateDir: string): string[] {
  return listDirectories(path.join(stateDir, "agents"));
}

function* sessionFolders(
  { stateDir, store, agents }: SessionStores,
  problems: string[],
): Iterable<{ dir: string; agent: string }> {
  const onDisk = agentsOnDisk(stateDir);
  if (onDisk.length === 0) noteUnreadable(path.join(stateDir, "agents"), problems);
  for (const agent of onDisk) yield { dir: path.join(stateDir, "agents", agent, "sessions"), agent };
  if (store === null) return;
  if (!store.includes("{agentId}")) {
    yield { dir: path.dirname(store), agent: "main" };
    return;
  }
  const named = new Set([...agents, ...onDisk, "main", ...agentsInTemplate(store)]);
  for (const agent of named) yield { dir: path.dirname(store.replaceAll("{agentId}", () => agent)), agent };
}

/** Agents no config names any more still have folders where the template's `{agentId}` stands. */
function agentsInTemplate(store: string): string[] {
  const [before = "", after = ""] = store.split("{agentId}", 2);
  if (!before.endsWith(path.sep) || !after.startsWith(path.sep)) return [];
  return listDirectories(before);
}

function listDirectories(dir: string): string[] {
  try {
    if (crossesUsers(dir)) return []; // said by who notes why there are none
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || (entry.isSymbolicLink() && leadsToFolder(path.join(dir, entry.name))))
      .map((entry) => entry.name)
      .sort();
  } catch {
    return [];
  }
}

function noteUnreadable(dir: string, problems: string[]): void {
  try {
    if (crossesUsers(dir)) problems.push(othersFolder(dir));
    else readdirSync(dir);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") problems.push(unreadFolder(dir, error));
  }
}

/** Whether a link leads to a directory, or to something that cannot be told: the reader of it then says why. */
function leadsToFolder(link: string): boolean {
  try {
    return statSync(link).isDirectory();
  } catch (error) {
    return !isAbsent(error);
  }
}

/** The real path of a directory; null when it is missing, not a directory or out of reach, which is a problem. */
export function realDirectory(dir: string, problems: string[] = []): string | null {
  try {
    const real = resolveLinks(dir);
    if (!statSync(real).isDirectory()) return null;
    if (!crossesUsers(dir)) return real;
    problems.push(othersFolder(dir));
    return null;
  } catch (error) {
    if (!isAbsent(error)) problems.push(unreadFolder(dir, error));
    return null;
  }
}

function othersFolder(dir: string): string {
  return `${dir} leads to a folder of another user, its locks were not looked at`;
}

function isAbsent(error: unknown): boolean {
  return errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
}

function readFolder(
  { dir, agent }: { readonly dir: string; readonly agent: string },
  packed: PackedLocks,
  locks: SessionLock[],
  problems: string[],
): void {
  const sharedFileSystem = readSharedFileSystem(dir);
  const listed = new ListedFolder(dir, sharedFileSystem);
  let entries: Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    problems.push(unreadFolder(dir, error));
    return;
  }
  const found = entries.filter((entry) => entry.name.endsWith(SUFFIX)).sort((a, b) => compareTexts(a.name, b.name));
  if (found.length === 0) return;
  const names = new Set(entries.map((entry) => entry.name));
  const inside = dir.endsWith(path.sep) ? dir : dir + path.sep;
  const folder = { inside, agent, sharedFileSystem, listed };
  for (const entry of found) {
    const { name } = entry;
    const file = inside + name;
    const hasTranscript = names.has(name.slice(0, -".lock".length));
    const look = readLock(file, entry.isFile(), (stat, bytes) => {
      const payload = payloadOf(stat, bytes);
      if (!isPackable(stat, payload)) return { kind: "file" as const, snapshot: snapshotOf(stat, bytes) };
      return new PackedLock(packed, packed.add(stat, payload, bytes), folder, name, hasTranscript);
    });
    if (look instanceof PackedLock) locks.push(look);
    else if (look.kind !== "missing")
      // else released since the folder was listed
      locks.push({
        path: file,
        agent,
        session: sessionOf(name),
        look,
        unchanged: true,
        hasTranscript,
        sharedFileSystem,
        listed,
      });
  }
}
