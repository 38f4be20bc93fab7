import { expect } from "vitest";
import { judgeLock } from "../../src/engine/verdict.ts";
import { mustNotBeOffered, mustStay, provablyDead, seen, type Truth } from "./imagined-lock.ts";

/** Judges what can be seen of an imagined lock and holds it against the truth. */
export function expectTruth(truth: Truth): void {
  const { verdict, solid } = judgeLock(seen(truth));
  const unasked = verdict === "gone" && solid;
  const stays = mustStay(truth);
  if (stays !== null && unasked) expect.fail(`removed without asking, but ${stays}: ${JSON.stringify(truth)}`);
  const hands = mustNotBeOffered(truth);
  if (hands !== null && (verdict === "gone" || verdict === "leaked"))
    expect.fail(`offered for removal, but ${hands}: ${JSON.stringify(truth)}`);
  if (provablyDead(truth) && !unasked) expect.fail(`left as ${verdict}, but it is dead: ${JSON.stringify(truth)}`);
}
