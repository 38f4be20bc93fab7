/**
 * Removals and undos of one lock while others act on it between any two of their steps. Every file that is made is
 * followed by its inode: at the end none may have vanished that nobody deleted, and a live lock is in its place.
 */

import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fc } from "@fast-check/vitest";
import { expect } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { canUndo, latestEntries } from "../../src/engine/journal-entry.ts";
import { openQuarantine, type Quarantine } from "../../src/engine/quarantine.ts";
import { undoRun } from "../../src/engine/undo.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";

const ACTIONS = [
  "host reclaims and takes",
  "host takes",
  "host releases",
  "touch",
  "user deletes",
  "same dead lock again",
  "guard",
  "unguard",
  "undo another run",
  "undo this run",
  "settle",
  "second removal",
  "a step fails",
] as const;
type Action = (typeof ACTIONS)[number];

/** What happens: first calls, and what others do before which of the steps that come about. */
export interface Story {
  readonly calls: readonly ("remove" | "undo")[];
  readonly rivals: readonly { readonly before: number; readonly action: Action }[];
  /** How long judging takes, in turns of the event loop's micro tasks. */
  readonly judging: number;
}

export const stories: fc.Arbitrary<Story> = fc.record({
  calls: fc.array(fc.constantFrom("remove" as const, "remove" as const, "undo" as const), {
    minLength: 1,
    maxLength: 3,
  }),
  // Most around the move and the put-back of the first removal, where it matters; some anywhere.
  rivals: fc.array(
    fc.record({
      before: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 3, max: 6 }) }, { weight: 2, arbitrary: fc.nat(24) }),
      action: fc.constantFrom(...ACTIONS, "host reclaims and takes" as const, "host reclaims and takes" as const),
    }),
    { maxLength: 6 },
  ),
  judging: fc.nat(3),
});

class Failed extends Error {}

/** The inode of what stands at a path, null when nothing does. */
function inodeAt(file: string): bigint | null {
  try {
    return lstatSync(file, { bigint: true }).ino;
  } catch {
    return null;
  }
}

/** Plays a story in an empty folder and holds its end against what must be. @returns what came about. */
export async function play(stateDir: string, story: Story): Promise<{ steps: number; away: boolean }> {
  const folder = path.join(stateDir, "sessions");
  mkdirSync(folder, { recursive: true });
  const lock = path.join(folder, "s.jsonl.lock");
  const guard = `${lock}.reclaim`;
  /** Every file ever made, by inode: its text, and whether somebody other than us deleted it. */
  const made = new Map<bigint, { text: string; deleted: boolean }>();
  /** The locks hosts hold. More than one when the first was away for a moment and another took its place. */
  const lives = new Set<bigint>();
  let count = 0;
  let steps = 0;
  const runs: string[] = [];
  const side: Promise<unknown>[] = [];

  const make = (text: string): bigint | null => {
    try {
      writeFileSync(lock, text, { flag: "wx" });
    } catch {
      return null; // the place is taken
    }
    const inode = inodeAt(lock);
    if (inode === null) throw new Error("it was just made");
    // A file system may give the number of a deleted file to the next one: the one before is over then.
    made.set(inode, { text, deleted: false });
    return inode;
  };
  const remove = (): void => {
    const inode = inodeAt(lock) ?? -1n;
    const file = made.get(inode);
    if (file) file.deleted = true;
    lives.delete(inode);
    rmSync(lock, { force: true });
  };
  const isDead = (text: string): boolean => text.startsWith("dead");
  const standsDead = (): boolean => existsSync(lock) && isDead(readFileSync(lock, "utf8"));
  const take = (): void => {
    if (existsSync(guard)) return;
    const inode = make(`live ${++count}`);
    if (inode !== null) lives.add(inode);
  };

  const act: Record<Action, () => void> = {
    "host reclaims and takes": () => {
      if (existsSync(guard)) return;
      if (standsDead()) remove();
      take();
    },
    "host takes": take,
    "host releases": () => {
      if (lives.has(inodeAt(lock) ?? -1n)) remove();
    },
    touch: () => {
      if (existsSync(lock)) utimesSync(lock, ++count, count);
    },
    "user deletes": remove,
    "same dead lock again": () => {
      if (standsDead()) remove();
      make("dead 0");
    },
    guard: () => {
      if (!existsSync(guard)) mkdirSync(guard);
    },
    unguard: () => {
      if (existsSync(guard)) rmdirSync(guard);
    },
    "undo another run": () => void undoRun(stateDir, "before"),
    "undo this run": () => {
      for (const run of runs) undoRun(stateDir, run);
    },
    settle: () => openQuarantine(stateDir, "settle").close(),
    "second removal": () => void side.push(removal(`side-${runs.length}`)),
    "a step fails": () => {
      throw new Failed("stopped");
    },
  };

  const onStep = (): void => {
    const step = steps++;
    for (const { before, action } of story.rivals) if (before === step) act[action]();
  };

  async function removal(run: string, hook = onStep): Promise<void> {
    runs.push(run);
    const look = lookAtLock(lock);
    if (look.kind !== "file" || !standsDead()) return;
    const judgeAgain = async (): Promise<true | string> => {
      for (let turn = 0; turn < story.judging; turn += 1) await Promise.resolve();
      return standsDead() ? true : "it is in use";
    };
    let quarantine: Quarantine | undefined;
    try {
      quarantine = openQuarantine(stateDir, run, { onStep: hook });
      const meta = { checkId: "vitals/stale-lock", fixId: "stale-lock", findingId: "0" };
      await quarantine.remove({ path: lock, judged: look.snapshot, judgeAgain, ...meta });
      quarantine.close();
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
    }
  }

  // A run from before, to be undone, and the dead lock this is about.
  make("dead 0");
  await removal("before", () => {});
  make("dead 0");
  for (const [n, call] of story.calls.entries()) {
    if (call === "remove") await removal(`run-${n}`);
    else
      try {
        undoRun(stateDir, runs.at(-1) ?? "before", undefined, onStep);
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
      }
  }
  await Promise.all(side);
  openQuarantine(stateDir, "after").close(); // what failed half-way is brought to an end

  const kept = new Map<bigint, string>();
  const quarantine = path.join(stateDir, "vitals", "quarantine");
  const files = readdirSync(quarantine, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const entry of files) {
    const file = path.join(entry.parentPath, entry.name);
    const inode = inodeAt(file) ?? -1n;
    expect(kept.has(inode), "under one name only").toBe(false);
    kept.set(inode, file);
  }
  const undoable = latestEntries(readJournal(stateDir)).filter(canUndo);
  expect(undoable.map(({ to }) => to).sort(), "what is kept is in the journal").toEqual([...kept.values()].sort());
  const here = inodeAt(lock);
  for (const [inode, { text, deleted }] of made) {
    if (deleted) continue;
    expect(here === inode || kept.has(inode), `${text} vanished`).toBe(true);
    expect(here === inode && kept.has(inode), `${text} is there twice`).toBe(false);
    expect(readFileSync(here === inode ? lock : (kept.get(inode) ?? ""), "utf8")).toBe(text);
  }
  for (const inode of lives) {
    if (inode === here) continue;
    // Only where its place was taken meanwhile (or the very put-back failed) may it be elsewhere, and the journal says so.
    const entry = undoable.find(({ to }) => to === kept.get(inode));
    expect(entry, "a live lock is away").toMatchObject({ phase: "stuck" });
    const failed = story.rivals.some(({ action }) => action === "a step fails");
    expect(entry?.reason).toMatch(failed ? /its place is taken|could not be put back/ : /its place is taken/);
  }
  return { steps, away: [...lives].some((inode) => inode !== here) };
}
