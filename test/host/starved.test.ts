/** Time a gateway waited for a processor: taken by the sampler, kept in its file, and merged with the delay it explains. */
import { expect, test } from "vitest";
import { lifeLine, parseRing, sampleLine } from "../../src/facts/vital-ring.ts";
import type { VitalSample } from "../../src/facts/vital-signs.ts";
import { startSampler, systemClock } from "../../src/host/sampler.ts";
import { mergeSamples } from "../../src/host/vital-ring-retention.ts";

const sample = (maxDelayMs: number, starvedMs?: number): VitalSample => ({
  atMs: 1_700_000_000_000,
  spanMs: 10_000,
  maxDelayMs,
  p99DelayMs: 0,
  utilization: 0.5,
  rssBytes: 1,
  heapBytes: 1,
  externalBytes: 1,
  ...(starvedMs === undefined ? {} : { starvedMs }),
});

/** Samples of a loop whose thread had waited for a processor for so long at each reading; null is not counted. */
function taken(readings: readonly (number | null)[]): (number | undefined)[] {
  let [now, reading] = [0, 0];
  let tick = (): void => {};
  const samples: VitalSample[] = [];
  const clock = {
    ...systemClock,
    now: () => now,
    starved: () => readings[reading++] ?? null,
    every: (_ms: number, run: () => void) => {
      tick = run;
      return () => {};
    },
  };
  startSampler({ clock, onSample: (one) => samples.push(one) });
  while (reading < readings.length) {
    now += 10_000;
    tick();
  }
  return samples.map(({ starvedMs }) => starvedMs);
}

test("each sample has what was added since the last one", () => {
  expect(taken([500, 500, 8_500, 8_700])).toEqual([0, 8_000, 200]);
});

test("nothing is said where nobody counts it", () => {
  expect(taken([null, null, null])).toEqual([undefined, undefined]);
  expect(taken([5, null, 9, 12])).toEqual([undefined, undefined, 3]);
});

test("the file keeps it, and has older lines without it", () => {
  const life = lifeLine({ id: "a", pid: 7, startTicks: null, startedAtMs: 1, hostVersion: null });
  const first = sampleLine("a", sample(24_000, 18_000.04));
  const [read] = parseRing(life + first + sampleLine("a", { ...sample(3), atMs: 1_700_000_010_000 }));
  expect(read?.samples.map(({ starvedMs }) => starvedMs)).toEqual([18_000, undefined]);
  expect(Object.keys(read?.samples[1] ?? {})).not.toContain("starvedMs");
});

test("merged samples keep that of the longest delay", () => {
  expect(mergeSamples(sample(24_000, 18_000), sample(3, 1))).toMatchObject({ maxDelayMs: 24_000, starvedMs: 18_000 });
  expect(mergeSamples(sample(3, 9_000), sample(24_000, 5))).toMatchObject({ maxDelayMs: 24_000, starvedMs: 5 });
  expect(mergeSamples(sample(24_000), sample(3, 9_000))).not.toHaveProperty("starvedMs");
});
