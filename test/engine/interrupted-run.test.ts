/** A run that is told to stop brings the repair at work to its end and begins no other. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import type { RepairWatcher } from "../../src/engine/apply.ts";
import { readJournal } from "../../src/engine/journal.ts";
import { latestEntries } from "../../src/engine/journal-entry.ts";
import { repair } from "../../src/engine/repair.ts";
import { history } from "../../src/engine/undo.ts";
import { deadPid } from "../facts/sandbox.ts";
import { makeSandbox } from "./sandbox.ts";

function twoStale() {
  const { stateDir, options, plant } = makeSandbox();
  const payload = { pid: deadPid(), createdAt: new Date().toISOString() };
  const locks = ["one", "two"].map((session) => plant({ session, payload }));
  return { stateDir, options, locks };
}

/** Stops the run at one of its moments, and notes them all. */
function stopping(at: string) {
  const controller = new AbortController();
  const seen: string[] = [];
  const see = (moment: string): void => {
    seen.push(moment);
    if (moment === at) controller.abort();
  };
  const watcher: RepairWatcher = {
    begin: ({ finding }) => see(`begin ${finding.target}`),
    end: ({ finding }, { status }) => see(`${status} ${finding.target}`),
    lookAgain: () => see("look again"),
  };
  return { seen, watcher, signal: controller.signal };
}

test("in the middle of the first: it is repaired and journaled, the second is left as it was", async () => {
  const { stateDir, options, locks } = twoStale();
  const { seen, watcher, signal } = stopping("begin agent coder, session one");
  const { run, repairs, remaining } = await repair({ ...options, watcher, signal });
  expect(repairs).toMatchObject([
    { status: "repaired", path: locks[0] },
    { status: "skipped", path: locks[1], reason: "interrupted" },
  ]);
  expect(remaining).toMatchObject([{ path: locks[1] }]);
  expect(locks.map((lock) => existsSync(lock))).toEqual([false, true]);
  expect(history(stateDir)).toMatchObject([{ run, repairs: [{ path: locks[0], canUndo: true }] }]);
  expect(seen).toEqual([
    "begin agent coder, session one",
    "repaired agent coder, session one",
    "skipped agent coder, session two",
    "look again",
  ]);
});

test("before the first: nothing is touched, and there is no run to undo", async () => {
  const { stateDir, options, locks } = twoStale();
  const { run, repairs } = await repair({ ...options, signal: AbortSignal.abort() });
  expect(repairs.map(({ reason }) => reason)).toEqual(["interrupted", "interrupted"]);
  expect(run).toBeNull();
  expect(locks.map((lock) => existsSync(lock))).toEqual([true, true]);
  expect(history(stateDir)).toEqual([]);
});

test("that is not told to stop says each repair as it happens", async () => {
  const { options } = twoStale();
  const { seen, watcher } = stopping("never");
  expect((await repair({ ...options, watcher })).ok).toBe(true);
  expect(seen).toHaveLength(5);
  expect(seen.at(-1)).toBe("look again");
});

test("among removals that were journaled together: the others stay, and the journal says so", async () => {
  const { stateDir, options, plant } = makeSandbox();
  const payload = { pid: deadPid(), createdAt: new Date().toISOString() };
  const locks = Array.from({ length: 40 }, (_, n) => plant({ session: `s${String(n).padStart(2, "0")}`, payload }));
  const controller = new AbortController();
  const steps: string[] = [];
  const onStep = (step: string): void => {
    steps.push(step);
    if (step === "verify" && steps.includes("moved")) controller.abort();
  };
  const { repairs, remaining } = await repair({ ...options, onStep, signal: controller.signal });
  const left = { status: "skipped", reason: "interrupted" };
  expect(repairs).toMatchObject([{ status: "repaired" }, { status: "repaired" }, ...Array(38).fill(left)]);
  expect(remaining).toHaveLength(38);
  expect(locks.map((lock) => existsSync(lock))).toEqual(locks.map((_, n) => n >= 2));
  const together = steps.indexOf("look again") / 2; // each has its folder and its intent before the first has its turn
  expect(together).toBeGreaterThan(2);
  const last = latestEntries(readJournal(stateDir)).map(({ phase, reason }) => [phase, reason]);
  const kept = Array(together - 2).fill(["kept", "interrupted"]);
  expect(last).toEqual([["moved", undefined], ["moved", undefined], ...kept]);
});
