/**
 * Our process is killed before every change it makes to the disk, after the last one, and in the middle of each line
 * of the journal. Nothing changes between two changes, so this is before and after each. Afterwards each lock exists
 * exactly once, the journal reads, a live lock is intact, and the next run finishes the job.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { identityOf, onLinux, quarantined } from "../engine/sandbox.ts";
import type { Order } from "./agent.ts";
import { changesWrittenIn } from "./calls.ts";
import { castOf, NEWER, NEWEST, repairAnew, run, type Scenario, type Scene, scenarios } from "./scenes.ts";

const ENGINE = fileURLToPath(new URL("../../src/engine/", import.meta.url));
/** The modules that change something for a removal or an undo. */
const MODULES = ["quarantine.ts", "put-back.ts", "settle.ts", "journal.ts", "undo.ts"];

/** Every name under which a lock is somewhere, in its place or kept, but for the one that lives all the time. */
function namesOf({ sandbox, file, live }: Scene): string[] {
  const folder = path.dirname(file);
  const beside = readdirSync(folder).map((name) => path.join(folder, name));
  return [...quarantined(sandbox.stateDir), ...beside].filter(
    (name) => name !== live && lstatSync(name).isFile() && !name.endsWith(".jsonl"),
  );
}

/** What the locks there must be, after so many processes took the place of the dead owner's. */
function contentsOf({ order, before, kept }: Scene, takers: number): string[] {
  const original = Buffer.from(before.content, "base64").toString();
  const ours = order.act === "undo" || takers === 0 ? [original] : [NEWER, NEWEST].slice(0, takers);
  return [...ours, ...(kept === undefined ? [] : [kept])].sort();
}

interface Look {
  /** Where it was killed, for the reader of a failure. */
  readonly at: string;
  readonly takers: readonly string[];
  readonly torn: number;
  readonly copies: boolean;
}

function expectIntact(made: Scene, { at, takers, torn, copies }: Look): void {
  expect(identityOf(made.live), `${at}: the live lock`).toEqual(made.liveBefore);
  expect(lstatSync(made.live).nlink).toBe(1);
  const locks = new Map(namesOf(made).map((name) => [lstatSync(name).ino, readFileSync(name, "utf8")]));
  const contents = copies ? [...new Set(locks.values())] : [...locks.values()];
  expect(contents.sort(), `${at}: each lock exists exactly once`).toEqual(contentsOf(made, takers.length));
  if (made.kept !== undefined) {
    const undoable = history(made.sandbox.stateDir).flatMap(({ repairs }) => repairs.filter((one) => one.canUndo));
    const texts = undoable.map((one) => readFileSync(one.keptAt, "utf8"));
    expect(texts, `${at}: the other repair can be undone`).toContain(made.kept);
  }
  const vitals = path.join(made.sandbox.stateDir, "vitals");
  const segments = existsSync(vitals) ? readdirSync(vitals).filter((name) => name.endsWith(".jsonl")) : [];
  const lines = segments.flatMap((name) => readFileSync(path.join(vitals, name), "utf8").split("\n").filter(Boolean));
  const unread = lines.length - readJournal(made.sandbox.stateDir).length;
  expect(unread, `${at}: every line reads that was written whole`).toBeLessThanOrEqual(torn);
}

/** Nothing is left open, each lock has one name. @returns that of the lock with this content. */
function settledAt(made: Scene, look: Look, content: string): string {
  expectIntact(made, look);
  const names = namesOf(made);
  if (!look.copies) for (const name of names) expect(lstatSync(name).nlink, look.at).toBe(1);
  for (const { repairs } of history(made.sandbox.stateDir))
    for (const { state, canUndo } of repairs) {
      expect(state, look.at).not.toBe("intent");
      if (state === "moved") expect(canUndo, `${look.at}: the history is right`).toBe(true);
    }
  return names.find((name) => readFileSync(name, "utf8") === content) ?? "nowhere";
}

/** The run that can bring back what stood in the dead lock's place. */
function undo(made: Scene): void {
  const { stateDir } = made.sandbox;
  const past = history(stateDir).find(({ repairs }) => repairs.some((one) => one.canUndo && one.path === made.file));
  expect(undoRun(stateDir, past?.run ?? "")).toMatchObject([{ status: "restored" }]);
}

/** The next process finishes the job. */
async function expectFinished(made: Scene, look: Look): Promise<void> {
  const { at, takers } = look;
  const { stateDir } = made.sandbox;
  const original = Buffer.from(made.before.content, "base64").toString();
  if (made.order.act === "undo") {
    const past = history(stateDir)[0];
    for (const { status } of undoRun(stateDir, past?.run ?? "")) expect(status, at).toBe("restored");
    expect(settledAt(made, look, original), at).toBe(made.file);
    expect(identityOf(made.file), at).toEqual(made.before);
    return;
  }
  await repairAnew(made);
  if (takers.length === 0) {
    expect(settledAt(made, look, original), at).not.toBe(made.file);
    expect(existsSync(made.file), at).toBe(false);
    undo(made);
    expect(identityOf(made.file), at).toEqual(made.before);
    return;
  }
  const here = takers.length === 1 ? NEWER : NEWEST;
  settledAt(made, look, here);
  expect(readFileSync(made.file, "utf8"), `${at}: the live lock is in its place`).toBe(here);
  if (!look.copies) expect(String(lstatSync(made.file).ino), at).toBe(takers.at(-1));
  if (takers.length === 1) return;
  rmSync(made.file); // released: now the other can be put back
  undo(made);
  expect(readFileSync(made.file, "utf8"), at).toBe(NEWER);
}

async function killEverywhere({ set, copies = false }: Scenario, seen: Set<string>): Promise<void> {
  const cast = await castOf();
  const { steps } = await run(await set(cast));
  expect(steps.length).toBeGreaterThan(3);
  for (const step of steps) seen.add(step);
  const kills = steps.flatMap((step, at): NonNullable<Order["kill"]>[] =>
    step.endsWith(" writeSync") ? [{ at }, { at, torn: true }] : [{ at }],
  );
  for (const kill of [...kills, undefined]) {
    const last = kill === undefined ? steps.length : Number(kill.at) + 1;
    const at = kill === undefined ? "after the end" : `killed ${kill.torn ? "within" : "before"} ${steps[last - 1]}`;
    const made = await set(cast);
    const came = await run(made, kill);
    expect(came.steps, at).toEqual(steps.slice(0, last));
    const look = { at, takers: [...made.made, ...came.made], torn: made.torn + (kill?.torn ? 1 : 0), copies };
    expectIntact(made, look);
    await expectFinished(made, look);
    rmSync(made.sandbox.stateDir, { recursive: true });
  }
}

describe.runIf(onLinux)("killed at every change", () => {
  const seen = new Set<string>();

  for (const scenario of scenarios) test(scenario.name, async () => await killEverywhere(scenario, seen), 300_000);

  test("no change is left out that is written in the code", () => {
    const written = MODULES.flatMap((name) => changesWrittenIn(name, readFileSync(path.join(ENGINE, name), "utf8")));
    expect(written.length).toBeGreaterThan(10);
    expect(written.filter((step) => !seen.has(step))).toEqual([]);
  });
});
