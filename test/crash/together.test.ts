/**
 * Several locks are removed at once, and our process is killed before every change it makes to the disk and within each
 * line of the journal. Afterwards each lock exists exactly once, the next run finishes the job, and undo brings all back.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { identityOf, onLinux, quarantined } from "../engine/sandbox.ts";
import type { Order } from "./agent.ts";
import { type Cast, castOf, repairAnew, run, scenarios } from "./scenes.ts";

const SESSIONS = ["a", "b"];

/** A removal as the other tests know it, with more dead locks beside and in another folder. */
async function scene(cast: Cast) {
  const made = await scenarios[0]?.set(cast);
  if (made === undefined) throw new Error("there is no scenario");
  const { sandbox, file } = made;
  const more = SESSIONS.map((session) => sandbox.plant({ session, payload: cast.dead }));
  const other = sandbox.plant({ session: "c", agent: "other", payload: cast.dead, transcript: false });
  return { made, files: [file, ...more, other] };
}

/** The inodes of all locks of dead owners, in their places or kept. */
function inodes(files: readonly string[], stateDir: string): number[] {
  const kept = quarantined(stateDir).filter((file) => lstatSync(file).isFile());
  return [...files.filter((file) => existsSync(file)), ...kept].map((file) => lstatSync(file).ino).sort();
}

test.runIf(onLinux)(
  "killed at every change while several are removed",
  async () => {
    const cast = await castOf();
    const { steps } = await run((await scene(cast)).made);
    const written = steps.flatMap((step, at) => (step.endsWith(" writeSync") ? [at] : []));
    const firstMove = steps.findIndex((step) => step.endsWith(" renameSync"));
    expect(written.filter((at) => at < firstMove).length, "they are journaled together").toBe(4);
    const kills: NonNullable<Order["kill"]>[] = [
      ...steps.map((_, at) => ({ at })),
      ...written.map((at) => ({ at, torn: true })),
    ];
    for (const kill of kills) {
      const at = `killed ${kill.torn ? "within" : "before"} ${kill.at}, ${steps[Number(kill.at)]}`;
      const { made, files } = await scene(cast);
      const { stateDir } = made.sandbox;
      const before = files.map(identityOf);
      const known = inodes(files, stateDir);
      await run(made, kill);
      expect(inodes(files, stateDir), at).toEqual(known);
      expect(identityOf(made.live), at).toEqual(made.liveBefore);
      const intents = readJournal(stateDir).filter(({ phase }) => phase === "intent");
      for (const file of files.filter((one) => !existsSync(one)))
        expect(
          intents.some(({ from }) => from === file),
          `${at}: ${file} was journaled first`,
        ).toBe(true);

      await repairAnew(made);
      expect(
        files.map((file) => existsSync(file)),
        at,
      ).toEqual(files.map(() => false));
      expect(inodes(files, stateDir), at).toEqual(known);
      for (const past of history(stateDir)) {
        expect(
          past.repairs.map(({ state }) => state),
          at,
        ).not.toContain("intent");
        undoRun(stateDir, past.run);
      }
      expect(files.map(identityOf), at).toEqual(before);
      expect(quarantined(stateDir), at).toEqual([]);
      const lines = readFileSync(path.join(stateDir, "vitals", "journal.jsonl"), "utf8")
        .split("\n")
        .filter(Boolean);
      expect(lines.length - readJournal(stateDir).length, at).toBeLessThanOrEqual(kill.torn ? 1 : 0);
      expect(readdirSync(path.dirname(made.file)).filter((name) => name.startsWith("."))).toEqual([]);
      rmSync(stateDir, { recursive: true });
    }
  },
  300_000,
);
