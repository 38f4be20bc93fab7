/**
 * Our process is killed before every step of the removal of a database row, and of its undo. Afterwards the row exists
 * exactly once, in the database or in a journaled backup, the database is sound, and the next run finishes the job.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { latestEntries } from "../../src/engine/journal-entry.ts";
import { repair } from "../../src/engine/repair.ts";
import { history, runToUndo, undoRun } from "../../src/engine/undo.ts";
import { type LeaseHost, makeLeaseHost } from "../engine/lease-host.ts";
import { onLinux, temporaryFolder } from "../engine/sandbox.ts";
import type { Order } from "./agent.ts";

const AGENT = fileURLToPath(new URL("./agent.ts", import.meta.url));
const ENGINE = fileURLToPath(new URL("../../src/engine/", import.meta.url));

interface Scene {
  readonly host: LeaseHost;
  readonly act: Order["act"];
  /** All rows before anything was done. */
  readonly before: ReturnType<LeaseHost["rows"]>;
}

async function scene(act: Order["act"]): Promise<Scene> {
  const host = await makeLeaseHost();
  await host.plant();
  const before = host.rows();
  if (act === "undo") expect((await repair(host.options)).repairs).toMatchObject([{ status: "repaired" }]);
  return { host, act, before };
}

/** Runs the agent to its end, or until it kills itself before step `killAt`. @returns the steps it came to. */
async function run({ host, act }: Scene, killAt?: number): Promise<string[]> {
  const steps = path.join(temporaryFolder(), "steps");
  const { stateDir, options } = host;
  const kill = killAt === undefined ? {} : { kill: { at: killAt } };
  const order: Order = { act, stateDir, options, steps, by: "hook", ...kill };
  const child = spawn(process.execPath, ["--no-warnings", AGENT], {
    env: { ...process.env, VITALS_ORDER: JSON.stringify(order) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect(killAt === undefined ? code : signal).toBe(killAt === undefined ? 0 : "SIGKILL");
  return readFileSync(steps, "utf8").trimEnd().split("\n");
}

const isOurs = (row: Record<string, unknown>): boolean => row["agent_id"] === "coder";

/** The row is in the database, or the journal names a backup that holds it; every other row is as it was. */
function expectIntact({ host, before }: Scene, at: string): void {
  const others = (rows: typeof before) => rows.filter((row) => !isOurs(row));
  const rows = host.rows();
  expect(host.isSound(), `${at}: the database is sound`).toBe(true);
  expect(others(rows), `${at}: the other rows`).toEqual(others(before));
  const inPlace = rows.filter(isOurs);
  if (inPlace.length > 0) expect(inPlace, at).toEqual(before.filter(isOurs));
  else {
    const named = latestEntries(readJournal(host.stateDir)).filter(({ to }) => existsSync(to));
    expect(named, `${at}: the journal names the backup`).toHaveLength(1);
    expect(host.rows(named[0]?.to), `${at}: the backup holds the row`).toEqual(before);
  }
  const journal = path.join(host.stateDir, "vitals", "journal.jsonl");
  if (!existsSync(journal)) return;
  const lines = readFileSync(journal, "utf8").split("\n").filter(Boolean);
  expect(readJournal(host.stateDir), `${at}: every line reads`).toHaveLength(lines.length);
}

function expectSettled({ host }: Scene, at: string): void {
  for (const { repairs } of history(host.stateDir))
    for (const { state, canUndo } of repairs) {
      expect(state, at).not.toBe("intent");
      expect(canUndo, `${at}: the history is right`).toBe(state === "done");
    }
}

describe.runIf(onLinux)("killed at every step", () => {
  const seen = new Set<string>();

  test.each(["repair", "undo"] as const)(
    "%s",
    async (act) => {
      const steps = await run(await scene(act));
      expect(steps.length).toBeGreaterThan(5);
      for (const step of steps) seen.add(step);
      for (const [index, step] of steps.entries()) {
        const at = `killed before "${step}"`;
        const made = await scene(act);
        const { host, before } = made;
        expect(await run(made, index), at).toEqual(steps.slice(0, index + 1));
        expectIntact(made, at);
        if (act === "undo") {
          const past = runToUndo(host.stateDir);
          if (past !== null)
            for (const { status } of undoRun(host.stateDir, past.run)) expect(status, at).toBe("restored");
          expect(host.rows(), `${at}: the row is back`).toEqual(before);
          expectSettled(made, at);
          // Killed after the journal's last word, what is left over goes with the next run.
          if (past !== null) expect(host.backups(), `${at}: nothing is left over`).toEqual([]);
        }
        const { ok } = await repair(host.options);
        expect(ok, `${at}: the next run finishes`).toBe(true);
        expectIntact(made, at);
        expectSettled(made, at);
        expect(host.backups(), `${at}: one backup, no more`).toHaveLength(1);
        expect(undoRun(host.stateDir, runToUndo(host.stateDir)?.run ?? "")).toMatchObject([{ status: "restored" }]);
        expect(host.rows(), at).toEqual(before);
        expect(host.backups(), at).toEqual([]);
        rmSync(host.stateDir, { recursive: true });
      }
    },
    300_000,
  );

  test("the next fix finishes an undo that was killed, and does no more without a yes", async () => {
    for (const [step, state] of [
      ["insert row", "done"],
      ["commit", "done"],
      ["row inserted", "undone"],
      ["journal undone", "undone"],
    ] as const) {
      const made = await scene("undo");
      const steps = await run(await scene("undo"));
      await run(made, steps.indexOf(step));
      await repair({ ...made.host.options, yes: false });
      expectIntact(made, step);
      expectSettled(made, step);
      expect(history(made.host.stateDir)[0]?.repairs[0]?.state, step).toBe(state);
    }
  }, 300_000);

  test("no step is left out", () => {
    const named = ["changes.ts", "row-removal.ts", "row-change.ts", "undo.ts"].flatMap((name) =>
      [...readFileSync(path.join(ENGINE, name), "utf8").matchAll(/onStep\("([^"]+)"\)/g)].map(
        (match) => match[1] ?? "",
      ),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((step) => !seen.has(step))).toEqual([]);
  });
});
