import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lifeLine, parseRing, type RingLife, sampleLine } from "../../src/facts/vital-ring.ts";
import type { VitalSample } from "../../src/facts/vital-signs.ts";
import { mergeSamples, PERIOD_MS, retain, ringText } from "../../src/host/vital-ring-retention.ts";

const NOW = 1_800_000_000_000; // the beginning of a period
const [HOUR, DAY] = [3_600_000, 86_400_000];

function sample(atMs: number, more: Partial<VitalSample> = {}): VitalSample {
  return {
    atMs,
    spanMs: 10_000,
    maxDelayMs: 1,
    p99DelayMs: 0.5,
    utilization: 0.1,
    rssBytes: 1000,
    heapBytes: 500,
    externalBytes: 100,
    ...more,
  };
}

function life(samples: readonly VitalSample[], id = "a", startedAtMs = samples[0]?.atMs ?? NOW): RingLife {
  return { id, pid: 42, startTicks: 7, startedAtMs, hostVersion: "2026.9.6", samples };
}

const every10s = (fromMs: number, toMs: number) =>
  Array.from({ length: Math.floor((toMs - fromMs) / 10_000) }, (_, n) => sample(fromMs + n * 10_000));

describe("retention", () => {
  test("a full week: the last hour whole, 1,002 periods, nothing older", () => {
    const [kept] = retain([life(every10s(NOW - 8 * DAY, NOW))], NOW);
    const samples = kept?.samples ?? [];
    expect(samples.filter((one) => one.atMs >= NOW - HOUR)).toHaveLength(360);
    expect(samples).toHaveLength(360 + 6 * 167);
    expect(samples[0]?.atMs).toBeGreaterThanOrEqual(NOW - 7 * DAY);
    expect(Buffer.byteLength(ringText([life(samples)]))).toBeLessThan(200_000);
  });

  test("merged: the worst delays, all of the time, memory as it was at the end", () => {
    const [first, second] = [
      sample(NOW - 2 * HOUR, { maxDelayMs: 900, p99DelayMs: 3, utilization: 0.5, rssBytes: 1, spanMs: 30_000 }),
      sample(NOW - 2 * HOUR + 10_000, { maxDelayMs: 5, p99DelayMs: 4, utilization: 0.1, rssBytes: 2 }),
    ];
    const merged = { ...second, spanMs: 40_000, maxDelayMs: 900, p99DelayMs: 4, utilization: expect.closeTo(0.4, 10) };
    expect(retain([life([first, second])], NOW)[0]?.samples).toEqual([merged]);
    expect(mergeSamples(first, second)).toMatchObject(merged);
  });

  test("a slope over merged samples is the slope", () => {
    const growing = every10s(NOW - DAY, NOW - 2 * HOUR).map((one) => ({
      ...one,
      rssBytes: (one.atMs - NOW + DAY) * 5,
    }));
    const [first, second, ...rest] = retain([life(growing)], NOW)[0]?.samples ?? [];
    const last = rest.at(-1);
    if (first === undefined || second === undefined || last === undefined) throw new Error("too few samples");
    expect((last.rssBytes - first.rssBytes) / (last.atMs - first.atMs)).toBeCloseTo(5);
    expect((second.rssBytes - first.rssBytes) / (second.atMs - first.atMs)).toBeCloseTo(5);
  });

  test("lives are not merged into each other, and end with their last sample", () => {
    const lives = [life([sample(NOW - 2 * HOUR)], "a"), life([sample(NOW - 2 * HOUR + 1000)], "b")];
    expect(retain(lives, NOW)).toEqual(lives);
    expect(retain([life([sample(NOW - 8 * DAY)], "a")], NOW)).toEqual([]);
  });

  test("of lives without samples the newest fifty of a week", () => {
    const bare = Array.from({ length: 80 }, (_, n) => life([], `b${n}`, NOW - (80 - n) * 1000));
    const lives = [life([], "old", NOW - 8 * DAY), life([sample(NOW - HOUR)], "a"), ...bare];
    expect(retain(lives, NOW).map(({ id }) => id)).toEqual(["a", ...bare.slice(30).map(({ id }) => id)]);
  });

  test("what is too much loses its oldest lines, and a life's line stays with its samples", () => {
    const lives = [life([sample(1), sample(2)], "a"), life([sample(3), sample(4), sample(5)], "b")];
    const whole = ringText(lives);
    expect(parseRing(whole)).toEqual(lives);
    let before = Number.POSITIVE_INFINITY;
    for (let max = whole.length; max >= 0; max -= 1) {
      const text = ringText(lives, max);
      expect(text.length).toBeLessThanOrEqual(max);
      const left = parseRing(text).flatMap(({ samples }) => samples.map(({ atMs }) => atMs));
      expect([1, 2, 3, 4, 5].slice(5 - left.length)).toEqual(left);
      expect(left.length).toBeLessThanOrEqual(before);
      before = left.length;
    }
    expect(before).toBe(0);
  });
});

/** Any number of lives whose clock goes on, jumps ahead or is set back, with compactions in between. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({
        kind: fc.constant("sample" as const),
        after: fc.integer({ min: 1, max: 600_000 }),
        max: fc.integer({ min: 0, max: 200_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("life" as const), after: fc.constant(0), max: fc.constant(0) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("compact" as const), after: fc.constant(0), max: fc.constant(0) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("jump" as const),
        after: fc.integer({ min: 1, max: 3 * DAY }),
        max: fc.constant(0),
      }),
    },
  ),
  { maxLength: 120 },
);

test("any appends and compactions: order, bounds and the maximum of every period stay", () => {
  fc.assert(
    fc.property(steps, (all) => {
      let now = NOW;
      let text = "";
      let id = 0;
      const truth: { at: number; id: string; max: number }[] = [];
      for (const { kind, after, max } of [{ kind: "life" as const, after: 0, max: 0 }, ...all]) {
        now += after;
        if (kind === "life") text += lifeLine(life([], `l${++id}`, now));
        if (kind === "compact") text = ringText(retain(parseRing(text), now));
        if (kind !== "sample") continue;
        text += sampleLine(`l${id}`, sample(now, { maxDelayMs: max }));
        truth.push({ at: now, id: `l${id}`, max });
      }
      const compacted = ringText(retain(parseRing(text), now));
      const lives = parseRing(compacted);
      expect(ringText(retain(lives, now))).toBe(compacted);
      const worst = (rows: readonly { at: number; id: string; max: number }[]) => {
        const periods = new Map<string, number>();
        for (const { at, id: of, max } of rows) {
          if (now - at > 7 * DAY) continue;
          const key = `${of}/${Math.floor(at / PERIOD_MS)}`;
          periods.set(key, Math.max(periods.get(key) ?? 0, max));
        }
        return [...periods].sort();
      };
      const rows = lives.flatMap((one) =>
        one.samples.map(({ atMs, maxDelayMs }) => ({ at: atMs, id: one.id, max: maxDelayMs })),
      );
      // A period of which a part is older than a week may have been merged into its newer part.
      const edge = Math.floor((now - 7 * DAY) / PERIOD_MS);
      const whole = (list: [string, number][]) => list.filter(([key]) => Number(key.split("/")[1]) > edge);
      expect(whole(worst(rows))).toEqual(whole(worst(truth)));
      const recent = truth.filter(({ at }) => now - at <= HOUR);
      expect(rows.filter(({ at }) => now - at <= HOUR).map(({ at }) => at)).toEqual(recent.map(({ at }) => at));
      for (const { samples } of lives) {
        expect(samples.every(({ atMs }, n) => atMs > (samples[n - 1]?.atMs ?? 0) && now - atMs <= 7 * DAY)).toBe(true);
        const old = samples.filter(({ atMs }) => (Math.floor(atMs / PERIOD_MS) + 1) * PERIOD_MS < now - HOUR);
        expect(new Set(old.map(({ atMs }) => Math.floor(atMs / PERIOD_MS))).size).toBe(old.length);
      }
    }),
    { numRuns: 150 },
  );
});

test("samples of a clock that was ahead age like others, and do not stay for ever", () => {
  const ahead = every10s(NOW + 3 * HOUR, NOW + 3 * HOUR + 2 * PERIOD_MS);
  expect(retain([life(ahead)], NOW)[0]?.samples).toHaveLength(2);
  expect(retain([life([sample(NOW + 8 * DAY)])], NOW)).toEqual([]);
});
