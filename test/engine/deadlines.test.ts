import { expect, test, vi } from "vitest";
import { deadlineAfter, within } from "../../src/engine/deadlines.ts";

test.each([
  [0, 0, 20_000],
  [60_000, 0, 20_000],
  [80_000, 0, 10_000],
  [90_000, 0, 0],
  [500_000, 0, 0],
  [0, 120_000, 140_000],
  [121_000, 120_000, 89_000],
])("after %i ms, with a watch of %i ms, a check has %i ms", (elapsed, watch, expected) => {
  expect(deadlineAfter(elapsed, watch)).toBe(expected);
});

test("what comes in time counts", async () => {
  expect(await within(1_000, async () => "found")).toBe("found");
});

test("what fails is told as it is", async () => {
  await expect(within(1_000, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});

test("what does not come in time is given up", async () => {
  await expect(within(20, () => new Promise(() => {}))).rejects.toThrow("not finished after 0.02 s");
});

test("without time nothing is begun", async () => {
  const work = vi.fn(async () => 1);
  await expect(within(0, work)).rejects.toThrow(/no time was left/);
  expect(work).not.toHaveBeenCalled();
});
