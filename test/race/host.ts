/**
 * Run by the duel: takes a session lock again and again with the real host's own code, which finds a dead owner's lock,
 * compares, removes and creates it exclusively, holds it with its descriptor open, and compares again before it lets go.
 * Before each release it is looked whether the lock in its place is still the one that is held.
 * `host.ts <root of the host> <session file> <rounds> <patience in ms>`
 */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, type Stats, writeSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { DEAD_PID, pause } from "./pause.ts";

interface HostLocks {
  acquireSessionWriteLock(params: { sessionFile: string }): Promise<{ release(): Promise<void> }>;
}

/** What the host's lock library knows of the locks it holds. */
interface LockManager {
  readonly held: ReadonlyMap<string, { readonly snapshot: { readonly stat: Stats } }>;
}

const [root = "", session = "", rounds = "0", patience = "0"] = process.argv.slice(2);
const file = `${session}.lock`;
const result = { taken: 0, missing: 0, destroyed: 0, leftBehind: 0 };

/** The module has a new name in each build, and a twin whose exports have no names. */
async function hostLocks(): Promise<HostLocks> {
  const dist = path.join(root, "dist");
  for (const name of readdirSync(dist).filter((one) => /^session-write-lock-.*\.js$/.test(one))) {
    const found = (await import(pathToFileURL(path.join(dist, name)).href)) as Partial<HostLocks>;
    if (found.acquireSessionWriteLock) return found as HostLocks;
  }
  throw new Error(`no session locks in ${dist}`);
}

function heldNow(): Stats {
  const managers = (globalThis as Record<symbol, unknown>)[Symbol.for("fsSafe.sidecarLockManagers")];
  const held = [...(managers as Map<string, LockManager>).values()].flatMap((manager) => [...manager.held.values()]);
  if (held.length !== 1 || !held[0]) throw new Error(`${held.length} locks held instead of one`);
  return held[0].snapshot.stat;
}

/** The number of an open file is not given to another one. */
function isInPlace(held: Stats): boolean {
  try {
    const here = lstatSync(file);
    return here.ino === held.ino && here.dev === held.dev;
  } catch {
    return false;
  }
}

/** A lock moved by mistake is put back at once: what counts is whether it stays away. One that does is waited for. */
function comesBack(held: Stats): boolean {
  const end = performance.now() + (result.destroyed === 0 ? Number(patience) : 0);
  while (performance.now() < end) if (isInPlace(held)) return true;
  return false;
}

/** Leaves a lock as a killed process does, unless one stands there that came back after its release. */
function leaveStale(round: number): void {
  try {
    const fd = openSync(file, "wx", 0o600);
    writeSync(fd, JSON.stringify({ pid: DEAD_PID, createdAt: "2026-01-01T00:00:00.000Z", starttime: round }));
    closeSync(fd);
  } catch {
    try {
      if (readFileSync(file, "utf8").includes(`"pid": ${process.pid},`)) result.leftBehind += 1;
    } catch {
      // gone again
    }
  }
}

const { acquireSessionWriteLock } = await hostLocks();
process.stdout.write("ready\n");
for (let round = 1; round <= Number(rounds); round += 1) {
  leaveStale(round);
  pause(0.3);
  const lock = await acquireSessionWriteLock({ sessionFile: session });
  const held = heldNow();
  result.taken += 1;
  pause(0.3);
  if (!isInPlace(held)) {
    result.missing += 1;
    if (!comesBack(held)) result.destroyed += 1;
  }
  await lock.release();
}
process.stdout.write(`${JSON.stringify(result)}\n`);
