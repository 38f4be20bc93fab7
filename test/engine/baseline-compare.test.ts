import { describe, expect, test } from "vitest";
import type { MeasureId } from "../../src/engine/baseline.ts";
import { compareBaselines } from "../../src/engine/baseline-compare.ts";
import { differenceInterval, interquartileRange, median, ratioInterval } from "../../src/engine/baseline-statistics.ts";
import { baselineOf, measureOf, seeded } from "./baseline-sides.ts";

const PAIRS = 1000;

/** Times as machines have them: a middle, noise around it, and a long tail upwards. */
type Noise = (random: () => number) => number;
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const NOISES: Record<string, Noise> = {
  quiet: (random) => Math.exp(0.05 * normal(random)),
  loud: (random) => Math.exp(0.3 * normal(random)),
  "with outliers": (random) => Math.exp(0.05 * normal(random)) * (random() < 0.15 ? 1 + 5 * random() : 1),
  "of two kinds": (random) => (random() < 0.5 ? 1 : 1.6) * Math.exp(0.03 * normal(random)),
};

interface Trial {
  readonly noise: Noise;
  readonly slower?: number;
  /** How many times slower the machine is now, for its own work and for OpenClaw. */
  readonly machine?: number;
  readonly n?: number;
}

/** The share of pairs in which a doctor of 4 s is called a regression. */
function alarms({ noise, slower = 1, machine = 1, n = 6 }: Trial): number {
  const random = seeded(7);
  const draw = (count: number, middle: number): number[] => Array.from({ length: count }, () => middle * noise(random));
  let found = 0;
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const before = measureOf("doctor", draw(n, 4000), { machine: draw(15, 80) });
    const now = measureOf("doctor", draw(n, 4000 * slower * machine), { machine: draw(15, 80 * machine) });
    const [one] = compareBaselines(baselineOf([before]), baselineOf([now]));
    if (one?.verdict === "regression") found += 1;
  }
  return found / PAIRS;
}

describe("1,000 simulated pairs", () => {
  test.each(Object.entries(NOISES))(
    "noise that is %s and nothing else: at most 1 in 100 is an alarm",
    (_name, noise) => {
      expect(alarms({ noise })).toBeLessThanOrEqual(0.01);
      // So little that it cannot be told from noise is the hardest.
      expect(alarms({ noise, machine: 1.3 })).toBeLessThanOrEqual(0.01);
    },
  );

  test("a machine twice as slow, or twice as quick, is no alarm", () => {
    const noise = NOISES["loud"] as Noise;
    expect(alarms({ noise, machine: 2, n: 15 })).toBeLessThanOrEqual(0.01);
    expect(alarms({ noise, machine: 0.5 })).toBeLessThanOrEqual(0.01);
  });

  test("30 % slower is found in 90 of 100, 60 % on a slower machine nearly always", () => {
    const noise = NOISES["quiet"] as Noise;
    expect(alarms({ noise, slower: 1.3 })).toBeGreaterThanOrEqual(0.9);
    expect(alarms({ noise, slower: 1.6, machine: 2 })).toBeGreaterThanOrEqual(0.99);
  });

  test("twice as slow is found through outliers", () => {
    expect(alarms({ noise: NOISES["with outliers"] as Noise, slower: 2, n: 15 })).toBeGreaterThanOrEqual(0.9);
  });
});

const FIVE = [100, 101, 102, 103, 104];
const by = (factor: number, values: readonly number[] = FIVE): number[] => values.map((value) => value * factor);
const verdict = (id: MeasureId, before: readonly number[], now: readonly number[]) =>
  compareBaselines(baselineOf([measureOf(id, before)]), baselineOf([measureOf(id, now)]))[0]?.verdict;

describe("what counts", () => {
  test("a difference has to matter, in its share and in its amount", () => {
    expect(verdict("startup", FIVE, by(1.5))).toBe("regression");
    expect(verdict("startup", FIVE, by(1.1))).toBe("none");
    expect(verdict("startup", by(0.1), by(0.15))).toBe("none");
    expect(verdict("health", by(0.01), by(0.04))).toBe("none");
    expect(verdict("health", by(0.01), by(0.2))).toBe("regression");
    expect(verdict("rss", by(5_000_000), by(5_500_000))).toBe("none");
    expect(verdict("rss", by(5_000_000), by(8_000_000))).toBe("regression");
  });

  test("less is better", () => {
    expect(verdict("startup", FIVE, by(0.5))).toBe("improvement");
  });

  test("what is worse within the noise is unclear, not a regression", () => {
    expect(verdict("startup", FIVE, [101, 150, 151, 152, 153])).toBe("unclear");
  });

  test("what the machine explains does not count, and is told; on another machine nothing is known", () => {
    const before = baselineOf([measureOf("startup", FIVE, { machine: by(0.5) })]);
    const now = baselineOf([measureOf("startup", by(2), { machine: by(1) })]);
    expect(compareBaselines(before, now)).toMatchObject([{ verdict: "none", machine: 2, ratio: 2 }]);
    const other = { ...now, machine: { ...now.machine, node: "v25.0.0" } };
    expect(compareBaselines(before, other)).toMatchObject([{ verdict: "regression", machine: null, ratio: 2 }]);
  });
});

describe("what cannot be compared says why", () => {
  const whole = baselineOf([measureOf("startup", FIVE), measureOf("rss", FIVE)]);

  test.each([
    [
      "missing now",
      whole,
      baselineOf([measureOf("startup", FIVE)], {}, [{ id: "rss", why: "it is down" }]),
      /^not measured now: it is down$/,
    ],
    ["missing before", baselineOf([measureOf("startup", FIVE)]), whole, /^not measured before: /],
    [
      "in another way",
      whole,
      baselineOf([measureOf("rss", by(9), { source: "a guess" })]),
      /as ever before, a guess now/,
    ],
    ["too few", whole, baselineOf([measureOf("rss", by(9, [1, 2, 3]))]), /^too few samples/],
    ["just started", whole, baselineOf([measureOf("rss", by(9), { atRest: false })]), /has just started/],
    ["just started before", baselineOf([measureOf("rss", FIVE, { atRest: false })]), whole, /had just started/],
  ])("%s", (_name, before, now, why) => {
    const memory = compareBaselines(before, now).find(({ id }) => id === "rss");
    expect(memory).toMatchObject({ verdict: "not compared", interval: null, why: expect.stringMatching(why) });
  });

  test("a measure neither has is not spoken of", () => {
    expect(compareBaselines(whole, whole).map(({ id }) => id)).toEqual(["startup", "rss"]);
  });
});

describe("the figures", () => {
  test("middle and spread", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(interquartileRange([1, 2, 3, 4, 5])).toBe(2);
    expect(() => median([])).toThrow(RangeError);
  });

  test("the bounds are those of the tables of Mann and Whitney for 0.01 to one side", () => {
    // Greatest count of pairs in wrong order: 1 for five of each, 6 for seven, 0 for four and five.
    for (const [n, m, count] of [
      [5, 5, 1],
      [7, 7, 6],
      [4, 5, 0],
      [10, 10, 19],
    ] as const) {
      const before = Array.from({ length: n }, (_, at) => at * 0.1);
      const now = Array.from({ length: m }, (_, at) => at + 1);
      const differences = now.flatMap((b) => before.map((a) => b - a)).sort((a, b) => a - b);
      expect(differenceInterval(before, now)).toEqual({ low: differences[count], high: differences.at(-1 - count) });
    }
    const ratio = ratioInterval([1, 2, 4, 8], [16, 32, 64, 128, 256]);
    expect(ratio?.low).toBeCloseTo(2);
    expect(ratio?.high).toBeCloseTo(256);
  });

  test("four of each say nothing", () => {
    expect(ratioInterval([1, 2, 3, 4], [5, 6, 7, 8])).toBeNull();
    expect(differenceInterval([], [1])).toBeNull();
  });

  test("zeros are no obstacle", () => {
    expect(ratioInterval([0, 0, 0, 0, 0], [0, 0, 0, 0, 0])).toEqual({ low: 1, high: 1 });
  });
});
