import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { fc } from "@fast-check/vitest";
import { expect } from "vitest";
import type { LockCase } from "../../src/engine/lock-case.ts";
import { judgeLock } from "../../src/engine/verdict.ts";
import { mustNotBeOffered, mustStay, provablyDead, seen, truths } from "./imagined-lock.ts";
import { play, stories } from "./rivals.ts";
import { temporaryFolder } from "./sandbox.ts";

/** What of a judgement decides over a removal. */
export type Judge = (lock: LockCase) => { readonly verdict: string; readonly solid: boolean };

/** Judges what can be seen of so many imagined locks and holds it against the truth. */
export function expectTruths(numRuns: number, judge: Judge = judgeLock): void {
  fc.assert(
    fc.property(truths, (truth) => {
      const { verdict, solid } = judge(seen(truth));
      const unasked = verdict === "gone" && solid;
      const stays = mustStay(truth);
      if (stays !== null && unasked) expect.fail(`removed without asking, but ${stays}`);
      const held = mustNotBeOffered(truth);
      if (held !== null && (verdict === "gone" || verdict === "leaked"))
        expect.fail(`offered for removal, but ${held}`);
      if (provablyDead(truth) && !unasked) expect.fail(`left as ${verdict}, but it is dead`);
    }),
    { numRuns },
  );
}

/** Plays so many stories; each has a folder of its own, where files are synced at once if there is such a place. */
export async function expectStories(numRuns: number): Promise<void> {
  const root = existsSync("/dev/shm") ? temporaryFolder("/dev/shm") : temporaryFolder();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(stories, async (story) => {
      const stateDir = path.join(root, String(++count));
      await play(stateDir, story);
      rmSync(stateDir, { recursive: true });
    }),
    { numRuns },
  );
}
