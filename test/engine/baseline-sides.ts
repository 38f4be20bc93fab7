import {
  BASELINE_SCHEMA,
  type Baseline,
  MEASURES,
  type Measure,
  type MeasureId,
  type NotMeasured,
} from "../../src/engine/baseline.ts";
import { interquartileRange, median } from "../../src/engine/baseline-statistics.ts";

/** A measure with these samples. */
export function measureOf(id: MeasureId, samples: readonly number[], more: Partial<Measure> = {}): Measure {
  const unit = MEASURES.find((kind) => kind.id === id)?.unit ?? "ms";
  const figures = { median: median(samples), spread: interquartileRange(samples), max: Math.max(...samples) };
  return { id, unit, source: "as ever", n: samples.length, ...figures, samples, machine: [], atRest: true, ...more };
}

/** A baseline that holds these measures. */
export function baselineOf(
  measures: readonly Measure[],
  more: Partial<Baseline> = {},
  notMeasured: readonly NotMeasured[] = [],
): Baseline {
  return {
    schemaVersion: BASELINE_SCHEMA,
    name: null,
    at: "2026-11-21T16:30:05.123Z",
    host: { version: "2026.5.22", source: "openclaw --version" },
    tool: { name: "openclaw-vitals", version: "0.1.0" },
    machine: { platform: "linux", arch: "x64", cpus: 2, node: "v24.0.0" },
    gatewayUptimeMs: 600_000,
    measures,
    notMeasured,
    ...more,
  };
}

/** Random numbers that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
