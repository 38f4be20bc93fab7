/** How what a killed run left of a change that moves no file is brought to an end. */
import { appendFileSync, mkdirSync, readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { ChangeKind } from "../../src/engine/change-kinds.ts";
import { openJournal, readJournal } from "../../src/engine/journal.ts";
import type { ChangeEntry } from "../../src/engine/journal-entry.ts";
import { finishInterrupted, settleInterrupted } from "../../src/engine/settle.ts";
import { onLinux, temporaryFolder } from "./sandbox.ts";

const kind = vi.hoisted(() => ({ now: undefined as ChangeKind | undefined }));
vi.mock("../../src/engine/change-kinds.ts", () => ({ changeKind: () => kind.now }));

let stateDir: string;
const end = { settle: vi.fn<ChangeKind["settle"]>(), isOpen: vi.fn(), tidy: vi.fn() };

beforeEach(() => {
  stateDir = temporaryFolder();
  mkdirSync(path.join(stateDir, "vitals"));
  for (const one of Object.values(end)) one.mockReset();
  kind.now = { ...end, canUndo: () => false, undo: () => ({ status: "restored" }) };
});

function left(phase: ChangeEntry["phase"], change: Partial<ChangeEntry> = {}): ChangeEntry {
  const entry: ChangeEntry = {
    ...{ v: 1, at: "2026-10-01T12:00:00.000Z", run: "r", n: 1, phase, kind: "row" },
    ...{ checkId: "vitals/x", fixId: "x", findingId: "f", detail: { key: 1 } },
    from: path.join(stateDir, "thing"),
    to: path.join(stateDir, "vitals", "kept"),
    ...change,
  };
  appendFileSync(path.join(stateDir, "vitals", "journal.jsonl"), `${JSON.stringify(entry)}\n`);
  return entry;
}

const lines = (): (string | undefined)[][] =>
  readJournal(stateDir).map(({ phase, reason }) => (reason === undefined ? [phase] : [phase, reason]));

describe("a change that was begun", () => {
  test.each(["done", "kept"] as const)("ends as %s, as its kind says, once", (phase) => {
    const entry = left("intent");
    end.settle.mockReturnValue({ phase, reason: "looked" });
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(end.settle).toHaveBeenCalledWith(entry);
    expect(lines()).toEqual([["intent"], [phase, "looked"]]);
    expect(readJournal(stateDir)[1]).toMatchObject({ run: "r", n: 1, kind: "row", detail: { key: 1 }, to: entry.to });
    expect(end.tidy).not.toHaveBeenCalled();
    expect(finishInterrupted(stateDir, false)).toBe(0);
    expect(end.settle).toHaveBeenCalledTimes(1);
  });

  test("stays begun while its kind cannot tell, or is not known", () => {
    left("intent");
    end.settle.mockReturnValue(null);
    expect(finishInterrupted(stateDir, false)).toBe(0);
    kind.now = undefined;
    expect(finishInterrupted(stateDir, false)).toBe(0);
    expect(lines()).toEqual([["intent"]]);
  });

  test("that turns out to be undone is tidied", () => {
    const entry = left("intent");
    end.settle.mockReturnValue({ phase: "undone", reason: "looked" });
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(end.tidy).toHaveBeenCalledExactlyOnceWith(entry);
  });

  test("and cannot be journaled counts as settled, and keeps what undo needs", () => {
    left("intent");
    end.settle.mockReturnValue({ phase: "undone", reason: "looked" });
    const journal = {
      append() {
        throw new Error("full");
      },
      flush() {},
      close() {},
    };
    expect(settleInterrupted(stateDir, journal)).toBe(1);
    expect(end.tidy).not.toHaveBeenCalled();
  });

  test("in another state dir is left to that one", () => {
    left("intent", { to: "/elsewhere/vitals/kept" });
    end.settle.mockReturnValue({ phase: "done", reason: "looked" });
    expect(finishInterrupted(stateDir, false)).toBe(0);
    expect(end.settle).not.toHaveBeenCalled();
  });

  test("outside of the state dir is left alone in an update only", () => {
    left("intent", { kind: "restart", from: "/elsewhere/thing" });
    end.settle.mockReturnValue({ phase: "done", reason: "looked" });
    expect(finishInterrupted(stateDir, true)).toBe(0);
    const journal = openJournal(stateDir);
    expect(settleInterrupted(stateDir, journal)).toBe(1);
    journal.close();
  });
});

describe("a change that was done", () => {
  test("is open only when its kind says so", () => {
    left("done");
    end.settle.mockReturnValue({ phase: "undone", reason: "looked" });
    end.isOpen.mockReturnValue(false);
    expect(finishInterrupted(stateDir, false)).toBe(0);
    end.isOpen.mockReturnValue(true);
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(lines()).toEqual([["done"], ["undone", "looked"]]);
  });

  test("of a kind that is never open, or not known, stays", () => {
    left("done");
    const { isOpen: _isOpen, tidy: _tidy, ...plain } = { ...end, canUndo: () => false, undo: vi.fn() };
    kind.now = plain;
    expect(finishInterrupted(stateDir, false)).toBe(0);
    kind.now = undefined;
    expect(finishInterrupted(stateDir, false)).toBe(0);
  });
});

test("what an undo left over is tidied by the next run, in this state dir only", () => {
  const undone = left("undone");
  left("undone", { n: 2, to: "/elsewhere/vitals/kept" });
  left("kept", { n: 3 });
  const journal = openJournal(stateDir);
  expect(settleInterrupted(stateDir, journal)).toBe(0);
  expect(end.tidy).toHaveBeenCalledExactlyOnceWith(undone);
  kind.now = undefined;
  expect(settleInterrupted(stateDir, journal)).toBe(0);
  const { tidy: _tidy, ...plain } = { ...end, canUndo: () => false, undo: vi.fn() };
  kind.now = plain;
  expect(settleInterrupted(stateDir, journal)).toBe(0);
  journal.close();
});

test.runIf(onLinux)("the journal is closed again", () => {
  left("intent");
  end.settle.mockReturnValue({ phase: "done", reason: "looked" });
  finishInterrupted(stateDir, false);
  const open = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  expect(open.filter((file) => file.startsWith(stateDir))).toEqual([]);
});
