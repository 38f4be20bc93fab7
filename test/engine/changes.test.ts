/** Repairs that move no file: what the journal says of them, and what a newer version wrote. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Change } from "../../src/engine/changes.ts";
import { readJournal } from "../../src/engine/journal.ts";
import type { ChangeKindName } from "../../src/engine/journal-entry.ts";
import { newRunId, openQuarantine } from "../../src/engine/quarantine.ts";
import { history, runToUndo, undoRun } from "../../src/engine/undo.ts";
import { temporaryFolder } from "./sandbox.ts";

function open() {
  const stateDir = temporaryFolder();
  mkdirSync(path.join(stateDir, "vitals"));
  const run = newRunId();
  const steps: string[] = [];
  const quarantine = openQuarantine(stateDir, run, { onStep: (step) => steps.push(step) });
  const change: Change = {
    kind: "of-a-newer-version" as ChangeKindName,
    checkId: "vitals/x",
    fixId: "x",
    findingId: "f",
    from: path.join(stateDir, "thing"),
    keepAs: "thing",
    detail: { row: 1 },
  };
  const phases = (): string[] =>
    readJournal(stateDir).map(({ n, phase, reason }) => [n, phase, reason].join(" ").trim());
  return { stateDir, run, steps, quarantine, change, phases };
}

describe("a change that moves no file", () => {
  test("is on the disk before it begins, and ends as done", async () => {
    const { quarantine, change, phases, steps } = open();
    const outcome = await quarantine.change(change, () => {
      expect(phases()).toEqual(["1 intent"]);
      return { status: "repaired", changes: ["did it"] };
    });
    quarantine.close();
    expect(outcome).toEqual({ status: "repaired", changes: ["did it"] });
    expect(phases()).toEqual(["1 intent", "1 done"]);
    expect(steps).toEqual(["make folder", "journal intent", "change", "changed", "journal end", "make durable"]);
  });

  test.each(["failed", "skipped"] as const)("is journaled as kept when it was %s", async (status) => {
    const { quarantine, change, phases } = open();
    expect(await quarantine.change(change, () => ({ status, reason: "no" }))).toEqual({ status, reason: "no" });
    expect(phases()).toEqual(["1 intent", "1 kept no"]);
  });

  test("that throws is a failed repair, not the end of the run", async () => {
    const { quarantine, change, phases } = open();
    const outcome = await quarantine.change(change, () => {
      throw new Error("disk full");
    });
    expect(outcome).toEqual({ status: "failed", reason: "disk full" });
    await quarantine.change(change, () => ({ status: "repaired", changes: [] }));
    expect(phases()).toEqual(["1 intent", "1 kept disk full", "2 intent", "2 done"]);
  });

  test("of a newer version reads, is not settled and not taken back, and says so", async () => {
    const { quarantine, change, stateDir, run } = open();
    await quarantine.change(change, () => ({ status: "repaired", changes: [] }));
    quarantine.close();
    const before = readFileSync(path.join(stateDir, "vitals", "journal.jsonl"), "utf8");
    expect(history(stateDir)[0]?.repairs).toMatchObject([{ state: "done", canUndo: false }]);
    expect(runToUndo(stateDir)).toBeNull();
    expect(undoRun(stateDir, run)).toMatchObject([
      { status: "failed", reason: "a newer version of this tool made it" },
    ]);
    expect(readFileSync(path.join(stateDir, "vitals", "journal.jsonl"), "utf8")).toBe(before);
  });
});
