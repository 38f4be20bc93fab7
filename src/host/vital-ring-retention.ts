/** What the sampler's file keeps: everything of the last hour, one sample per ten minutes of the last week. */
import { lifeLine, type RingLife, sampleLine } from "../facts/vital-ring.ts";
import type { VitalSample } from "../facts/vital-signs.ts";

const HOUR = 3_600_000;
const FULL_MS = HOUR;
const KEPT_MS = 7 * 24 * HOUR;
/** Older samples of one life are merged within such a period. */
export const PERIOD_MS = 600_000;
/** Lives that left no sample, e.g. of a gateway that dies at once: so many of the newest are kept. */
const BARE_LIVES = 50;
/** A week of one gateway takes less than half of it. Many short lives take more, then the oldest go. */
const MAX_KEPT_BYTES = 393_216;

/**
 * The lives as they are to be kept at this time, in the same order. A clock that was set back leaves samples in the
 * future: they age as those of the past do. Keeping twice is keeping once.
 */
export function retain(lives: readonly RingLife[], nowMs: number): RingLife[] {
  const age = (atMs: number): number => Math.abs(nowMs - atMs);
  let bare = lives.filter((life) => life.samples.length === 0).length;
  return lives.flatMap((life) => {
    const kept = life.samples.filter((sample) => age(sample.atMs) <= KEPT_MS);
    if (kept.length > 0) return [{ ...life, samples: merged(kept, (at) => age(at) >= FULL_MS) }];
    if (life.samples.length > 0) return [];
    bare -= 1;
    return age(life.startedAtMs) <= KEPT_MS && bare < BARE_LIVES ? [life] : [];
  });
}

/** The text of these lives, the newest that fit. */
export function ringText(lives: readonly RingLife[], maxBytes = MAX_KEPT_BYTES): string {
  const texts: string[] = [];
  let left = maxBytes;
  for (const life of lives.toReversed()) {
    const head = lifeLine(life);
    const lines: string[] = [];
    left -= head.length;
    for (const sample of life.samples.toReversed()) {
      const line = sampleLine(life.id, sample);
      left -= line.length;
      if (left < 0) break;
      lines.push(line);
    }
    if (left < 0 && lines.length === 0) break;
    texts.push(head + lines.toReversed().join(""));
    if (left < 0) break;
  }
  return texts.toReversed().join("");
}

/** Samples with those of one period made one, once the whole period is old. */
function merged(samples: readonly VitalSample[], isOld: (atMs: number) => boolean): VitalSample[] {
  const result: VitalSample[] = [];
  let open: number | null = null;
  for (const sample of samples) {
    const period = Math.floor(sample.atMs / PERIOD_MS);
    const old = isOld(period * PERIOD_MS) && isOld((period + 1) * PERIOD_MS);
    const last = result.at(-1);
    if (old && open === period && last !== undefined) result[result.length - 1] = mergeSamples(last, sample);
    else result.push(sample);
    open = old ? period : null;
  }
  return result;
}

/**
 * Two samples as one: the worst delays of both, utilisation over the time of both, and memory as it was at the end,
 * which is what was measured at that time.
 */
export function mergeSamples(earlier: VitalSample, later: VitalSample): VitalSample {
  const spanMs = earlier.spanMs + later.spanMs;
  const busy = earlier.utilization * earlier.spanMs + later.utilization * later.spanMs;
  return {
    ...withoutStarved(later),
    spanMs,
    maxDelayMs: Math.max(earlier.maxDelayMs, later.maxDelayMs),
    p99DelayMs: Math.max(earlier.p99DelayMs, later.p99DelayMs),
    utilization: spanMs > 0 ? busy / spanMs : later.utilization,
    // Of whichever had the longest delay: it is that delay it explains.
    ...starvedOf(earlier.maxDelayMs > later.maxDelayMs ? earlier : later),
  };
}

function starvedOf({ starvedMs }: VitalSample): Pick<VitalSample, "starvedMs"> {
  return starvedMs === undefined ? {} : { starvedMs };
}

function withoutStarved({ starvedMs: _starvedMs, ...rest }: VitalSample): VitalSample {
  return rest;
}
