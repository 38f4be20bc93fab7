/**
 * Our process is killed before every change it makes to the disk, and in the middle of each write, while it changes a
 * config of two files or takes the change back. Afterwards each file is the old or the new one as a whole, the old
 * content is in it or in a copy that the journal names, and the next run finishes the job.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { latestEntries } from "../../src/engine/journal-entry.ts";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { makeSandbox, onLinux, temporaryFolder } from "../engine/sandbox.ts";
import type { Order } from "./agent.ts";
import { changesWrittenIn } from "./calls.ts";
import { run, type Scene } from "./scenes.ts";

const ENGINE = fileURLToPath(new URL("../../src/engine/", import.meta.url));
const MODULES = ["config-write.ts", "replace-file.ts", "host-lock.ts"];
/** Only when something else went wrong, or for another user's file: other tests see to that. */
const EXCEPTIONS = /fchownSync| rmSync\((?:draft|held), \{ force: true \}\);$/;

const OLD: Readonly<Record<string, string>> = {
  "openclaw.json":
    '{\n  $include: ["./old.json5", "./own.json5"],\n  agents: { defaults: { runRetries: { max: 9 }, model: "m" } }, // mine\n}\n',
  "old.json5": "{ agents: { defaults: { runRetries: { min: 4 } } } }\r\n",
};
const NEW: Readonly<Record<string, string>> = {
  "openclaw.json": OLD["openclaw.json"]?.replace("runRetries: { max: 9 }, ", "") ?? "",
  "old.json5": "{ agents: { defaults: {} } }\r\n",
};
const FILES = Object.keys(OLD);

interface Made extends Pick<Scene, "order" | "cache"> {
  readonly stateDir: string;
  readonly options: RepairOptions;
}

function scene(cache: string): Made {
  const { stateDir } = makeSandbox();
  for (const name of FILES) writeFileSync(path.join(stateDir, name), OLD[name] ?? "");
  writeFileSync(path.join(stateDir, "own.json5"), "{}");
  const options: RepairOptions = { hostVersion: "2026.9.6", only: ["retry-ceiling", "config-lock"] };
  return { stateDir, options, cache, order: { act: "repair", stateDir, options } };
}

const text = ({ stateDir }: Made, name: string): string => readFileSync(path.join(stateDir, name), "utf8");
const fix = async ({ stateDir, options }: Made) => await repair({ ...options, stateDir, env: {} });

async function repaired(cache: string): Promise<Made> {
  const made = scene(cache);
  expect((await fix(made)).repairs).toMatchObject([{ status: "repaired" }]);
  return { ...made, order: { ...made.order, act: "undo" } };
}

/** Each file is whole, and its old content is somewhere the journal knows. */
function expectIntact(made: Made, at: string): void {
  for (const name of FILES) {
    const now = text(made, name);
    expect([OLD[name], NEW[name]], `${at}: ${name} is not torn`).toContain(now);
    if (now === OLD[name]) continue;
    const file = path.join(made.stateDir, name);
    const kept = latestEntries(readJournal(made.stateDir)).filter(
      ({ from, phase }) => from === file && phase !== "undone",
    );
    expect(
      kept.map(({ to }) => readFileSync(to, "utf8")),
      `${at}: ${name} is kept`,
    ).toContain(OLD[name]);
  }
}

/** Nothing is left beside the files, and nothing is left open. */
function expectTidy({ stateDir }: Made, at: string): void {
  const names = readdirSync(stateDir).sort();
  expect(names, at).toEqual(["agents", ...FILES, "own.json5", "vitals"].sort());
  for (const { repairs } of history(stateDir)) for (const { state } of repairs) expect(state, at).not.toBe("intent");
}

/** Takes back every change of the config, the last one first; the locks of the dead stay where they are. */
function undoAll({ stateDir }: Made, at: string): void {
  for (const past of history(stateDir)) {
    const changes = past.repairs.filter(({ kind, canUndo }) => kind === "config" && canUndo).map(({ n }) => n);
    if (changes.length === 0) continue;
    // Of an undo that was killed one file may be back already.
    for (const { status, reason } of undoRun(stateDir, past.run, changes))
      expect([status, reason].join(" "), at).toMatch(/^restored|there is nothing to undo/);
  }
}

function expectAll(made: Made, wanted: Readonly<Record<string, string>>, at: string): void {
  for (const name of FILES) expect(text(made, name), `${at}: ${name}`).toBe(wanted[name]);
}

/** What the next run comes to, and an undo after it. */
async function expectFinished(made: Made, at: string): Promise<void> {
  if (made.order.act === "undo") {
    undoAll(made, at);
    expectAll(made, OLD, `${at}, asked again`);
    expectTidy(made, at);
  }
  expect((await fix(made)).ok, at).toBe(true);
  expectAll(made, NEW, `${at}, then repaired`);
  expectTidy(made, at);
  undoAll(made, at);
  expectAll(made, OLD, `${at}, then undone`);
  expectTidy(made, at);
}

async function killEverywhere(set: () => Promise<Made>, seen: Set<string>, of = /./): Promise<void> {
  const { steps } = await run(await set());
  expect(steps.length).toBeGreaterThan(10);
  for (const step of steps) seen.add(step);
  const kills = steps.flatMap((step, at): NonNullable<Order["kill"]>[] =>
    !of.test(step) ? [] : step.endsWith(" writeSync") ? [{ at }, { at, torn: true }] : [{ at }],
  );
  for (const kill of kills) {
    const at = `killed ${kill.torn ? "within" : "before"} ${steps[Number(kill.at)]}`;
    const made = await set();
    expect((await run(made, kill)).steps, at).toEqual(steps.slice(0, Number(kill.at) + 1));
    expectIntact(made, at);
    await expectFinished(made, at);
    rmSync(made.stateDir, { recursive: true });
  }
}

describe.runIf(onLinux)("killed at every change of a config", () => {
  const seen = new Set<string>();

  test("repair of two files", async () => {
    const cache = temporaryFolder();
    await killEverywhere(async () => scene(cache), seen);
  });

  test("undo of two files", async () => {
    const cache = temporaryFolder();
    await killEverywhere(async () => await repaired(cache), seen);
  });

  test("repair that is rolled back, as somebody changes a file meanwhile", async () => {
    const cache = temporaryFolder();
    const rolledBack = async (): Promise<Made> => {
      const made = scene(cache);
      const replaced = { path: path.join(made.stateDir, "own.json5"), content: "{ logging: {} }" };
      return { ...made, order: { ...made.order, make: { replaced } } };
    };
    const made = await rolledBack();
    await run(made);
    expectAll(made, OLD, "not killed");
    await killEverywhere(rolledBack, seen);
  });

  test.each(["repair", "undo"] as const)(
    "%s after one that was killed with a draft and a lock in place",
    async (act) => {
      const cache = temporaryFolder();
      const before = async () => (act === "repair" ? scene(cache) : await repaired(cache));
      const hook = act === "repair" ? "replace" : "look again";
      await killEverywhere(
        async () => {
          const made = await before();
          await run(made, { at: hook });
          return made;
        },
        seen,
        /^(?:config-write|host-lock|settle)\b/,
      );
    },
  );

  test("a run finds the draft of a lock that was killed", async () => {
    const made = scene(temporaryFolder());
    const { steps } = await run(scene(made.cache));
    await run(made, { at: steps.findIndex((step) => /host-lock.*linkSync/.test(step)) });
    expect(readdirSync(made.stateDir).some((name) => name.includes(".lock.vitals-"))).toBe(true);
    const { steps: again } = await run(made);
    for (const step of again) seen.add(step);
    expectAll(made, NEW, "the next run");
    expectTidy(made, "the next run");
  });

  test("no change is left out that is written in the code", () => {
    const written = MODULES.flatMap((name) => {
      const source = readFileSync(path.join(ENGINE, name), "utf8");
      const lines = source.split("\n");
      return changesWrittenIn(name, source).filter((step) => {
        const line = lines[Number(/:(\d+) /.exec(step)?.[1]) - 1] ?? "";
        return !EXCEPTIONS.test(line);
      });
    });
    expect(written.length).toBeGreaterThan(8);
    expect(written.filter((step) => !seen.has(step))).toEqual([]);
  });
});
