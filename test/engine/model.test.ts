/** The short form; `test/race/model.test.ts` runs the same over many more cases. */
import { describe, expect, test } from "vitest";
import { judgeLock } from "../../src/engine/verdict.ts";
import { expectStories, expectTruths } from "./model.ts";

test("verdicts agree with the truth about imagined locks", () => {
  expectTruths(5000);
});

describe("the oracle notices a judge that", () => {
  test.each([
    ["never removes", () => ({ verdict: "unknown", solid: true })],
    [
      "removes what a dead pid names",
      ({ owner }) => ({ verdict: owner?.state === "alive" ? "held" : "gone", solid: true }),
    ],
    ["does not look who has the file open", (lock) => judgeLock({ ...lock, holders: { pids: [], seen: "own" } })],
    [
      "takes a container for the machine",
      (lock) => judgeLock({ ...lock, namespace: { ...lock.namespace, initial: true } }),
    ],
    ["does not ask where part of the proof is missing", (lock) => ({ ...judgeLock(lock), solid: true })],
    ["has no grace", (lock) => judgeLock({ ...lock, graceMs: 0 })],
  ] satisfies [string, Parameters<typeof expectTruths>[1]][])("%s", (_name, judge) => {
    expect(() => expectTruths(5000, judge)).toThrow(/Property failed/);
  });
});

test("whatever others do between the steps, nothing is lost and a live lock is in its place", async () => {
  await expectStories(60);
});
