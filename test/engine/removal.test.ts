/**
 * One removal at a time, straight at the quarantine: its steps in order, what it journals, what it says.
 * Long because each step of the removal is interrupted in turn, and every reason to stop has its case.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openJournal, readJournal } from "../../src/engine/journal.ts";
import type { MoveEntry } from "../../src/engine/journal-entry.ts";
import { ownPlaces } from "../../src/engine/own-places.ts";
import { isSameFile, putBack, putBackMistake } from "../../src/engine/put-back.ts";
import { newRunId, openQuarantine, type QuarantineOptions, type Removal } from "../../src/engine/quarantine.ts";
import { finishInterrupted, identity, isOurs, matches, settleInterrupted } from "../../src/engine/settle.ts";
import { undoRun } from "../../src/engine/undo.ts";
import { type LockSnapshot, lookAtLock } from "../../src/facts/lock-file.ts";
import { temporaryFolder } from "./sandbox.ts";

/** Runs before a call of node:fs with the first two arguments; may throw in its place. */
const before = vi.hoisted(() => ({ call: null as ((name: string, a: string, b: string) => void) | null }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const names = [
    "renameSync",
    "linkSync",
    "copyFileSync",
    "rmSync",
    "lstatSync",
    "openSync",
    "writeSync",
    "fsyncSync",
  ] as const;
  const wrapped = names.map((name) => {
    const real = fs[name] as (...args: unknown[]) => unknown;
    return [
      name,
      (...args: unknown[]) => {
        before.call?.(name, String(args[0]), String(args[1]));
        return real(...args);
      },
    ];
  });
  return { ...fs, ...Object.fromEntries(wrapped) };
});

afterEach(() => {
  before.call = null;
});

/** The next call of this name (to this file, if it matters, in whatever folder) fails. */
function fail(name: string, code: string | undefined, file?: string): void {
  before.call = (called, a) => {
    if (called !== name || (file !== undefined && path.basename(a) !== path.basename(file))) return;
    before.call = null;
    throw Object.assign(new Error("no code"), code === undefined ? {} : { code });
  };
}

function bench(name = "s.jsonl.lock") {
  const stateDir = temporaryFolder();
  const folder = path.join(stateDir, "sessions");
  mkdirSync(folder);
  const lock = path.join(folder, name);
  writeFileSync(lock, "dead");
  return { stateDir, folder, lock };
}

function snapshotOf(file: string): LockSnapshot {
  const look = lookAtLock(file);
  if (look.kind !== "file") throw new Error(`${file} is no file`);
  return look.snapshot;
}

const meta = { checkId: "vitals/stale-lock", fixId: "stale-lock", findingId: "0123456789ab" };

async function remove(
  { stateDir, lock }: { stateDir: string; lock: string },
  { run = "run", act = {}, ...rest }: { run?: string; act?: Record<string, () => void> } & Partial<Removal> = {},
  options: QuarantineOptions = {},
) {
  const steps: string[] = [];
  const onStep = (step: string): void => {
    steps.push(step);
    act[step]?.();
  };
  const quarantine = openQuarantine(stateDir, run, { ...options, onStep });
  const judged = rest.judged ?? snapshotOf(lock);
  const removal = { path: lock, judged, judgeAgain: async () => true as const, ...meta, ...rest };
  const outcome = await quarantine.remove(removal);
  quarantine.close();
  expect(quarantine.run).toBe(run);
  return { outcome, steps, reason: "reason" in outcome ? outcome.reason : null };
}

const phases = (stateDir: string) => readJournal(stateDir).map(({ phase }) => phase);
const last = (stateDir: string) => readJournal(stateDir).at(-1);
const START = ["make folder", "journal intent", "look again"];
const kept = (stateDir: string, run = "run") => path.join(stateDir, "vitals", "quarantine", run, "1-s.jsonl.lock");

/** Has the config of a state dir keep its sessions elsewhere. */
function keepSessionsIn(stateDir: string, folder: string): void {
  const session = { store: path.join(folder, "sessions.json") };
  writeFileSync(path.join(stateDir, "openclaw.json"), JSON.stringify({ session }));
}

describe("steps and journal", () => {
  test("of a plain removal", async () => {
    const made = bench();
    const { dev, ino, size, mtimeNs, sha256 } = identity(snapshotOf(made.lock));
    const to = kept(made.stateDir);
    const { outcome, steps } = await remove(made);
    expect(steps).toEqual([...START, "move", "verify", "journal moved", "moved", "make durable"]);
    expect(outcome).toEqual({ status: "repaired", changes: [`moved ${made.lock} to ${to}`] });
    const file = { dev, ino, size, mtimeNs, sha256 };
    const plan = { v: 1, at: expect.any(String), run: "run", n: 1, ...meta, from: made.lock, to, file };
    expect(readJournal(made.stateDir)).toEqual([
      { ...plan, phase: "intent" },
      { ...plan, phase: "moved" },
    ]);
  });

  test("of one that moved a new lock by mistake", async () => {
    const made = bench();
    const swap = (): void => {
      rmSync(made.lock);
      writeFileSync(made.lock, "live");
    };
    const judged = identity(snapshotOf(made.lock)).sha256;
    const { outcome, steps } = await remove(made, { act: { move: swap } });
    expect(last(made.stateDir)).toMatchObject({ file: { sha256: judged } });
    expect(steps.slice(3)).toEqual([
      ...["move", "verify", "link back", "drop the second name", "journal put back", "put back", "make durable"],
    ]);
    const reason = "a new lock had taken its place and was left there";
    expect(outcome).toEqual({ status: "failed", reason });
    expect(phases(made.stateDir)).toEqual(["intent", "kept"]);
    expect(last(made.stateDir)?.reason).toBe(reason);
    expect(readFileSync(made.lock, "utf8")).toBe("live");
  });

  test("of one whose place was taken twice", async () => {
    const made = bench();
    const { steps, reason } = await remove(made, {
      act: {
        move: () => writeFileSync(made.lock, "live"),
        "link back": () => writeFileSync(made.lock, "second"),
      },
    });
    expect(steps.slice(5)).toEqual(["link back", "journal put back", "put back", "make durable"]);
    const to = kept(made.stateDir);
    expect(reason).toBe(`a new lock was moved by mistake and its place is taken; it is kept at ${to}`);
    expect(last(made.stateDir)).toMatchObject({ phase: "stuck", reason, to });
    expect([readFileSync(made.lock, "utf8"), readFileSync(to, "utf8")]).toEqual(["second", "live"]);
    expect(last(made.stateDir), "an undo knows what is kept").toMatchObject({
      file: { sha256: identity(snapshotOf(to)).sha256, ino: snapshotOf(to).ino },
    });
  });

  test("the folders of both names are made durable at the end", async () => {
    const made = bench();
    const synced: string[] = [];
    const durable = (): void => {
      before.call = (name, file) => void (name === "openSync" && synced.push(file));
    };
    await remove(made, { act: { "make durable": durable } });
    expect(synced).toEqual([made.folder, path.dirname(kept(made.stateDir))]);
  });

  test("the journal cannot be written any more after the move: it is told all the same", async () => {
    const made = bench();
    const { outcome } = await remove(made, { act: { "journal moved": () => fail("writeSync", "ENOSPC") } });
    expect(outcome.status).toBe("repaired");
    expect(phases(made.stateDir)).toEqual(["intent"]);
    openQuarantine(made.stateDir, "next").close();
    expect(last(made.stateDir)).toMatchObject({ phase: "moved", reason: "interrupted after the move", run: "run" });
  });
});

describe("several at once", () => {
  /** Begins the removal of three locks at once. */
  async function three(act: Record<string, (locks: string[]) => void> = {}) {
    const { stateDir, folder } = bench();
    const locks = ["a", "b", "c"].map((name) => path.join(folder, `${name}.jsonl.lock`));
    for (const lock of locks) writeFileSync(lock, "dead");
    const steps: string[] = [];
    const judging: string[] = [];
    const quarantine = openQuarantine(stateDir, "run", {
      onStep(step) {
        steps.push(step);
        act[`${step} ${steps.filter((one) => one === step).length}`]?.(locks);
      },
    });
    const outcomes = await Promise.allSettled(
      locks.map((lock) => {
        const judgeAgain = async (): Promise<true> => {
          judging.push(`${path.basename(lock)} in`);
          await new Promise((resolve) => setImmediate(resolve));
          judging.push(`${path.basename(lock)} out`);
          return true;
        };
        return quarantine.remove({ path: lock, judged: snapshotOf(lock), judgeAgain, ...meta });
      }),
    );
    quarantine.close();
    const said = outcomes.map((one) => (one.status === "fulfilled" ? one.value : String(one.reason)));
    return { stateDir, locks, steps, judging, said };
  }
  const REST = ["look again", "move", "verify", "journal moved", "moved"];

  test("all intents are on the disk with one sync before the first is moved; then each has its turn", async () => {
    const calls: string[] = [];
    const { stateDir, steps, judging } = await three({
      "make folder 1": () => {
        before.call = (name, _file, text) => {
          if (name === "writeSync") calls.push(JSON.parse(text).phase);
          if (name === "fsyncSync" || name === "renameSync") calls.push(name);
        };
      },
      "make durable 1": () => {
        before.call = null;
      },
    });
    expect(steps.slice(0, 6)).toEqual(Array(3).fill(START.slice(0, 2)).flat());
    expect(steps.slice(6)).toEqual([...REST, ...REST, ...REST, "make durable"]);
    const folders = ["fsyncSync", "fsyncSync"]; // the quarantine and the run's, which are made
    const moves = Array(3).fill(["renameSync", "moved"]).flat();
    expect(calls).toEqual([...folders, "intent", "intent", "intent", "fsyncSync", ...moves]);
    expect(judging.map((one) => one.slice(-3).trim())).toEqual(["in", "out", "in", "out", "in", "out"]);
    expect(readJournal(stateDir).map(({ n, phase }) => `${n} ${phase}`)).toEqual([
      ...["1 intent", "2 intent", "3 intent"],
      ...["1 moved", "2 moved", "3 moved"],
    ]);
  });

  test("the sync fails: none of them is moved, though another sync would succeed", async () => {
    const { stateDir, locks, said } = await three({ "journal intent 3": () => fail("fsyncSync", "EIO") });
    expect(said).toEqual(Array(3).fill("Error: no code"));
    expect(locks.every((lock) => existsSync(lock))).toBe(true);
    openQuarantine(stateDir, "next").close();
    expect(phases(stateDir)).toEqual([...Array(3).fill("intent"), ...Array(3).fill("kept")]);
  });

  test("one that cannot be journaled keeps the others from nothing", async () => {
    const { said } = await three({ "journal intent 2": () => fail("writeSync", "ENOSPC") });
    expect(said.map((one) => (typeof one === "string" ? one : one.status))).toEqual([
      ...["repaired", "Error: no code", "repaired"],
    ]);
  });

  test("one that is taken anew while it waits for its turn stays", async () => {
    const { stateDir, locks, said } = await three({
      "look again 1": ([, second = ""]) => writeFileSync(second, "a new lock"),
    });
    expect(said).toMatchObject([
      { status: "repaired" },
      { status: "skipped", reason: "it changed since it was judged" },
      { status: "repaired" },
    ]);
    expect(readFileSync(locks[1] ?? "", "utf8")).toBe("a new lock");
    expect(readJournal(stateDir).filter(({ n }) => n === 2)).toMatchObject([{ phase: "intent" }, { phase: "kept" }]);
  });

  test("one that stops in the middle does not stop the others", async () => {
    const stop = (): void => {
      throw new Error("stopped");
    };
    const { said } = await three({ "verify 1": stop });
    expect(said).toMatchObject(["Error: stopped", { status: "repaired" }, { status: "repaired" }]);
  });

  test("the folder of the run vanishes before the first is moved: it is made anew for the others", async () => {
    const { stateDir, said } = await three({
      "move 1": ([first = ""]) => {
        const state = path.dirname(path.dirname(first));
        rmSync(path.dirname(kept(state)), { recursive: true });
      },
    });
    expect(said).toMatchObject([{ status: "skipped" }, { status: "repaired" }, { status: "repaired" }]);
    expect(readdirSync(path.dirname(kept(stateDir)))).toEqual(["2-b.jsonl.lock", "3-c.jsonl.lock"]);
  });
});

describe("another file system", () => {
  test("the lock stays beside, under a dotted name", async () => {
    const made = bench();
    const { outcome, steps } = await remove(made, { act: { move: () => fail("renameSync", "EXDEV") } });
    const to = path.join(made.folder, ".vitals-run-1-s.jsonl.lock.quarantined");
    expect(outcome).toEqual({ status: "repaired", changes: [`moved ${made.lock} to ${to}`] });
    expect(steps.slice(3, 7)).toEqual(["move", "journal intent beside", "move beside", "verify"]);
    expect(readJournal(made.stateDir).map((entry) => [entry.phase, entry.to])).toEqual([
      ["intent", kept(made.stateDir)],
      ["intent", to],
      ["moved", to],
    ]);
  });

  test("a lock that changed meanwhile stays", async () => {
    const made = bench();
    const { outcome } = await remove(made, {
      act: { move: () => fail("renameSync", "EXDEV"), "journal intent beside": () => writeFileSync(made.lock, "live") },
    });
    expect(outcome).toEqual({ status: "skipped", reason: "it changed since it was judged" });
    expect(last(made.stateDir)?.phase).toBe("kept");
  });

  test("that it cannot be moved there either is said", async () => {
    const made = bench();
    const { outcome } = await remove(made, {
      act: { move: () => fail("renameSync", "EXDEV"), "move beside": () => fail("renameSync", "EIO") },
    });
    expect(outcome).toEqual({ status: "failed", reason: "it could not be moved: EIO" });
    expect(last(made.stateDir)).toMatchObject({ phase: "kept", reason: "it could not be moved: EIO" });
  });
});

describe("why it stays", () => {
  test.each([
    ["EACCES", { status: "failed", reason: "it could not be moved: EACCES" }],
    [undefined, { status: "failed", reason: "it could not be moved: no code" }],
    ["ENOENT", { status: "skipped", reason: "it is gone already" }],
  ])("the move fails with %s", async (code, expected) => {
    const made = bench();
    const { outcome, steps } = await remove(made, { act: { move: () => fail("renameSync", code) } });
    expect(outcome).toEqual(expected);
    expect(steps.at(-2)).toBe("move");
    expect(last(made.stateDir)).toMatchObject({ phase: "kept", reason: expected.reason });
    expect(existsSync(made.lock)).toBe(true);
  });

  test.each(["first", "look again"])("it is gone already (%s), or something else stands there", async (when) => {
    const stands = { "it is gone already": () => {}, "it changed since it was judged": mkdirSync } as const;
    for (const [reason, instead] of Object.entries(stands)) {
      const made = bench();
      const judged = snapshotOf(made.lock);
      const change = (): void => {
        rmSync(made.lock);
        instead(made.lock);
      };
      if (when === "first") change();
      const { outcome } = await remove(made, { judged, act: when === "first" ? {} : { [when]: change } });
      expect(outcome).toEqual({ status: "skipped", reason });
      expect(phases(made.stateDir)).toEqual(when === "first" ? [] : ["intent", "kept"]);
    }
  });

  test("a second judgement says so, or fails", async () => {
    const says = await remove(bench(), { judgeAgain: async () => "it lives again" });
    expect(says.outcome).toEqual({ status: "skipped", reason: "it lives again" });
    const fails = await remove(bench(), { judgeAgain: () => Promise.reject(new Error("no process table")) });
    expect(fails.outcome).toEqual({ status: "skipped", reason: "it could not be judged again: no process table" });
    expect(fails.steps).toEqual([...START, "make durable"]);
  });

  test.each(["first", "look again"])("it or its guard cannot be looked at (%s)", async (when) => {
    for (const suffix of ["", ".reclaim"]) {
      const made = bench();
      const judged = snapshotOf(made.lock);
      const hide = (): void => fail("lstatSync", "EACCES", made.lock + suffix);
      const steps: Record<string, () => void> = { "look again": hide };
      const quarantine = openQuarantine(made.stateDir, "run", { onStep: (step) => when === step && steps[step]?.() });
      if (when === "first") hide();
      const outcome = await quarantine.remove({ path: made.lock, judged, judgeAgain: async () => true, ...meta });
      quarantine.close();
      const reason = `${made.lock}${suffix} could not be looked at: EACCES`;
      expect(outcome).toEqual({ status: "failed", reason });
      expect(phases(made.stateDir)).toEqual(when === "first" ? [] : ["intent", "kept"]);
    }
  });

  test("its place in the quarantine cannot be looked at: failed, and no search without end", async () => {
    const made = bench();
    const to = kept(made.stateDir);
    before.call = (name, file) => {
      if (name === "lstatSync" && file.includes("quarantine")) throw Object.assign(new Error("no"), { code: "EACCES" });
    };
    const { outcome } = await remove(made);
    expect(outcome).toEqual({ status: "failed", reason: `${to} could not be looked at: EACCES` });
  });

  test("the folder of the run vanished: it stays, and the folder is made anew for the next", async () => {
    const { stateDir, folder } = bench();
    const locks = ["a", "b", "c"].map((name) => path.join(folder, `${name}.jsonl.lock`));
    for (const lock of locks) writeFileSync(lock, "dead");
    const run = path.join(stateDir, "vitals", "quarantine", "run");
    const quarantine = openQuarantine(stateDir, "run");
    const statuses: string[] = [];
    for (const lock of locks) {
      const removal = { path: lock, judged: snapshotOf(lock), judgeAgain: async () => true as const, ...meta };
      statuses.push((await quarantine.remove(removal)).status);
      if (lock === locks[0]) rmSync(run, { recursive: true });
    }
    quarantine.close();
    expect(statuses).toEqual(["repaired", "skipped", "repaired"]);
    expect(existsSync(path.join(run, "3-c.jsonl.lock"))).toBe(true);
    expect(locks.map((lock) => existsSync(lock))).toEqual([false, true, false]);
  });

  test("what was moved cannot be read: it goes back", async () => {
    const made = bench();
    const to = kept(made.stateDir);
    const { outcome } = await remove(made, { act: { verify: () => fail("openSync", "EIO", to) } });
    expect(outcome).toEqual({ status: "failed", reason: "what was moved could not be read (EIO) and was put back" });
    expect(existsSync(made.lock)).toBe(true);
  });

  test("another run put it back before it could be verified", async () => {
    const made = bench();
    const { outcome } = await remove(made, { act: { verify: () => renameSync(kept(made.stateDir), made.lock) } });
    expect(outcome).toEqual({ status: "failed", reason: "another run put it back" });
    expect(last(made.stateDir)?.phase).toBe("kept");
  });

  test("a guard, whatever it is; a name too long for one is none", async () => {
    const guarded = bench();
    symlinkSync("nowhere", `${guarded.lock}.reclaim`);
    expect((await remove(guarded)).outcome).toEqual({ status: "skipped", reason: "another process is reclaiming it" });
    const long = bench(`${"x".repeat(245)}.lock`);
    expect((await remove(long)).outcome.status).toBe("repaired");
  });
});

describe("names and numbers", () => {
  test("a run id is its time and six random digits", () => {
    expect(newRunId(new Date("2026-05-24T18:03:41.123Z"))).toMatch(/^20260524T180341Z-[0-9a-f]{6}$/);
    expect(newRunId()).not.toBe(newRunId());
  });

  test("numbers go on within a run, whoever else counts", async () => {
    const made = bench();
    await remove(made, { run: "other" });
    for (const n of [1, 2]) {
      writeFileSync(made.lock, `dead ${n}`);
      await remove(made);
      expect(last(made.stateDir)).toMatchObject({ run: "run", n });
    }
  });

  test("a number is not given twice, even when its place is free again", async () => {
    const made = bench();
    await remove(made);
    undoRun(made.stateDir, "run");
    await remove(made);
    expect(last(made.stateDir)).toMatchObject({ n: 2, phase: "moved" });
    expect(undoRun(made.stateDir, "run", [2])).toMatchObject([{ status: "restored" }]);
  });

  test("a place that is taken is not taken again, journal or not", async () => {
    const made = bench();
    mkdirSync(path.dirname(kept(made.stateDir)), { recursive: true });
    writeFileSync(kept(made.stateDir), "kept long ago");
    await remove(made);
    expect(readFileSync(kept(made.stateDir), "utf8")).toBe("kept long ago");
    expect(last(made.stateDir)).toMatchObject({ n: 2, phase: "moved" });
  });

  test.each([
    [200, 200],
    [201, 200],
    [250, 200],
  ])("a name of %i bytes keeps its last %i", async (length, left) => {
    const name = `${"a".repeat(10)}${"b".repeat(length - 15)}.lock`;
    const made = bench(name);
    await remove(made);
    const stays = path.basename(last(made.stateDir)?.to ?? "");
    expect(stays).toBe(`1-${name.slice(length - left)}`);
  });
});

describe("put back", () => {
  function two() {
    const dir = temporaryFolder();
    const [from, to] = [path.join(dir, "from"), path.join(dir, "to")];
    writeFileSync(from, "kept");
    return { dir, from, to };
  }

  test("by a link, so that it stays the same file", () => {
    const { from, to } = two();
    const { ino } = statSync(from);
    expect(putBack(from, to)).toBe(true);
    expect([statSync(to).ino, existsSync(from)]).toEqual([ino, false]);
  });

  test("what stands there is never replaced, unless it is the same file", () => {
    const { from, to } = two();
    writeFileSync(to, "newer");
    expect(putBack(from, to)).toBe(false);
    expect([readFileSync(to, "utf8"), readFileSync(from, "utf8")]).toEqual(["newer", "kept"]);
    rmSync(to);
    expect(putBack(from, to)).toBe(true);
  });

  test.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])("by an exclusive copy where links fail with %s", (code) => {
    const { from, to } = two();
    fail("linkSync", code);
    expect(putBack(from, to)).toBe(true);
    expect([readFileSync(to, "utf8"), existsSync(from)]).toEqual(["kept", false]);
    writeFileSync(from, "second");
    fail("linkSync", code);
    expect(putBack(from, to)).toBe(false);
    expect(readFileSync(to, "utf8")).toBe("kept");
  });

  test("any other error is thrown, and nothing is dropped", () => {
    const { from, to } = two();
    fail("linkSync", "EIO");
    expect(() => putBack(from, to)).toThrow("no code");
    before.call = (name) => {
      if (name === "linkSync") throw Object.assign(new Error("no links"), { code: "EPERM" });
      if (name === "copyFileSync") throw Object.assign(new Error("no room"), { code: "ENOSPC" });
    };
    expect(() => putBack(from, to)).toThrow("no room");
    expect([existsSync(from), existsSync(to)]).toEqual([true, false]);
  });

  test("its folder is made durable", () => {
    const { dir, from, to } = two();
    const calls: string[] = [];
    before.call = (name, file) => void ((name === "openSync" || name === "fsyncSync") && calls.push(`${name} ${file}`));
    putBack(from, to);
    expect(calls.at(-2)).toBe(`openSync ${dir}`);
    expect(calls.at(-1)).toMatch(/^fsyncSync/);
  });

  test("a mistake that cannot be undone is told, never thrown", () => {
    const { from, to } = two();
    fail("linkSync", undefined);
    const stuck = `a new lock was moved by mistake and it could not be put back (no code); it is kept at ${from}`;
    expect(putBackMistake({ from, to }, "done")).toEqual({ phase: "stuck", reason: stuck });
    expect(putBackMistake({ from, to }, "done")).toEqual({ phase: "kept", reason: "done" });
    expect(putBackMistake({ from, to: `${to}2` }, "done")).toEqual({
      phase: "kept",
      reason: "another run put it back",
    });
  });

  test("two names of one file", () => {
    const { from, to } = two();
    expect(isSameFile(from, from)).toBe(true);
    expect(isSameFile(from, to)).toBe(false);
    writeFileSync(to, "kept");
    expect(isSameFile(from, to)).toBe(false);
  });
});

describe("what was interrupted", () => {
  const append = (stateDir: string, entry: Omit<MoveEntry, "v" | "at">): void => {
    const journal = openJournal(stateDir);
    journal.append(entry);
    journal.close();
  };

  /** A journaled lock in the quarantine (or its place), as a run that ended at this phase leaves it. */
  function left(phase: MoveEntry["phase"], where: "kept" | "place" | "both" | "nowhere", change = {}) {
    const made = bench();
    const to = kept(made.stateDir);
    mkdirSync(path.dirname(to), { recursive: true });
    const { dev, ino, size, mtimeNs, sha256 } = identity(snapshotOf(made.lock));
    append(made.stateDir, {
      ...{ run: "run", n: 1, phase, ...meta, from: made.lock, to },
      ...{ file: { dev, ino, size, mtimeNs, sha256 }, reason: "why it was so", ...change },
    });
    if (where === "kept" || where === "nowhere") renameSync(made.lock, to);
    if (where === "nowhere") rmSync(to);
    if (where === "both") putBackHalf(made.lock, to);
    return { ...made, to };
  }
  /** A put-back that got no further than the second name. */
  function putBackHalf(place: string, second: string): void {
    fail("rmSync", "EIO");
    expect(() => putBack(place, second)).toThrow();
  }
  const settled = (made: { stateDir: string }, confined = false) => {
    const count = finishInterrupted(made.stateDir, confined);
    const entry = last(made.stateDir);
    return { count, phase: entry?.phase, reason: entry?.reason };
  };

  test.each([
    ["intent", "place", "kept", "interrupted before the move"],
    ["intent", "nowhere", "kept", "interrupted before the move"],
    ["intent", "kept", "moved", "interrupted after the move"],
    ["kept", "kept", "moved", "interrupted after the move"],
    ["moved", "both", "undone", "interrupted after it was put back"],
    ["moved", "place", "undone", "interrupted after it was put back"],
    ["stuck", "both", "undone", "interrupted after it was put back"],
    ["stuck", "place", "undone", "interrupted after it was put back"],
  ] as const)("%s, found in %s: %s", (phase, where, end, reason) => {
    const made = left(phase, where);
    expect(settled(made)).toEqual({ count: 1, phase: end, reason });
    expect([existsSync(made.lock), existsSync(made.to)]).toEqual([
      where === "place" || where === "both",
      where === "kept",
    ]);
    expect(settled(made).count).toBe(0);
    const { v, at, ...entry } = last(made.stateDir) ?? ({} as MoveEntry);
    expect(entry).toMatchObject({ run: "run", n: 1, ...meta, from: made.lock, to: made.to });
  });

  test.each([
    ["kept", "place"],
    ["kept", "nowhere"],
    ["moved", "kept"],
    ["moved", "nowhere"],
    ["stuck", "kept"],
    ["stuck", "nowhere"],
    ["undone", "both"],
    ["undone", "place"],
    ["undone", "kept"],
  ] as const)("%s, found in %s: as it should be, nothing is written", (phase, where) => {
    const made = left(phase, where);
    const before = readFileSync(path.join(made.stateDir, "vitals", "journal.jsonl"), "utf8");
    expect(finishInterrupted(made.stateDir, false)).toBe(0);
    expect(readFileSync(path.join(made.stateDir, "vitals", "journal.jsonl"), "utf8")).toBe(before);
    expect(existsSync(made.lock)).toBe(where === "place" || where === "both");
  });

  test("a moved lock whose place another file took is as it should be", () => {
    const made = left("moved", "nowhere");
    writeFileSync(made.lock, "newer");
    expect(finishInterrupted(made.stateDir, false)).toBe(0);
  });

  test("a newer lock that was moved by mistake goes back, or is kept when its place is taken", () => {
    const made = left("intent", "kept");
    const judged = (last(made.stateDir) as MoveEntry).file;
    writeFileSync(made.to, "live");
    expect(settled(made)).toEqual({ count: 1, phase: "kept", reason: "interrupted; a newer lock was put back" });
    expect(readFileSync(made.lock, "utf8")).toBe("live");
    expect(last(made.stateDir)).toMatchObject({ file: judged });
    const taken = left("intent", "kept");
    writeFileSync(taken.to, "live");
    writeFileSync(taken.lock, "second");
    expect(settled(taken)).toMatchObject({ count: 1, phase: "stuck", reason: expect.stringContaining("is taken") });
    // An undo must know what is kept there.
    expect(last(taken.stateDir)).toMatchObject({ file: { sha256: identity(snapshotOf(taken.to)).sha256 } });
    expect(settled(taken).count).toBe(0);
  });

  test("an undo that still cannot be finished stays open", () => {
    const made = left("moved", "both");
    fail("rmSync", "EIO");
    expect(settled(made)).toMatchObject({ count: 0, phase: "moved" });
    expect(settled(made)).toMatchObject({ count: 1, phase: "undone" });
  });

  test("the journal cannot be written: done all the same, and journaled by the next run", () => {
    const made = left("intent", "kept");
    const journal = openJournal(made.stateDir);
    fail("writeSync", "ENOSPC");
    expect(settleInterrupted(made.stateDir, journal)).toBe(1);
    expect(last(made.stateDir)?.phase).toBe("intent");
    expect(settleInterrupted(made.stateDir, journal)).toBe(1);
    expect(last(made.stateDir)?.phase).toBe("moved");
    journal.close();
  });

  test("nothing interrupted: not even a folder is made", () => {
    const stateDir = temporaryFolder();
    expect(finishInterrupted(stateDir, false)).toBe(0);
    expect(readdirSync(stateDir)).toEqual([]);
  });

  test("what is outside of the state dir stays in an update", () => {
    const elsewhere = temporaryFolder();
    const made = left("intent", "kept", { from: path.join(elsewhere, "s.jsonl.lock") });
    keepSessionsIn(made.stateDir, elsewhere);
    expect(settled(made, true).count).toBe(0);
    const quarantine = openQuarantine(made.stateDir, "update", { confined: true });
    quarantine.close();
    expect(last(made.stateDir)?.phase).toBe("intent");
    openQuarantine(made.stateDir, "no update").close();
    expect(last(made.stateDir)).toMatchObject({ run: "run", phase: "moved" });
  });

  test("whose files are ours", () => {
    const dir = temporaryFolder();
    const entry = (from: string, to: string) =>
      ({ run: "run", from: path.join(dir, from), to: path.join(dir, to) }) as MoveEntry;
    const state = path.join(dir, "state");
    mkdirSync(state);
    keepSessionsIn(state, path.join(dir, "store"));
    const inside = entry("state/s.lock", "state/vitals/quarantine/run/1-s.lock");
    const store = entry("store/s.jsonl.lock", "state/vitals/quarantine/run/1-s.lock");
    const beside = entry("store/s.jsonl.lock", "store/.vitals-run-1-s.jsonl.lock.quarantined");
    const others = entry("other/s.lock", "other/vitals/quarantine/run/1-s.lock");
    const own = ownPlaces(state);
    expect([inside, store, beside, others].map((one) => isOurs(own, one))).toEqual([true, true, true, false]);
    expect([inside, store, beside, others].map((one) => isOurs(own, one, true))).toEqual([true, false, false, false]);
  });

  test("a file is the journaled one only in every respect", () => {
    const { lock } = bench();
    const snapshot = snapshotOf(lock);
    const { dev, ino, size, mtimeNs, sha256 } = identity(snapshot);
    const file = { dev, ino, size, mtimeNs, sha256 };
    expect(matches(snapshot, file)).toBe(true);
    for (const [key, value] of Object.entries({ dev: "x", ino: "x", size: -1, mtimeNs: "x", sha256: "x" }))
      expect(matches(snapshot, { ...file, [key]: value }), key).toBe(false);
    utimesSync(lock, 1, 1);
    expect(matches(snapshotOf(lock), file)).toBe(false);
    expect(lstatSync(lock).nlink).toBe(1);
  });
});
