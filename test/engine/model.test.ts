/** Short forms; `test/race/model.test.ts` runs the same over many more cases. */
import { fc } from "@fast-check/vitest";
import { test } from "vitest";
import { truths } from "./imagined-lock.ts";
import { expectTruth } from "./model.ts";

test("what is judged agrees with the truth about an imagined lock", () => {
  fc.assert(fc.property(truths, expectTruth), { numRuns: 8000 });
});
