import { describe, expect, test } from "vitest";
import { memorySlope } from "../../src/report/memory-slope.ts";
import { plot } from "../../src/report/plot.ts";

const OPTIONS = { title: "Delay", unit: "ms", keep: "largest", width: 10, height: 4 } as const;

describe("plot", () => {
  test("a peak stands out, also among many small values in its column", () => {
    const points = Array.from({ length: 100 }, (_, n) => ({ atMs: n * 1000, value: n === 55 ? 400 : 10 }));
    expect(plot(points, OPTIONS).split("\n")).toEqual([
      "Delay, ms",
      "400 |     █",
      "    |     █",
      "200 |     █",
      "  0 |▁▁▁▁▁█▁▁▁▁",
      "    +----------",
      "     -1 min 39 s last",
    ]);
  });

  test("growth is seen from near its lowest value; the last value of a column counts", () => {
    const points = Array.from({ length: 11 }, (_, n) => ({ atMs: n * 1000, value: 500 + n }));
    const drawn = plot(points, { ...OPTIONS, keep: "last" });
    expect(drawn).toMatch(/^ *510 \| {8,9}[▁-█]+$/m);
    expect(drawn).toMatch(/^ *498 \|[▁-█]+$/m);
  });

  test.each([
    ["nothing", []],
    ["no numbers", [{ atMs: 1, value: Number.NaN }]],
  ])("%s", (_, points) => {
    expect(plot(points, OPTIONS)).toBe("Delay: nothing recorded");
  });

  test("one point, and points that are all zero", () => {
    expect(plot([{ atMs: 5, value: 7 }], OPTIONS)).toContain("  7 |█".trim());
    expect(
      plot(
        [1, 2].map((atMs) => ({ atMs, value: 0 })),
        OPTIONS,
      ),
    ).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("a time without points stays empty", () => {
    const points = [0, 1, 9, 10].map((atMs) => ({ atMs, value: 5 }));
    expect(plot(points, OPTIONS)).toContain("5 |██       █");
  });
});

describe("slope of the memory", () => {
  const slopeOf = (samples: readonly { atMs: number; rssBytes: number }[]) => {
    const life = { pid: 7, startTicks: 1, startedAtMs: 0, hostVersion: null, samples };
    return memorySlope({
      probe: { gateway: { pid: 7, startTicks: 1, createdAtMs: 0 }, atMs: samples.at(-1)?.atMs ?? 0, rssBytes: null },
      ring: { path: "", lives: [life] },
      watched: [],
      stability: { files: [], memory: [] },
      log: { files: [], events: [], fromMs: null, shared: false },
    } as unknown as Parameters<typeof memorySlope>[0]);
  };
  const samples = (count: number, perSample: number, noise: (n: number) => number = () => 0) =>
    Array.from({ length: count }, (_, n) => ({ atMs: n * 10_000, rssBytes: 1e8 + n * perSample + noise(n) }));

  test("is bytes per second, and outliers do not move it", () => {
    expect(slopeOf(samples(100, 20_000))?.estimate).toBeCloseTo(2000);
    expect(slopeOf(samples(300, 20_000, (n) => (n % 10 === 0 ? 5e8 : 0)))?.estimate).toBeCloseTo(2000, -2);
  });

  test("is that of the last hour", () => {
    expect(slopeOf(samples(1000, 0, (n) => (n < 500 ? n * 1e6 : 5e8)))?.estimate).toBe(0);
  });

  test("is not told of too little, nor of the gateway's first minutes", () => {
    expect(slopeOf([])).toBe(null);
    expect(slopeOf(samples(40, 1))).toBe(null);
    expect(slopeOf(samples(200, 1).map((one) => ({ ...one, atMs: one.atMs / 100 })))).toBe(null);
  });
});
