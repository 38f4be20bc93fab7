/**
 * One process takes a lock as the host does, with the host's own code, another removes stale locks from the same path:
 * as this package does, or in one of the two ways that others do it, which are the controls. Both processes wait for
 * random times where it matters.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { readJournal } from "../../src/engine/journal.ts";
import { canUndo, latestEntries } from "../../src/engine/journal-entry.ts";
import { putBack } from "../../src/engine/put-back.ts";
import { matches } from "../../src/engine/settle.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { ensureHost } from "../hosts/harness/hosts.ts";

/** How stale locks are removed: ours, and the controls. */
export type Way = "quarantine" | "unlink" | "compare";

/** What came of all rounds of one way. */
export interface Tally {
  readonly way: Way;
  readonly rounds: number;
  /** Locks the host took: live ones. */
  readonly taken: number;
  /** Of these, not in their place before release, for a moment at least. */
  readonly missing: number;
  /** Of these, those that did not come back. */
  readonly destroyed: number;
  /** Live locks put back after their release: the host reclaims such a lock of its own. */
  readonly leftBehind: number;
  /** Stale locks the remover was first at. */
  readonly removed: number;
  /** Live locks moved by mistake that the remover put back. */
  readonly putBack: number;
  /** Moved by mistake, and the place was taken meanwhile: in the quarantine. */
  readonly stuck: number;
  /** Removed files that cannot be put back as they were. */
  readonly unrestorable: number;
}

export interface DuelOptions {
  readonly rounds: number;
  /** End early once a live lock was destroyed: enough for a control. */
  readonly untilDestroyed?: boolean;
}

/** The last host with session lock files that this project is tested on. */
const HOST = "2026.5.22";
/** Rounds with one pair of processes. */
const BOUT = 2500;
/** How long a lock may stay away on a busy machine before it counts as destroyed; for the controls it is. Ms. */
const PATIENCE: Record<Way, number> = { quarantine: 30_000, unlink: 0, compare: 0 };

/** Runs a duel of so many rounds. @throws when one of the processes fails. */
export async function duel(way: Way, { rounds, untilDestroyed = false }: DuelOptions): Promise<Tally> {
  const { root } = await ensureHost(HOST);
  let sum = { rounds: 0, taken: 0, missing: 0, destroyed: 0, leftBehind: 0, removed: 0, putBack: 0, stuck: 0 };
  let unrestorable = 0;
  while (sum.rounds < rounds && !(untilDestroyed && sum.destroyed > 0)) {
    const some = Math.min(BOUT, rounds - sum.rounds);
    // Where files are synced at once, so that the removal is as quick as its rival.
    const parent = existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
    const stateDir = realpathSync(mkdtempSync(path.join(parent, "vitals-duel-")));
    try {
      const came = { ...(await bout(way, root, stateDir, some)), rounds: some };
      sum = Object.fromEntries(
        Object.entries(sum).map(([key, n]) => [key, n + came[key as keyof typeof sum]]),
      ) as typeof sum;
      unrestorable += way === "quarantine" ? lostForUndo(stateDir, came.removed + came.stuck) : came.removed;
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  }
  return { way, ...sum, unrestorable };
}

/** One pair of processes. @returns what both counted. */
async function bout(way: Way, root: string, stateDir: string, rounds: number) {
  const sessions = path.join(stateDir, "agents", "main", "sessions");
  mkdirSync(sessions, { recursive: true });
  const session = path.join(sessions, "s.jsonl");
  const remover = start("./remover.ts", way, `${session}.lock`, stateDir);
  try {
    await remover.line(); // ready: the host would be through before the other has loaded
    const host = start("./host.ts", root, session, String(rounds), String(PATIENCE[way]));
    try {
      await host.line();
      const taken = JSON.parse(await host.line()) as Pick<Tally, "taken" | "missing" | "destroyed" | "leftBehind">;
      remover.child.stdin.end();
      return { ...taken, ...(JSON.parse(await remover.line()) as Pick<Tally, "removed" | "putBack" | "stuck">) };
    } finally {
      host.child.kill("SIGKILL");
    }
  } finally {
    remover.child.kill("SIGKILL");
  }
}

interface Started {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  /** Its next line. @throws when it ended without one. */
  line(): Promise<string>;
}

function start(script: string, ...args: readonly string[]): Started {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ["--no-warnings", file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${script} ended early`);
      return value;
    },
  };
}

/** Puts everything back that the journal names, and counts what is missing there or does not come back as it was. */
function lostForUndo(stateDir: string, removed: number): number {
  const entries = latestEntries(readJournal(stateDir)).filter(canUndo);
  let restored = 0;
  for (const entry of entries) {
    const { from, to } = entry;
    rmSync(from, { force: true });
    if (entry.kind !== undefined || !putBack(to, from)) continue;
    const back = lookAtLock(from);
    if (back.kind === "file" && matches(back.snapshot, entry.file)) restored += 1;
  }
  const unknown = readdirSync(path.join(stateDir, "vitals", "quarantine", "duel")).length;
  return removed - restored + unknown;
}
