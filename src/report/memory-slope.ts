import { type MemorySources, memorySeries } from "../engine/memory-series.ts";
import { type Slope, theilSen } from "../engine/theil-sen.ts";

/** How far back it is looked: what was before says nothing of now. Milliseconds. */
const WINDOW_MS = 3_600_000;
/** What it takes to speak of a trend, the gateway's first minutes left out. */
const LEAST = { samples: 30, ms: 300_000, warmUpMs: 180_000 };

/**
 * How fast the gateway's memory grows, bytes per second, over the last hour of the best source; null when there is too
 * little of it. A figure to watch, no verdict: the check `rss-growth` asks for more.
 */
export function memorySlope(sources: MemorySources): Slope | null {
  for (const { samples, startedAtMs } of memorySeries(sources)) {
    const end = samples.at(-1)?.atMs ?? 0;
    const settled = samples.filter(({ atMs }) => atMs - startedAtMs >= LEAST.warmUpMs && end - atMs <= WINDOW_MS);
    const span = end - (settled[0]?.atMs ?? end);
    if (settled.length < LEAST.samples || span < LEAST.ms) continue;
    return theilSen(settled.map(({ atMs, rssBytes }) => ({ t: atMs / 1000, y: rssBytes })));
  }
  return null;
}
