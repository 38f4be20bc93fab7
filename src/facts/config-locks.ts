import { readdirSync } from "node:fs";
import path from "node:path";
import {
  type FoundLock,
  type FoundLocks,
  type Guard,
  lookTwice,
  readGuard,
  readSharedFileSystem,
  unreadFolder,
} from "./found-lock.ts";
import { lookAtLock } from "./lock-file.ts";
import { isInside, realPath } from "./paths.ts";
import { agentsOnDisk, realDirectory } from "./session-locks.ts";

/** What waits for a lock: a change of the config or of a file it includes, a sign-in, a token, an agent's accounts. */
export type ConfigLockFamily = "config" | "include" | "sign-in" | "oauth-refresh" | "accounts";

/** A lock of the host's general file lock, with which it guards what it writes besides sessions. */
export interface ConfigLock extends FoundLock {
  readonly family: ConfigLockFamily;
  /** The config file's name or the agent's id; the lock's own name where that says more. Never a value. */
  readonly name: string;
  readonly guard: Guard | null;
}

export interface ConfigLockPlaces {
  readonly stateDir: string;
  readonly configPath: string;
  /** Included files the host locks by themselves; a host that does not has none. */
  readonly includes: readonly string[];
  /** In an update only what lies inside the given state dir is touched. */
  readonly confined: boolean;
}

const SUFFIX = ".lock";
/** Files in an agent's folder whose writes a lock guards: up to 2026.7.x, and from 2026.8.1. */
const ACCOUNT_FILES = ["auth-profiles.json", "openclaw-agent.sqlite"];

/** Every lock on the config and on sign-ins. Reads, never writes. */
export async function readConfigLocks(places: ConfigLockPlaces): Promise<FoundLocks<ConfigLock>> {
  const problems: string[] = [];
  const locks: ConfigLock[] = [];
  for (const { dir, names, family, name } of candidates(places)) {
    const real = realDirectory(dir, problems);
    if (real === null || (places.confined && !isInside(places.stateDir, real))) continue;
    for (const file of names ?? lockNames(real, problems)) {
      const lock = found(path.join(real, file), family, name ?? file);
      if (lock !== null) locks.push(lock);
    }
  }
  return { locks: await lookTwice(locks), problems };
}

/** Whether a lock of this name in this folder is one on the config or on sign-ins. Real path. */
export function isConfigLockPlace(places: Omit<ConfigLockPlaces, "confined">, file: string): boolean {
  for (const { dir, names } of candidates(places))
    if (realPath(dir) === path.dirname(file) && (names?.includes(path.basename(file)) ?? true)) return true;
  return false;
}

interface Candidates {
  readonly dir: string;
  /** Names of the locks; absent: every lock in the folder. */
  readonly names?: readonly string[];
  readonly family: ConfigLockFamily;
  readonly name?: string;
}

function* candidates({ stateDir, configPath, includes }: Omit<ConfigLockPlaces, "confined">): Iterable<Candidates> {
  const beside = (file: string) => ({ dir: path.dirname(file), names: [path.basename(file) + SUFFIX] });
  yield { ...beside(configPath), family: "config", name: path.basename(configPath) };
  for (const file of includes) yield { ...beside(file), family: "include", name: path.basename(file) };
  yield { dir: path.join(stateDir, "locks", "provider-auth-persistence"), family: "sign-in" };
  yield { dir: path.join(stateDir, "locks", "oauth-refresh"), family: "oauth-refresh" };
  const names = ACCOUNT_FILES.map((file) => file + SUFFIX);
  for (const agent of agentsOnDisk(stateDir))
    yield { dir: path.join(stateDir, "agents", agent, "agent"), names, family: "accounts", name: agent };
}

/** A lock, or the guard of one that is gone; null when there is neither. */
function found(file: string, family: ConfigLockFamily, name: string): ConfigLock | null {
  const look = lookAtLock(file);
  const guard = readGuard(file);
  if (look.kind === "missing" && guard === null) return null;
  return {
    path: file,
    family,
    name,
    look,
    unchanged: true,
    guard,
    sharedFileSystem: readSharedFileSystem(path.dirname(file)),
  };
}

/** Locks are named by a hash; a guard may have outlived its lock. */
function lockNames(dir: string, problems: string[]): string[] {
  try {
    const names = readdirSync(dir).map((name) => name.replace(/\.reclaim$/, ""));
    return [...new Set(names)].filter((name) => name.endsWith(SUFFIX)).sort();
  } catch (error) {
    problems.push(unreadFolder(dir, error));
    return [];
  }
}
