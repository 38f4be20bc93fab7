/**
 * Every call to the file system that a removal, a put-back or an undo makes fails once, or from then on, with each of
 * these errors. Afterwards the lock is there, the reason names the error, the journal reads, and when the fault is
 * gone the next run finishes the job and undo works.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { UserError } from "../../src/engine/errors.ts";
import { readJournal } from "../../src/engine/journal.ts";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import type { RepairOutcome } from "../../src/engine/types.ts";
import { undoRun } from "../../src/engine/undo.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { temporaryFolder } from "../engine/sandbox.ts";

/** Names of calls with what they are to do; the mock below and the tests share it. */
const plan = vi.hoisted(() => ({
  /** Only calls about files below it count; null: none do. */
  root: null as string | null,
  step: "open",
  seen: [] as { step: string; call: string }[],
  /** The call with this number fails, counted from 0. */
  failAt: null as number | null,
  code: "EIO",
  /** Later calls that change something fail too. */
  forGood: false,
}));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const files = new Map<number, string>();
  const changing = [
    "mkdirSync",
    "openSync",
    "writeSync",
    "fsyncSync",
    "renameSync",
    "linkSync",
    "rmSync",
    "copyFileSync",
  ];
  const watched = [...changing, "closeSync", "lstatSync", "fstatSync", "readSync"];
  const wrap = (name: string) => {
    // biome-ignore lint/suspicious/noExplicitAny: any function of node:fs
    const real = (fs as any)[name] as (...args: any[]) => unknown;
    return (...args: unknown[]) => {
      const file = typeof args[0] === "number" ? files.get(args[0]) : String(args[0]);
      if (plan.root === null || !file?.startsWith(plan.root)) return real(...args);
      const index = plan.seen.push({ step: plan.step, call: name }) - 1;
      const reads =
        name === "openSync" &&
        args[1] !== undefined &&
        (Number(args[1]) & (fs.constants.O_RDWR | fs.constants.O_CREAT)) === 0;
      const changes = changing.includes(name) && !reads;
      const fails = index === plan.failAt || (plan.forGood && plan.failAt !== null && index > plan.failAt && changes);
      if (name === "closeSync") {
        real(...args);
        files.delete(args[0] as number);
      }
      if (fails) throw Object.assign(new Error(`${plan.code}: the test's, ${name}`), { code: plan.code });
      if (name === "closeSync") return;
      const result = real(...args);
      if (name === "openSync") files.set(result as number, file);
      return result;
    };
  };
  return { ...fs, ...Object.fromEntries(watched.map((name) => [name, wrap(name)])) };
});

const CODES = ["ENOSPC", "EROFS", "EPERM", "EXDEV", "ENAMETOOLONG", "EIO", "ENOENT"];
const DEAD = '{"pid":4194303,"createdAt":"2026-01-01T00:00:00.000Z"}';
const LIVE = "a new lock, taken meanwhile";

interface Scene {
  readonly stateDir: string;
  readonly lock: string;
  /** What the lock that must not be lost says now. */
  text: string;
}

function scene(root: string): Scene {
  const stateDir = path.join(root, "state");
  const lock = path.join(stateDir, "sessions", "s.jsonl.lock");
  mkdirSync(path.dirname(lock), { recursive: true });
  writeFileSync(lock, DEAD);
  return { stateDir, lock, text: DEAD };
}

type Outcome = { readonly status: string; readonly reason?: string } | UserError;

/** Removes the lock as `repair` does; a new lock may take its place before a step. */
async function remove(made: Scene, run: string, swapAt?: string): Promise<Outcome> {
  const { stateDir, lock } = made;
  const look = lookAtLock(lock);
  if (look.kind !== "file") throw new Error("there is no lock to remove");
  const onStep = (step: string): void => {
    if (step === swapAt) {
      const { root } = plan;
      plan.root = null;
      rmSync(lock);
      writeFileSync(lock, LIVE, { flag: "wx" });
      made.text = LIVE;
      plan.root = root;
    }
    plan.step = step;
  };
  plan.root = stateDir;
  plan.step = "open";
  try {
    const quarantine = openQuarantine(stateDir, run, { onStep });
    const removal = { path: lock, judged: look.snapshot, checkId: "c", fixId: "f", findingId: "i" };
    const outcome = await quarantine
      .remove({ ...removal, judgeAgain: async () => true })
      .catch((error: Error): RepairOutcome => ({ status: "failed", reason: error.message }));
    quarantine.close();
    return outcome;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  } finally {
    plan.root = null;
  }
}

function undo({ stateDir }: Scene, run: string): Outcome {
  plan.root = stateDir;
  plan.step = "open";
  try {
    const [result] = undoRun(stateDir, run, undefined, (step) => {
      plan.step = step;
    });
    return result ?? { status: "nothing" };
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  } finally {
    plan.root = null;
  }
}

/** Every name of the lock, in its place or kept. */
function placesOf({ stateDir, text }: Scene): string[] {
  return readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file, "utf8") === text);
}

function expectJournalReads({ stateDir }: Scene): void {
  const journal = path.join(stateDir, "vitals", "journal.jsonl");
  const lines = existsSync(journal) ? readFileSync(journal, "utf8").split("\n").filter(Boolean) : [];
  expect(readJournal(stateDir)).toHaveLength(lines.length);
}

/** What is said when a file is not there. */
const GONE = ["it is gone already", "another run put it back", "is not there any more"];

function expectReason(outcome: Outcome, done: string): void {
  const said = outcome instanceof UserError ? outcome.message : (outcome.reason ?? "");
  if (plan.code === "ENOENT" && (said === "" || GONE.some((words) => said.includes(words)))) return;
  if (!(outcome instanceof UserError) && outcome.status === done) return;
  // Another file system is no obstacle: the lock stays beside its place, and by then it was another's.
  if (plan.code === "EXDEV" && said === "it changed since it was judged") return;
  expect(said).toContain(plan.code);
  if (!(outcome instanceof UserError)) expect(outcome.status).toBe("failed");
}

afterEach(() => {
  Object.assign(plan, { root: null, failAt: null, seen: [] });
});

interface Scenario {
  readonly name: string;
  prepare?(made: Scene): Promise<void>;
  attempt(made: Scene): Promise<Outcome>;
  /** The status when nothing fails. */
  readonly done: string;
}

const scenarios: readonly Scenario[] = [
  { name: "a removal", attempt: (made) => remove(made, "run"), done: "repaired" },
  {
    name: "a removal that moves a new lock by mistake",
    attempt: (made) => remove(made, "run", "move"),
    done: "failed",
  },
  {
    name: "an undo",
    async prepare(made) {
      expect(await remove(made, "run")).toMatchObject({ status: "repaired" });
    },
    attempt: async (made) => undo(made, "run"),
    done: "restored",
  },
];

/** Without the fault: what was begun is finished, and the lock comes back in its place under one name. */
async function expectRecovery(made: Scene): Promise<void> {
  openQuarantine(made.stateDir, "next").close(); // settles what is open
  const [place = "", ...more] = placesOf(made);
  expect(more).toEqual([]);
  expect(lstatSync(place).nlink).toBe(1);
  const runs = new Set(readJournal(made.stateDir).map(({ run }) => run));
  if (place === made.lock && made.text === DEAD) {
    expect(await remove(made, "again")).toMatchObject({ status: "repaired" });
    runs.add("again");
  }
  for (const run of runs) undo(made, run);
  expect(placesOf(made)).toEqual([made.lock]);
}

for (const { name, prepare, attempt, done } of scenarios)
  test(`${name}: every call fails with every error`, async () => {
    const root = existsSync("/dev/shm") ? temporaryFolder("/dev/shm") : temporaryFolder();
    let count = 0;
    const run = async (failAt: number | null, code: string, forGood: boolean): Promise<void> => {
      const made = scene(path.join(root, String(++count)));
      await prepare?.(made);
      Object.assign(plan, { failAt, code, forGood, seen: [] });
      const outcome = await attempt(made);
      const at = JSON.stringify({ failAt, code, forGood, ...plan.seen[failAt ?? -1], outcome });
      plan.failAt = null;
      try {
        expectReason(outcome, done);
        expect(placesOf(made).length).toBeGreaterThan(0);
        expectJournalReads(made);
        await expectRecovery(made);
      } catch (error) {
        throw new Error(`${at}: ${(error as Error).message}`, { cause: error });
      }
      rmSync(path.dirname(made.stateDir), { recursive: true });
    };
    await run(null, "", false);
    const calls = [...plan.seen];
    expect(calls.length).toBeGreaterThan(20);
    const problems: string[] = [];
    for (const index of calls.keys())
      for (const code of CODES)
        for (const forGood of [false, true])
          await run(index, code, forGood).catch((error: Error) => problems.push(error.message.split("\n")[0] ?? ""));
    expect(problems).toEqual([]);
  });
