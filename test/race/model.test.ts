/** The long form of `test/engine/model.test.ts`. */
import { test } from "vitest";
import { expectStories, expectTruths } from "../engine/model.ts";

test("verdicts agree with the truth about 120,000 imagined locks", () => {
  expectTruths(120_000);
});

test("4,000 removals and undos among rivals lose nothing", async () => {
  await expectStories(4000);
});
