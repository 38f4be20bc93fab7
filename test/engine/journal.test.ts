/** Long because every way in which a journal can be cut, mixed up or written by others is tried on one set of entries. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/engine/errors.ts";
import { openJournal, readJournal } from "../../src/engine/journal.ts";
import { latestEntries, type MoveEntry } from "../../src/engine/journal-entry.ts";
import { history, runToUndo } from "../../src/engine/undo.ts";
import { temporaryFolder } from "./sandbox.ts";

type Line = Omit<MoveEntry, "v" | "at">;

const SEGMENT_BYTES = 1_048_576;

function line(run: string, n: number, phase: MoveEntry["phase"], to = `/nowhere/${run}/${n}`): Line {
  return {
    run,
    n,
    phase,
    checkId: "vitals/stale-lock",
    fixId: "stale-lock",
    findingId: "0123456789ab",
    from: `/state/agents/coder/sessions/${n}.jsonl.lock`,
    to,
    file: { dev: "1", ino: String(n), size: 150, mtimeNs: "1", sha256: "0".repeat(64) },
  };
}

function write(stateDir: string, ...lines: readonly Line[]): void {
  const journal = openJournal(stateDir);
  for (const one of lines) journal.append(one, { flush: false });
  journal.close();
}

const current = (stateDir: string): string => path.join(stateDir, "vitals", "journal.jsonl");

/** A file that is kept for an undo. */
function keptIn(stateDir: string): string {
  mkdirSync(path.join(stateDir, "vitals"));
  const kept = path.join(stateDir, "vitals", "kept");
  writeFileSync(kept, "");
  return kept;
}

function short(stateDir: string): string[] {
  return readJournal(stateDir).map(({ run, n, phase }) => `${run}/${n} ${phase}`);
}

function segmentsOf(stateDir: string): string[] {
  return readdirSync(path.join(stateDir, "vitals")).filter((name) => /^journal\..+\.jsonl$/.test(name));
}

/** Fills the current segment with repairs that have nothing left to undo, so that the next opening rotates. */
function fill(stateDir: string, run: string): void {
  const journal = openJournal(stateDir);
  for (let n = 1; statSync(current(stateDir)).size < SEGMENT_BYTES; n += 1)
    journal.append(line(run, n, "kept"), { flush: false });
  journal.close();
}

describe("reading", () => {
  test("no journal, no folder: nothing, and nothing is made", () => {
    const stateDir = temporaryFolder();
    expect(readJournal(stateDir)).toEqual([]);
    expect(history(stateDir)).toEqual([]);
    expect(runToUndo(stateDir)).toBe(null);
    expect(readdirSync(stateDir)).toEqual([]);
  });

  test("what was written is read, with version and time", () => {
    const stateDir = temporaryFolder();
    write(stateDir, line("a", 1, "intent"), line("a", 1, "moved"));
    expect(readJournal(stateDir)).toMatchObject([line("a", 1, "intent"), line("a", 1, "moved")]);
    for (const { v, at } of readJournal(stateDir)) expect([v, Number.isNaN(Date.parse(at))]).toEqual([1, false]);
    expect(latestEntries(readJournal(stateDir)).map(({ phase }) => phase)).toEqual(["moved"]);
  });

  test.each([
    ["text", "hello"],
    ["nothing", ""],
    ["null", "null"],
    ["a number", "7"],
    ["a list", "[]"],
    ["another version", JSON.stringify({ ...line("x", 1, "moved"), v: 2, at: "" })],
    [
      "another version after all",
      JSON.stringify({ v: 1, at: "", ...line("x", 1, "moved") }).replace('"v":1,', '"v":1,"v":2,'),
    ],
    ["no file", JSON.stringify({ v: 1, at: "", ...line("x", 1, "moved"), file: undefined })],
    ["no check", JSON.stringify({ v: 1, at: "", ...line("x", 1, "moved"), checkId: undefined })],
    ["a time that is no text", JSON.stringify({ v: 1, ...line("x", 1, "moved"), at: 7 })],
    ["a number that is none", JSON.stringify({ v: 1, at: "", ...line("x", 1, "moved") }).replace('"n":1', '"n":1e400')],
    ["bytes that are no text", "\u0000\ufffd"],
    ...Object.entries({
      run: ["../../x", "", "a\u001b[2J", "a b", 7],
      n: ["1", 1.5, null],
      phase: ["\u001b[2J", undefined],
      from: ["relative", "/state/link/../x", "/a\0b"],
      to: ["/state/vitals/../../x"],
      at: [7],
      checkId: [{}],
      findingId: [undefined],
    }).flatMap(([key, values]) =>
      values.map((value): [string, string] => {
        const entry = { v: 1, at: "2026-10-01T12:00:00.000Z", ...line("x", 1, "moved"), [key]: value };
        return [`${key} ${JSON.stringify(value)}`, JSON.stringify(entry)];
      }),
    ),
  ])("a foreign line is left out: %s", (_name, foreign) => {
    const stateDir = temporaryFolder();
    write(stateDir, line("a", 1, "moved"));
    appendFileSync(current(stateDir), `${foreign}\n`);
    write(stateDir, line("b", 1, "moved"));
    expect(short(stateDir)).toEqual(["a/1 moved", "b/1 moved"]);
  });

  test("cut at every byte: readable up to the cut, and the next line is fine", () => {
    const stateDir = temporaryFolder();
    write(stateDir, line("a", 1, "intent"), line("ü", 2, "moved"));
    const whole = readFileSync(current(stateDir));
    const ends = [...whole.entries()].flatMap(([at, byte]) => (byte === 0x0a ? [at] : []));
    for (let cut = 0; cut <= whole.length; cut += 1) {
      writeFileSync(current(stateDir), whole);
      truncateSync(current(stateDir), cut);
      // A line is whole with its last brace, its line break may be missing.
      const readable = ["a/1 intent", "ü/2 moved"].slice(0, ends.filter((end) => end <= cut).length);
      expect(short(stateDir), `cut at ${cut}`).toEqual(readable);
      write(stateDir, line("next", 1, "intent"));
      expect(short(stateDir), `appended after a cut at ${cut}`).toEqual([...readable, "next/1 intent"]);
    }
  });

  test.each([
    ["a link", (file: string) => symlinkSync("/etc/hosts", file)],
    ["a directory", (file: string) => mkdirSync(file)],
  ])("%s in its place: read as empty, opened as a clear error", (_name, make) => {
    const stateDir = temporaryFolder();
    mkdirSync(path.join(stateDir, "vitals"));
    make(current(stateDir));
    expect(readJournal(stateDir)).toEqual([]);
    expect(() => openJournal(stateDir)).toThrow(UserError);
  });
});

describe("history", () => {
  test("runs, newest first, by their first entry; repairs in the order they were begun", () => {
    const stateDir = temporaryFolder();
    mkdirSync(path.join(stateDir, "vitals"));
    const at = (time: string, entry: Line): string => `${JSON.stringify({ v: 1, at: time, ...entry })}\n`;
    writeFileSync(
      current(stateDir),
      at("2026-05-01T10:00:00.000Z", line("r1", 1, "intent")) +
        at("2026-05-01T10:00:01.000Z", line("r1", 2, "kept")) +
        at("2026-05-02T10:00:00.000Z", line("r2", 1, "moved")) +
        at("2026-05-03T10:00:00.000Z", line("r1", 1, "undone")),
    );
    expect(history(stateDir).map(({ run, at: begun, repairs }) => [run, begun, repairs.map(({ n }) => n)])).toEqual([
      ["r2", "2026-05-02T10:00:00.000Z", [1]],
      ["r1", "2026-05-01T10:00:00.000Z", [1, 2]],
    ]);
    expect(history(stateDir)[1]?.repairs.map(({ state }) => state)).toEqual(["undone", "kept"]);
  });

  test("runs made after the clock was set back are the newest all the same", () => {
    const stateDir = temporaryFolder();
    const kept = keptIn(stateDir);
    const from = path.join(stateDir, "agents", "coder", "sessions", "1.jsonl.lock");
    const at = (time: string, run: string): string =>
      `${JSON.stringify({ v: 1, at: time, ...line(run, 1, "moved", kept), from })}\n`;
    writeFileSync(current(stateDir), at("2036-01-01T00:00:00.000Z", "r1") + at("1969-12-31T00:00:00.000Z", "r2"));
    expect(history(stateDir).map(({ run }) => run)).toEqual(["r2", "r1"]);
    expect(runToUndo(stateDir)?.run).toBe("r2");
  });

  test("runToUndo: the last with a file still in the quarantine; a named one whatever its state", () => {
    const stateDir = temporaryFolder();
    const kept = keptIn(stateDir);
    write(stateDir, { ...line("r1", 1, "moved", kept), from: path.join(stateDir, "one.jsonl.lock") });
    write(stateDir, line("r2", 1, "moved"), line("r3", 1, "kept", kept), line("r4", 1, "undone", kept));
    expect(runToUndo(stateDir)?.run).toBe("r1");
    expect(runToUndo(stateDir, "r3")?.repairs).toMatchObject([{ canUndo: false }]);
    expect(() => runToUndo(stateDir, "r5")).toThrow(/There is no run r5/);
  });
});

describe("growth", () => {
  test("thousands of fix and undo cycles stay bounded", () => {
    const stateDir = temporaryFolder();
    const kept = path.join(stateDir, "kept");
    let largest = 0;
    for (let cycle = 0; cycle < 3000; cycle += 1) {
      const journal = openJournal(stateDir);
      const run = `run${cycle}`;
      for (const phase of ["intent", "moved", "undone"] as const)
        journal.append(line(run, 1, phase, kept), { flush: false });
      journal.close();
      if (cycle % 100 === 99) {
        const sizes = ["journal.jsonl", ...segmentsOf(stateDir)].map(
          (name) => statSync(path.join(stateDir, "vitals", name)).size,
        );
        largest = Math.max(
          largest,
          sizes.reduce((sum, size) => sum + size, 0),
        );
      }
    }
    // Written in all: some 3.5 MB. Kept: the current segment and the one before.
    expect(largest).toBeGreaterThan(SEGMENT_BYTES);
    expect(largest).toBeLessThan(2.5 * SEGMENT_BYTES);
    expect(short(stateDir).at(-1)).toBe("run2999/1 undone");
  }, 60_000);

  test("what can still be undone, or was interrupted, is never dropped", () => {
    const stateDir = temporaryFolder();
    const from = path.join(stateDir, "one.jsonl.lock");
    const undoable = { ...line("undoable", 1, "moved", keptIn(stateDir)), from };
    write(stateDir, undoable, line("open", 1, "intent"), line("done", 1, "undone"));
    for (const run of ["f1", "f2", "f3", "f4"]) fill(stateDir, run);
    write(stateDir, line("last", 1, "moved"));
    expect(runToUndo(stateDir)?.run).toBe("undoable");
    expect(history(stateDir).map(({ run }) => run)).toEqual(expect.arrayContaining(["undoable", "open", "f4", "last"]));
    // The control: segments in which nobody needs anything are dropped.
    expect(history(stateDir).some(({ run }) => run === "f2" || run === "f3")).toBe(false);
  });

  test("a writer that has a segment open loses nothing when others rotate", () => {
    const stateDir = temporaryFolder();
    const slow = openJournal(stateDir);
    slow.append(line("slow", 1, "intent"));
    fill(stateDir, "f1");
    write(stateDir, line("rotates", 1, "moved"));
    expect(segmentsOf(stateDir)).toHaveLength(1);
    slow.append(line("slow", 1, "moved"));
    expect(latestEntries(readJournal(stateDir)).find(({ run }) => run === "slow")?.phase).toBe("moved");
    slow.close();
  });

  test("nor when its segment was dropped before its first line", () => {
    const stateDir = temporaryFolder();
    const slow = openJournal(stateDir);
    for (const run of ["f1", "f2", "f3"]) fill(stateDir, run);
    expect(short(stateDir).some((entry) => entry.startsWith("f1/"))).toBe(false);
    slow.append(line("slow", 1, "intent"));
    slow.append(line("slow", 1, "moved"));
    slow.close();
    expect(short(stateDir).filter((entry) => entry.startsWith("slow/"))).toEqual(["slow/1 intent", "slow/1 moved"]);
  });

  test("nor before what it had written was on the disk", () => {
    const stateDir = temporaryFolder();
    const slow = openJournal(stateDir);
    slow.append(line("slow", 1, "kept"));
    for (const n of [2, 3]) slow.append(line("slow", n, "kept"), { flush: false });
    for (const run of ["f1", "f2", "f3"]) fill(stateDir, run);
    expect(short(stateDir).some((entry) => entry.startsWith("slow/"))).toBe(false);
    slow.flush();
    slow.flush();
    slow.close();
    expect(short(stateDir).filter((entry) => entry.startsWith("slow/"))).toEqual(["slow/2 kept", "slow/3 kept"]);
  });

  test("order is kept over more than nine segments", () => {
    const stateDir = temporaryFolder();
    const kept = path.join(stateDir, "kept");
    writeFileSync(kept, "");
    mkdirSync(path.join(stateDir, "vitals"));
    for (let n = 1; n <= 12; n += 1) {
      const entry = { v: 1, at: "2026-05-01T10:00:00.000Z", ...line("r", n, "moved", kept) };
      writeFileSync(path.join(stateDir, "vitals", `journal.${n}-00000000.jsonl`), `${JSON.stringify(entry)}\n`);
    }
    expect(readJournal(stateDir).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe.skipIf(process.platform === "win32")("privacy", () => {
  test("the folder is 0700, the journal 0600, whatever the umask", () => {
    const stateDir = temporaryFolder();
    const before = process.umask(0);
    try {
      write(stateDir, line("a", 1, "moved"));
    } finally {
      process.umask(before);
    }
    expect(statSync(path.join(stateDir, "vitals")).mode & 0o777).toBe(0o700);
    expect(statSync(current(stateDir)).mode & 0o777).toBe(0o600);
    fill(stateDir, "f1");
    write(stateDir, line("b", 1, "moved"));
    for (const name of segmentsOf(stateDir))
      expect(statSync(path.join(stateDir, "vitals", name)).mode & 0o777).toBe(0o600);
    expect(existsSync(current(stateDir))).toBe(true);
  });
});
