/** Two processes at the journal at once, in an order that chance would hardly ever bring: one acts inside the other's call. */
import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { openJournal, readJournal } from "../../src/engine/journal.ts";
import type { MoveEntry } from "../../src/engine/journal-entry.ts";
import { temporaryFolder } from "./sandbox.ts";

const between = vi.hoisted(() => ({ listed: null as (() => void) | null, wrote: null as (() => void) | null }));

/** Runs what is planned, once: it may come by here itself. */
function now(what: "listed" | "wrote"): void {
  const plan = between[what];
  between[what] = null;
  plan?.();
}

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  return {
    ...fs,
    readdirSync: (...args: Parameters<typeof fs.readdirSync>) => {
      const names = fs.readdirSync(...args);
      now("listed");
      return names;
    },
    writeSync: (fd: number, text: string) => {
      if (between.wrote === null) return fs.writeSync(fd, text);
      const half = fs.writeSync(fd, text.slice(0, text.length / 2));
      now("wrote");
      return half;
    },
  };
});

afterEach(() => {
  between.listed = null;
  between.wrote = null;
});

function append(stateDir: string, run: string, to: string, count = 1): void {
  const journal = openJournal(stateDir);
  for (let n = 1; n <= count; n += 1) journal.append(line(run, n, to), { flush: false });
  journal.close();
}

function line(run: string, n: number, to: string): Omit<MoveEntry, "v" | "at"> {
  const file = { dev: "1", ino: "1", size: 1, mtimeNs: "1", sha256: "0" };
  return { run, n, phase: "moved", checkId: "c", fixId: "f", findingId: "i", from: "/nowhere", to, file };
}

/** A journal whose segment is full of repairs that can all be undone. */
function fullJournal() {
  const stateDir = temporaryFolder();
  const kept = path.join(stateDir, "kept");
  writeFileSync(kept, "");
  append(stateDir, "full", kept, 6000);
  expect(statSync(path.join(stateDir, "vitals", "journal.jsonl")).size).toBeGreaterThan(1_048_576);
  return { stateDir, kept };
}

function countOf(stateDir: string): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(readJournal(stateDir), ({ run }) => run)].map(([run, { length }]) => [run, length]),
  );
}

test("another rotates between our count of segments and our rename: its segment is not replaced", () => {
  const { stateDir, kept } = fullJournal();
  between.listed = () => append(stateDir, "other", kept);
  append(stateDir, "ours", kept);
  expect(countOf(stateDir)).toEqual({ full: 6000, other: 1, ours: 1 });
});

test("another rotates between our list of segments and our reading: nothing is missed", () => {
  const { stateDir, kept } = fullJournal();
  between.listed = () => append(stateDir, "other", kept);
  expect(countOf(stateDir)).toEqual({ full: 6000, other: 1 });
});

test("a full disk in the middle of a line: said, and the next line is readable", () => {
  const stateDir = temporaryFolder();
  const journal = openJournal(stateDir);
  journal.append(line("before", 1, "/k"));
  between.wrote = () => {};
  expect(() => journal.append(line("torn", 1, "/k"))).toThrow(/could not be written whole/);
  journal.append(line("after", 1, "/k"));
  journal.close();
  expect(countOf(stateDir)).toEqual({ before: 1, after: 1 });
});
