/**
 * A journal that ends at any of its bytes. Three ways lead there: the process dies within a line, the disk is full
 * within a line and the process lives, or what was written later never reached the disk although it was written.
 */
import { strict as assert } from "node:assert";
import { existsSync, readFileSync, rmSync, truncateSync, writeSync } from "node:fs";
import os from "node:os";
import { readJournal } from "../../src/engine/journal.ts";
import { repair } from "../../src/engine/repair.ts";
import { history } from "../../src/engine/undo.ts";
import { parseRecord } from "../../src/facts/json-record.ts";
import { type Call, watchChanges } from "../crash/calls.ts";
import { exec } from "../hosts/harness/processes.ts";
import { BIN } from "../hosts/harness/vitals.ts";
import { assertAsBefore, assertBack, assertContinues, assertKept, diskScene, undoAll } from "./disk-scene.ts";

export type CutWay = "process dies" | "disk is full" | "tail is lost" | "tail is lost, real command";

export interface Cut {
  readonly way: CutWay;
  readonly cuts: number;
  readonly lines: number;
  readonly undone: number;
  readonly problems: readonly string[];
}

export interface CutOptions {
  /** Every so many bytes; 1 is each. Of a full disk, and of the real command, ever so many times that. */
  readonly step: number;
  readonly say: (text: string) => void;
}

const PARENT = existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
const FULL_STEP = 8;
const COMMAND_STEP = 256;
const MAX_PROBLEMS = 10;

/** What happens to the journal's writes; null: nothing. `dead`: all other changes fail as well. */
let fault: { line: number; readonly at: number; readonly bytes: number; readonly dies: boolean; hit: boolean } | null =
  null;
let watched = false;

/** A writer of the journal gets so far; from then on nothing reaches the disk. */
function onChange({ step, name, args }: Call): { readonly result: unknown } | undefined {
  if (fault === null) return undefined;
  const isLine = name === "writeSync" && step.startsWith("journal.ts");
  if (fault.hit) {
    if (fault.dies || isLine) throw Object.assign(new Error("ENOSPC: the test's"), { code: "ENOSPC" });
    return undefined;
  }
  if (!isLine) return undefined;
  const { line, at, bytes } = fault;
  fault.line += 1;
  if (line !== at) return undefined;
  fault.hit = true;
  const [fd, text] = args as [number, string];
  const written = bytes === 0 ? 0 : writeSync(fd, Buffer.from(text), 0, bytes);
  if (fault.dies || bytes === 0) throw Object.assign(new Error("ENOSPC: the test's"), { code: "ENOSPC" });
  return { result: written };
}

/** Lines of the journal of a whole run, which all runs of the scene have. */
async function linesOfRun(): Promise<string[]> {
  const scene = diskScene(PARENT);
  const done = await repair(scene.options);
  assert.ok(done.ok && done.repairs.length === 3, JSON.stringify(done.repairs));
  const lines = readFileSync(scene.journal, "utf8").split("\n").filter(Boolean);
  scene.dispose();
  return lines;
}

/** Cuts it everywhere, in all ways. */
export async function cutJournals({ step, say }: CutOptions): Promise<Cut[]> {
  if (!watched) watchChanges(onChange);
  watched = true;
  const lines = await linesOfRun();
  const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0);
  say(`a journal of ${lines.length} lines, ${bytes} bytes`);
  const within = (every: number): { at: number; bytes: number }[] =>
    lines.flatMap((line, at) => steps(line.length + 1, every).map((some) => ({ at, bytes: some })));
  const results: Cut[] = [];
  const add = async <T>(way: CutWay, cuts: readonly T[], one: (cut: T) => Promise<number>): Promise<void> => {
    say(`${way}: ${cuts.length} cuts`);
    const problems: string[] = [];
    let undone = 0;
    for (const cut of cuts) {
      if (problems.length >= MAX_PROBLEMS) break;
      try {
        undone += await one(cut);
      } catch (error) {
        problems.push(`${way}, ${JSON.stringify(cut)}: ${error instanceof Error ? error.stack : error}`);
      } finally {
        fault = null;
      }
    }
    results.push({ way, cuts: cuts.length, lines: lines.length, undone, problems });
  };
  await add("process dies", within(step), async (cut) => await fails({ ...cut, dies: true }));
  await add("disk is full", within(step * FULL_STEP), async (cut) => await fails({ ...cut, dies: false }));
  await add("tail is lost", steps(bytes, step), async (at) => await loses(at));
  await add("tail is lost, real command", steps(bytes, step * COMMAND_STEP), async (at) => await losesForReal(at));
  return results;
}

/** 0, then every so many, and the last two, which are where a line is whole but for its end. */
function steps(length: number, every: number): number[] {
  const some = Array.from({ length: Math.ceil(length / every) }, (_, n) => n * every);
  return [...new Set([...some, length - 2, length - 1])].filter((at) => at >= 0);
}

/** The run comes to this byte of its journal; the next one goes on. @returns how much was taken back in the end. */
async function fails(cut: { readonly at: number; readonly bytes: number; readonly dies: boolean }): Promise<number> {
  const scene = diskScene(PARENT);
  try {
    fault = { line: 0, hit: false, ...cut };
    const came = await repair(scene.options).then(
      ({ repairs }) => repairs.map(({ status }) => status),
      (error: unknown) => [String(error)],
    );
    assert.ok(fault.hit, `the run wrote that line: ${came}`);
    fault = null;
    // It names this very process, which lives on; how it goes when that died is told in test/crash/config.test.ts.
    rmSync(`${scene.config}.lock`, { force: true });
    assertKept(scene);
    history(scene.stateDir);
    await assertContinues(scene);
    const undone = undoAll(scene);
    assertAsBefore(scene);
    return undone;
  } finally {
    scene.dispose();
  }
}

/** How many lines are whole that far: one without its end is. */
function wholeLines(text: string): number {
  return text.split("\n").filter((line) => parseRecord(line) !== null).length;
}

/** What the journal does not know any more stays in the quarantine; of the rest nothing is different. */
async function loses(at: number): Promise<number> {
  const scene = diskScene(PARENT);
  try {
    assert.ok((await repair(scene.options)).ok);
    truncateSync(scene.journal, at);
    const left = readFileSync(scene.journal, "utf8");
    const read = readJournal(scene.stateDir);
    assert.equal(read.length, wholeLines(left), "readable up to the cut");
    assertKept(scene);
    const known = new Set(read.map(({ from }) => from));
    assert.ok((await repair(scene.options)).ok);
    assertKept(scene);
    const undone = undoAll(scene);
    assert.equal(undone, known.size, "what the journal knows comes back");
    assertBack(scene, known);
    assertKept(scene);
    await assertContinues(scene);
    return undone;
  } finally {
    scene.dispose();
  }
}

async function losesForReal(at: number): Promise<number> {
  const scene = diskScene(PARENT);
  const run = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const options = ["--json", "--state-dir", scene.stateDir];
    const env = { PATH: process.env["PATH"], HOME: scene.stateDir, ...scene.options.env };
    const done = await exec(process.execPath, [BIN, ...args, ...options], { env, timeoutMs: 120_000 });
    assert.equal(done.code, 0, `${args[0]}: ${done.stdout}${done.stderr}`);
    return JSON.parse(done.stdout) as Record<string, unknown>;
  };
  const checks = (scene.options.only ?? []).flatMap((id) => ["--only", id]);
  const fix = async () => await run("fix", "--non-interactive", "--host-version", "2026.5.22", ...checks);
  try {
    await fix();
    truncateSync(scene.journal, at);
    const known = new Set(readJournal(scene.stateDir).map(({ from }) => from));
    await fix();
    const { runs } = (await run("history")) as { runs: { run: string; repairs: { canUndo: boolean }[] }[] };
    let undone = 0;
    for (const { run: past, repairs } of runs)
      if (repairs.some(({ canUndo }) => canUndo)) undone += ((await run("undo", past))["undone"] as unknown[]).length;
    assert.equal(undone, known.size);
    assertBack(scene, known);
    assertKept(scene);
    await fix();
    return undone;
  } finally {
    scene.dispose();
  }
}
