import { expect, test } from "vitest";
import { parseDuration } from "../../src/cli/duration.ts";
import { UserError } from "../../src/engine/errors.ts";

const BOUNDS = { least: "1s", most: "1h" };

test.each([
  ["1s", 1_000],
  ["30s", 30_000],
  ["0.5m", 30_000],
  ["2m", 120_000],
  ["1h", 3_600_000],
  ["3600s", 3_600_000],
])("%s is %i ms", (text, ms) => {
  expect(parseDuration("--watch-for", text, BOUNDS)).toBe(ms);
});

test.each([
  ["", 'does not know ""'],
  ["2", 'does not know "2"'],
  ["2 m", 'does not know "2 m"'],
  ["-2m", 'does not know "-2m"'],
  ["2d", 'does not know "2d"'],
  ["1e3s", 'does not know "1e3s"'],
  ["Infinity", "does not know"],
  ["0s", "does not take 0s"],
  ["0.9s", "does not take 0.9s"],
  ["61m", "does not take 61m"],
])("%j is refused: it %s", (text, why) => {
  const read = () => parseDuration("--watch-for", text, BOUNDS);
  expect(read).toThrow(UserError);
  expect(read).toThrow(`--watch-for ${why}`);
});

test("what is allowed is said", () => {
  try {
    parseDuration("--watch-for", "2h", BOUNDS);
    expect.unreachable();
  } catch (error) {
    expect((error as UserError).remedy).toBe("Allowed: from 1s to 1h.");
  }
});
