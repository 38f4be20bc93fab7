/** Memory of gateways that do not leak, and of some that do: made up from seeds, and recorded. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { MemorySample } from "../../src/facts/vital-signs.ts";

export const MB = 1_048_576;
const STEP_MS = 10_000;
const FIXTURES = fileURLToPath(new URL("../fixtures/rss-growth", import.meta.url));

type Random = () => number;

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(next: Random): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** Samples ten seconds apart, from the start of a life at 0. */
function series(length: number, mebibytes: (i: number) => number): MemorySample[] {
  return Array.from({ length }, (_, i) => ({ atMs: i * STEP_MS, rssBytes: mebibytes(i) * MB }));
}

/** What memory does without a leak. */
export const NOISE: Readonly<Record<string, (next: Random, length: number) => MemorySample[]>> = {
  "noise of one width": (next, length) => {
    const width = 5 + next() * 35;
    return series(length, () => 600 + width * normal(next));
  },
  "steps up and down": (next, length) => {
    let level = 500;
    return series(length, () => {
      if (next() < 0.02) level = Math.max(300, level + (next() - 0.5) * 500);
      return level + 3 * normal(next);
    });
  },
  "a sawtooth of one to ten minutes": (next, length) => {
    const period = 6 + Math.floor(next() * 54);
    const height = 50 + next() * 250;
    const phase = Math.floor(next() * period);
    return series(length, (i) => 500 + height * (((i + phase) % period) / period) + 4 * normal(next));
  },
  "a burst, and a plateau after it": (next, length) => {
    const at = Math.floor(next() * length);
    const lasts = 3 + Math.floor(next() * 15);
    const height = 100 + next() * 600;
    return series(length, (i) => 500 + height * Math.min(1, Math.max(0, (i - at) / lasts)) + 4 * normal(next));
  },
  "a random walk": (next, length) => {
    let level = 700;
    const width = 3 + next() * 9;
    return series(length, () => {
      level += width * normal(next);
      return level;
    });
  },
  "a random walk that comes back": (next, length) => {
    let away = 0;
    const width = 5 + next() * 25;
    return series(length, () => {
      away = 0.95 * away + width * normal(next);
      return 700 + away;
    });
  },
  "single peaks": (next, length) => series(length, () => 500 + (next() < 0.08 ? 400 * next() : 0) + 4 * normal(next)),
  "a start": (next, length) => {
    const top = 400 + next() * 500;
    const slowness = 3 + next() * 9;
    return series(Math.min(length, 90), (i) => 80 + (top - 80) * (1 - Math.exp(-i / slowness)) + 5 * normal(next));
  },
};

/** Memory that grows by so many MiB a minute from sample `from` on, with single peaks or a collector's teeth. */
export function leak(
  next: Random,
  {
    length,
    rate,
    from = 0,
    beside,
  }: { length: number; rate: number; from?: number; beside: "peaks" | "teeth" | "none" },
): MemorySample[] {
  const period = 4 + Math.floor(next() * 8);
  const teeth = beside === "teeth" ? 60 + next() * 60 : 0;
  return series(length, (i) => {
    const peak = beside === "peaks" && next() < 0.08 ? 300 * next() : 0;
    return 500 + (Math.max(0, i - from) * rate) / 6 + teeth * ((i % period) / period) + peak + 5 * normal(next);
  });
}

/** A real gateway, sampled by a plugin in it from soon after its start. */
export function recordedMemory(name: "leak-300-mb-per-min" | "no-leak-one-block-5.22" | "no-leak-stalls-9.6"): {
  startedAtMs: number;
  samples: MemorySample[];
} {
  const lines = readFileSync(path.join(FIXTURES, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n");
  const samples = lines.map((line) => {
    const { t, rssMB } = JSON.parse(line) as { t: string; rssMB: number };
    return { atMs: Date.parse(t), rssBytes: rssMB * MB };
  });
  return { startedAtMs: samples[0]?.atMs ?? Number.NaN, samples };
}

/** Whether least squares with the normal interval of 99 % sees growth in the last five minutes: the control. */
export function leastSquaresSees(samples: readonly MemorySample[], startedAtMs: number, threshold: number): boolean {
  const points = samples.map(({ atMs, rssBytes }) => ({ t: (atMs - startedAtMs) / 60_000, y: rssBytes }));
  const end = points.at(-1)?.t ?? 0;
  const within = points.filter(({ t }) => t >= 3 && t >= end - 5.01);
  if (within.length < 30) return false;
  const mean = (of: (point: { t: number; y: number }) => number) =>
    within.reduce((sum, point) => sum + of(point), 0) / within.length;
  const [t0, y0] = [mean(({ t }) => t), mean(({ y }) => y)];
  const spread = mean(({ t }) => (t - t0) ** 2);
  const slope = mean(({ t, y }) => (t - t0) * (y - y0)) / spread;
  const rest = mean(({ t, y }) => (y - y0 - slope * (t - t0)) ** 2);
  return slope - 2.5758 * Math.sqrt(rest / spread / (within.length - 2)) > threshold;
}
