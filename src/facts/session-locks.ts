import { type Dirent, readdirSync, realpathSync, statfsSync, statSync } from "node:fs";
import path from "node:path";
import { errorCode } from "../engine/errors.ts";
import { type LockLook, lookAtLock, sameLock } from "./lock-file.ts";

/** A file (or something else) named like a session write lock. */
export interface SessionLock {
  readonly path: string;
  readonly agent: string;
  /** Session id, with the topic where there is one. */
  readonly session: string;
  readonly look: LockLook;
  /** Same file and content at two looks; only looked at twice when the payload names no owner. */
  readonly unchanged: boolean;
  readonly hasTranscript: boolean;
  /** Network or host-shared file system it lies on, null for a local one or when the platform does not tell. */
  readonly sharedFileSystem: string | null;
}

export interface SessionLockFacts {
  readonly locks: readonly SessionLock[];
  /** Folders that should hold sessions but could not be read, one sentence each. */
  readonly problems: readonly string[];
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

const SUFFIX = ".jsonl.lock";
/** Two looks at a lock without a readable owner are this far apart. Milliseconds. */
const SECOND_LOOK_MS = 120;

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

/** Every session write lock of an installation. Reads, never writes; follows no link twice. */
export async function readSessionLocks(stores: SessionStores): Promise<SessionLockFacts> {
  const problems: string[] = [];
  const locks: SessionLock[] = [];
  const seen = new Set<string>();
  for (const { dir, agent } of sessionFolders(stores, problems)) {
    const real = realDirectory(dir);
    if (real === null || seen.has(real)) continue;
    seen.add(real);
    if (stores.confined && !isInside(stores.stateDir, real)) continue;
    readFolder(real, agent, locks, problems);
  }
  return { locks: await lookTwice(locks), problems };
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
  for (const agent of named) yield { dir: path.dirname(store.replaceAll("{agentId}", agent)), agent };
}

/** Agents no config names any more still have folders where the template's `{agentId}` stands. */
function agentsInTemplate(store: string): string[] {
  const [before = "", after = ""] = store.split("{agentId}", 2);
  if (!before.endsWith(path.sep) || !after.startsWith(path.sep)) return [];
  return listDirectories(before);
}

function listDirectories(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isDirectory() || (entry.isSymbolicLink() && realDirectory(path.join(dir, entry.name)) !== null),
      )
      .map((entry) => entry.name)
      .sort();
  } catch {
    return [];
  }
}

function noteUnreadable(dir: string, problems: string[]): void {
  try {
    readdirSync(dir);
  } catch (error) {
    if (errorCode(error) !== "ENOENT")
      problems.push(`${dir} cannot be read (${errorCode(error)}), its locks were not looked at`);
  }
}

/** The real path of a directory; null when it is missing, a loop of links or not a directory. */
function realDirectory(dir: string): string | null {
  try {
    const real = realpathSync(dir);
    return statSync(real).isDirectory() ? real : null;
  } catch {
    return null;
  }
}

function isInside(root: string, real: string): boolean {
  const relative = path.relative(realDirectory(root) ?? root, real);
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
}

function readFolder(dir: string, agent: string, locks: SessionLock[], problems: string[]): void {
  let entries: Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    problems.push(`${dir} cannot be read (${errorCode(error)}), its locks were not looked at`);
    return;
  }
  const lockNames = entries.filter((entry) => entry.name.endsWith(SUFFIX)).map((entry) => entry.name);
  if (lockNames.length === 0) return;
  const names = new Set(entries.map((entry) => entry.name));
  const sharedFileSystem = readSharedFileSystem(dir);
  for (const name of lockNames.sort()) {
    const look = lookAtLock(path.join(dir, name));
    if (look.kind === "missing") continue; // released since the folder was listed
    locks.push({
      path: path.join(dir, name),
      agent,
      session: name.slice(0, -SUFFIX.length),
      look,
      unchanged: true,
      hasTranscript: names.has(name.slice(0, -".lock".length)),
      sharedFileSystem,
    });
  }
}

function readSharedFileSystem(dir: string): string | null {
  if (process.platform !== "linux") return null;
  try {
    return SHARED_FILE_SYSTEMS.get(statfsSync(dir).type >>> 0) ?? null;
  } catch {
    return null;
  }
}

async function lookTwice(locks: readonly SessionLock[]): Promise<SessionLock[]> {
  const isAnonymous = ({ look }: SessionLock): boolean => look.kind === "file" && look.snapshot.payload.status !== "ok";
  if (!locks.some(isAnonymous)) return [...locks];
  await new Promise((resolve) => setTimeout(resolve, SECOND_LOOK_MS));
  return locks.flatMap((lock) => {
    if (!isAnonymous(lock) || lock.look.kind !== "file") return [lock];
    const again = lookAtLock(lock.path);
    if (again.kind === "missing") return [];
    const unchanged = again.kind === "file" && sameLock(lock.look.snapshot, again.snapshot);
    return [{ ...lock, look: again, unchanged }];
  });
}
