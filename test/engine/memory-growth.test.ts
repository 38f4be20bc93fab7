import { describe, expect, test } from "vitest";
import { judgeGrowth } from "../../src/engine/memory-growth.ts";
import type { MemorySample } from "../../src/facts/vital-signs.ts";
import { leak, leastSquaresSees, MB, NOISE, random, recordedMemory } from "./memory-noise.ts";

const THRESHOLD = 20 * MB;
const judge = (samples: readonly MemorySample[], startedAtMs = 0) => judgeGrowth(samples, startedAtMs, THRESHOLD);
const grows = (samples: readonly MemorySample[], startedAtMs = 0) => judge(samples, startedAtMs).kind === "growing";

/** Minutes from the start of a leak until it is seen; infinite when it is not. */
function foundAfter(samples: readonly MemorySample[], fromMs: number, startedAtMs = 0): number {
  const found = samples.findIndex(({ atMs }, i) => atMs > fromMs && grows(samples.slice(0, i + 1), startedAtMs));
  return found < 0 ? Number.POSITIVE_INFINITY : ((samples[found]?.atMs ?? 0) - fromMs) / 60_000;
}

describe("what does not leak", () => {
  const each = 125;
  const windows = Object.entries(NOISE).map(([name, make], kind) => ({
    name,
    samples: Array.from({ length: each }, (_, n) => {
      const next = random(1 + n * 7919 + kind * 104_729);
      return make(next, 50 + Math.floor(next() * 400));
    }),
  }));

  test("gives at most one false alarm in a hundred of 1,000 windows, where least squares gives many more", () => {
    const all = windows.flatMap(({ samples }) => samples);
    expect(all.length).toBe(1000);
    const ours = all.filter((samples) => grows(samples)).length;
    const control = all.filter((samples) => leastSquaresSees(samples, 0, THRESHOLD)).length;
    expect(ours).toBeLessThanOrEqual(10);
    expect(control).toBeGreaterThan(30);
    expect(control).toBeGreaterThan(5 * ours);
  });

  test.each(windows)("no kind of noise is its weak point: $name", ({ samples }) => {
    expect(samples.filter((one) => grows(one)).length).toBeLessThanOrEqual(0.02 * each);
  });

  test.each(["no-leak-one-block-5.22", "no-leak-stalls-9.6"] as const)(
    "a real gateway gives no alarm, whenever it is looked at: %s",
    (name) => {
      const { samples, startedAtMs } = recordedMemory(name);
      const looks = samples.map((_, i) => samples.slice(0, i + 1));
      expect(looks.filter((look) => grows(look, startedAtMs))).toEqual([]);
      expect(judge(samples, startedAtMs).kind).toBe("steady");
    },
  );

  test("a height that was given back before is not new", () => {
    const teeth = (i: number) => 500 + 8 * (i % 60);
    const samples = Array.from({ length: 170 }, (_, i) => ({ atMs: i * 10_000, rssBytes: teeth(i) * MB }));
    expect(grows(samples.slice(0, 55)), "its first rise cannot be told from a leak").toBe(true);
    expect(grows(samples)).toBe(false);
  });
});

describe("what leaks", () => {
  test("a recorded gateway with 300 MB a minute is seen within 4 minutes, and from then on", () => {
    const { samples, startedAtMs } = recordedMemory("leak-300-mb-per-min");
    const after = foundAfter(samples, startedAtMs, startedAtMs);
    expect(after).toBeLessThanOrEqual(4);
    const later = samples.map((_, i) => samples.slice(0, i + 1)).filter((look) => look.length > 6 * after + 1);
    const seen = later.filter((look) => grows(look, startedAtMs));
    expect(seen.length).toBeGreaterThanOrEqual(0.95 * later.length);
    expect(judge(samples, startedAtMs)).toMatchObject({ kind: "growing", toMs: samples.at(-1)?.atMs });
  });

  test.each(["none", "peaks", "teeth"] as const)("with noise (%s): the slope lies in the interval", (beside) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const verdict = judge(leak(random(seed), { length: 90, rate: 60, beside }));
      if (verdict.kind !== "growing") throw new Error(`seed ${seed}: ${verdict.kind}`);
      const { lower, upper } = verdict.slope;
      expect(lower / MB).toBeGreaterThan(20);
      expect(lower / MB, `seed ${seed}`).toBeLessThan(62);
      expect(upper / MB, `seed ${seed}`).toBeGreaterThan(58);
    }
  });

  test.each([
    { rate: 300, from: 0, within: 4 },
    { rate: 300, from: 60, within: 4 },
    { rate: 60, from: 0, within: 12 },
    { rate: 60, from: 60, within: 12 },
    { rate: 30, from: 60, within: 12 },
  ])("$rate MB a minute from sample $from on is found within $within minutes", ({ rate, from, within }) => {
    for (const beside of ["none", "peaks", "teeth"] as const) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const samples = leak(random(seed), { length: from + 120, rate, from, beside });
        expect(foundAfter(samples, from * 10_000), `${beside}, seed ${seed}`).toBeLessThanOrEqual(within);
      }
    }
  });

  test("also when a blocked event loop took no samples for two minutes", () => {
    const samples = leak(random(3), { length: 80, rate: 60, beside: "none" });
    expect(grows(samples.filter((_, i) => i < 50 || i > 63))).toBe(true);
  });

  test("the threshold is the policy's", () => {
    const samples = leak(random(5), { length: 120, rate: 60, beside: "none" });
    expect(judgeGrowth(samples, 0, 50 * MB).kind).toBe("growing");
    expect(judgeGrowth(samples, 0, 80 * MB).kind).toBe("steady");
  });
});

describe("too little to tell", () => {
  test.each([
    ["nothing", 0, { samples: 0, minutes: 0 }],
    ["the start alone", 18, { samples: 0, minutes: 0 }],
    ["less than five minutes after it", 40, { samples: 22, minutes: 3.5 }],
  ])("%s", (_, length, expected) => {
    expect(judge(leak(random(1), { length, rate: 60, beside: "none" }))).toEqual({ kind: "inconclusive", ...expected });
  });

  test("few samples in much time", () => {
    const sparse = leak(random(1), { length: 200, rate: 60, beside: "none" }).filter((_, i) => i % 12 === 0);
    expect(judge(sparse)).toMatchObject({ kind: "inconclusive", samples: 15 });
  });

  test("what is enough begins at five minutes and 30 samples", () => {
    const flat = (length: number) => leak(random(1), { length, rate: 0, beside: "none" });
    expect(judge(flat(48)).kind).toBe("inconclusive");
    expect(judge(flat(49)).kind).toBe("steady");
  });
});
