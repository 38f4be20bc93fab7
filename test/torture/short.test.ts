/** A short form of `npm run torture`, through its own command, and proof that each of its watchdogs bites. */
import os from "node:os";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { onLinux } from "../engine/sandbox.ts";
import { PROJECT } from "../hosts/harness/hosts.ts";
import { exec } from "../hosts/harness/processes.ts";
import { casesOf, READERS, readerNamed } from "./cases.ts";
import { fuzz } from "./fuzz.ts";
import { MAX_RATIO, scale } from "./scaling.ts";

const RUN = fileURLToPath(new URL("./run.ts", import.meta.url));

interface Part {
  readonly rows: readonly Record<string, number>[];
  readonly problems: readonly string[];
}

/** Runs one part of it. @returns its rows; a problem of it is a failure here. */
async function torture(part: string, ...args: readonly string[]): Promise<Part["rows"]> {
  const command = ["--no-warnings", RUN, "--json", "--only", part, ...args];
  const done = await exec(process.execPath, command, { env: process.env, cwd: PROJECT, timeoutMs: 280_000 });
  const document = JSON.parse(done.stdout || "{}") as Record<string, Part>;
  expect(document[part]?.problems, done.stderr).toEqual([]);
  expect(done.code, done.stderr).toBe(0);
  return document[part]?.rows ?? [];
}

test("fuzzed locks, configs, logs, rings, journals and cron stores", async () => {
  const rows = await torture("fuzz", "--cases", "20000", "--seed", "1");
  expect(rows.at(-1)).toMatchObject({ cases: 20_000 });
  expect(rows).toHaveLength(READERS.length + 1);
  for (const { read = 0 } of rows) expect(read, "some of them are valid").toBeGreaterThan(0);
});

test("ten times the bytes cost no hundred times the time", async () => {
  const rows = await torture("scaling", "--bytes", "16000");
  expect(rows).toHaveLength(READERS.length);
});

test("more than fits on a stack", async () => {
  expect((await torture("many")).map(({ count }) => count)).toEqual([140_000, 140_000, 140_000]);
});

test("a journal cut at some of its bytes", async () => {
  const rows = await torture("cut", "--step", "61");
  for (const row of rows) expect(row["taken back"]).toBeGreaterThan(0);
  expect(rows).toHaveLength(4);
});

test.runIf(onLinux)("clocks that jump", async () => {
  const rows = await torture("clock");
  for (const { liveKept, deadRemoved, undone } of rows) expect([liveKept, undone]).toEqual([10, deadRemoved]);
  expect(rows.length).toBeGreaterThan(5);
});

test.runIf(onLinux)("two fix loops, a gateway with real turns and watch at once", async () => {
  const [row] = await torture("contention", "--minutes", "0.5", "--hosts", "2026.5.22");
  expect(row?.["turns"]).toBeGreaterThan(0);
  expect(row?.["turnsSucceeded"]).toBe(row?.["turns"]);
  expect(row?.["planted"]).toBeGreaterThan(10);
});

test("a case is had again by its number alone", () => {
  for (const reader of READERS) {
    const [all, one] = [casesOf(reader, 7), casesOf(reader, 7)];
    const bytes = Array.from({ length: 3000 }, (_, number) => all(number).bytes);
    for (const number of [2999, 0, 2050]) expect(one(number).bytes).toEqual(bytes[number]);
    expect(new Set(bytes.map((some) => some.toString("base64"))).size).toBeGreaterThan(1000);
  }
});

test.each([
  ["throws", /SyntaxError/],
  ["reads wrong", /something else/],
  ["never ends", /no end after 2 s/],
  ["keeps all", /the heap grew|memory/],
])("a reader that %s is found out", async (name, said) => {
  const only = { reader: `control: ${name}` };
  const [told] = await fuzz({ cases: 20_000, seed: 1, only, hangMs: 2_000 });
  expect(told?.problems[0]).toMatch(said);
  const number = /--case (\d+)/.exec(told?.problems[0] ?? "")?.[1];
  if (name === "keeps all") return;
  const [again] = await fuzz({ cases: 1, seed: 1, only: { ...only, number: Number(number) }, hangMs: 2_000 });
  expect(again?.problems, "its number is enough").toHaveLength(1);
});

test("a reader whose time grows with the square is found out", async () => {
  const scaled = await scale(readerNamed("control: looks at each byte for each"), os.tmpdir(), 2_500);
  expect(scaled.every(({ ratio }) => ratio > MAX_RATIO)).toBe(true);
});
