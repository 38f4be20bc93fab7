import { expect, test } from "vitest";
import { durationText, durationWords } from "../../src/engine/duration-text.ts";

test.each([
  [0, "0 ms"],
  [999.4, "999 ms"],
  [999.6, "1 s"],
  [1_000, "1 s"],
  [9_940, "9.9 s"],
  [9_960, "10 s"],
  [59_400, "59 s"],
  [59_600, "1 min"],
  [60_000, "1 min"],
  [90_000, "1 min 30 s"],
  [137_036, "2 min 17 s"],
  [601_000, "10 min"],
  [720_000, "12 min"],
  [3_599_600, "1 h"],
  [3_600_000, "1 h"],
  [12_600_000, "3.5 h"],
  [35_900_000, "10 h"],
  [172_700_000, "2 days"],
  [259_200_000, "3 days"],
])("%d ms are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [60_000, "1 minute"],
  [720_000, "12 minutes"],
  [89 * 60_000, "89 minutes"],
  [90 * 60_000, "2 hours"],
  [47 * 3_600_000, "47 hours"],
  [48 * 3_600_000, "2 days"],
])("%d ms are %s, in words", (ms, text) => {
  expect(durationWords(ms).text).toBe(text);
});
