import { describe, expect, test } from "vitest";
import { type Point, theilSen } from "../../src/engine/theil-sen.ts";
import { recordedMemory } from "./memory-noise.ts";

const RISING = [400, 404, 403, 415, 411, 420, 431, 418, 440, 437, 452, 449];
const TIED = [5, 5, 5, 6, 6, 7, 7, 7, 7, 9, 9, 9];
const at = (values: readonly number[], times: readonly number[] = values.map((_, i) => i)): Point[] =>
  values.map((y, i) => ({ t: times[i] ?? Number.NaN, y }));

/** What `scipy.stats.theilslopes(y, t, 0.99)` of SciPy 1.17.1 returns. */
const SCIPY: [string, Point[], { estimate: number; lower: number; upper: number }][] = [
  ["noise", at(RISING), { estimate: 5, lower: 2.5714285714285716, upper: 6.4 }],
  [
    "points at the same time, and gaps",
    at(RISING, [0, 1, 2, 2, 4, 5, 9, 9, 9, 10, 13, 14]),
    { estimate: 3.6833333333333336, lower: 2, upper: 5 },
  ],
  ["equal values", at(TIED), { estimate: 0.4, lower: 0.25, upper: 0.5 }],
];

describe("the slope and its interval", () => {
  test.each(SCIPY)("are those of another implementation: %s", (_, points, expected) => {
    const slope = theilSen(points);
    expect(slope?.estimate).toBeCloseTo(expected.estimate, 10);
    expect(slope?.lower).toBeCloseTo(expected.lower, 10);
    expect(slope?.upper).toBeCloseTo(expected.upper, 10);
  });

  test("of a recorded gateway, as well", () => {
    const { startedAtMs, samples } = recordedMemory("no-leak-stalls-9.6");
    const slope = theilSen(
      samples.map(({ atMs, rssBytes }) => ({ t: (atMs - startedAtMs) / 60_000, y: rssBytes / 1_048_576 })),
    );
    expect(slope?.estimate).toBeCloseTo(20.293798640174682, 6);
    expect(slope?.lower).toBeCloseTo(7.628244501520674, 6);
    expect(slope?.upper).toBeCloseTo(39.17321789069273, 6);
  });

  test("the order of the points does not matter", () => {
    expect(theilSen(at(RISING).reverse())).toEqual(theilSen(at(RISING)));
  });

  test("a quarter of wild points moves them little", () => {
    const line = at(Array.from({ length: 40 }, (_, i) => 10 * i + (i % 4 === 1 ? 5000 * (i % 3) : i % 2)));
    expect(theilSen(line)?.estimate).toBeCloseTo(10, 0);
  });

  test("a straight line has an interval without width, and so has what does not change", () => {
    expect(theilSen(at([1, 3, 5, 7, 9, 11]))).toEqual({ estimate: 2, lower: 2, upper: 2 });
    expect(theilSen(at([7, 7, 7, 7]))).toEqual({ estimate: 0, lower: 0, upper: 0 });
  });

  test.each([
    ["nothing", []],
    ["one point", at([1])],
    ["two points", at([1, 2])],
    ["many points at two times", at([1, 2, 3, 4], [0, 0, 1, 1])],
  ])("there is none of %s", (_, points) => {
    expect(theilSen(points)).toBeNull();
  });

  test("a long series is thinned evenly: the same answer, in the time of a short one", () => {
    const long = at(Array.from({ length: 60_000 }, (_, i) => 3 * i + (i % 7)));
    const slope = theilSen(long);
    expect(slope?.estimate).toBeCloseTo(3, 3);
    expect((slope?.upper ?? 0) - (slope?.lower ?? 0)).toBeLessThan(0.01);
  });
});
