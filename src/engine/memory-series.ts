import type { GatewayLog, GatewayProbe, MemorySample, StabilityRecords, VitalRing } from "../facts/vital-signs.ts";

/** Memory of the gateway that runs now, as one source saw it. */
export interface MemorySeries {
  readonly source: string;
  /** Nothing but a watch sees this again. */
  readonly watched: boolean;
  /** Samples before are of another life. */
  readonly startedAtMs: number;
  readonly samples: readonly MemorySample[];
  /** Of the JavaScript heap, where the source has it. */
  readonly heap: readonly MemorySample[];
}

const OUTSIDE = "watched from outside";

export interface MemorySources {
  readonly probe: GatewayProbe;
  readonly ring: VitalRing;
  /** Taken from outside while somebody watched. */
  readonly watched: readonly MemorySample[];
  readonly stability: StabilityRecords;
  readonly log: GatewayLog;
}

/**
 * What is known of this life of the gateway, the best source first: the sampler in it with what was just watched, then
 * what the host wrote down itself. The reading of now ends each of them: a verdict is about now.
 */
export function memorySeries({ probe, ring, watched, stability, log }: MemorySources): readonly MemorySeries[] {
  const { gateway, atMs, rssBytes } = probe;
  const lives = ring.lives.filter(
    ({ pid, startTicks }) =>
      pid === gateway.pid && (startTicks === null || gateway.startTicks === null || startTicks === gateway.startTicks),
  );
  const life = lives.at(-1);
  const startedAtMs = life?.startedAtMs ?? gateway.createdAtMs ?? atMs;
  const now = rssBytes === null ? [] : [{ atMs, rssBytes }];
  const series = (source: string, samples: readonly MemorySample[], heap: readonly MemorySample[] = []) => ({
    source,
    watched: source === OUTSIDE,
    startedAtMs,
    samples: [...samples, ...now].filter((sample) => sample.atMs >= startedAtMs).sort((a, b) => a.atMs - b.atMs),
    heap,
  });
  const sampled = life?.samples ?? [];
  const heap = sampled.map((sample) => ({ atMs: sample.atMs, rssBytes: sample.heapBytes }));
  const inside = `sampler in the gateway, ${ring.path}`;
  const both = `${inside}, and ${OUTSIDE}`;
  const source = sampled.length === 0 ? OUTSIDE : watched.length === 0 ? inside : both;
  const own = series(source, [...sampled, ...watched], heap);
  const told = stability.memory.filter((sample) => sample.pid === gateway.pid);
  return [own, series("stability records of the host", told), series("gateway log", logged(log))];
}

/** A log that others write into as well does not say whose memory it was. */
function logged({ shared, events }: GatewayLog): MemorySample[] {
  if (shared) return [];
  return events.flatMap((event) =>
    event.kind === "memory-pressure" && event.rssBytes !== null ? [{ atMs: event.atMs, rssBytes: event.rssBytes }] : [],
  );
}
