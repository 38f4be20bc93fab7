import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { errorCode } from "../engine/errors.ts";
import { type FoundLock, type FoundLocks, lookTwice, unreadFolder } from "./found-lock.ts";
import { locksOf } from "./lock-folder.ts";
import { SUFFIX } from "./packed-lock.ts";
import { crossesUsers, isInside, realPath, resolveLinks } from "./paths.ts";
import { readFolders } from "./read-folders.ts";

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
  const folders = new Map<string, string>();
  for (const { dir, agent } of sessionFolders(stores, problems)) {
    const real = realDirectory(dir, problems);
    if (real === null || folders.has(real)) continue;
    if (!stores.confined || isInside(stores.stateDir, real)) folders.set(real, agent);
  }
  const locks: SessionLock[] = [];
  for (const { dir, read, packed } of await readFolders([...folders.keys()])) {
    if (read.problem !== null) problems.push(read.problem);
    for (const lock of locksOf({ dir, agent: folders.get(dir) ?? "" }, read, packed)) locks.push(lock);
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
