import { isStarved, type LiveWatch, ownMs } from "../facts/live-watch.ts";
import type { GatewayLog, GatewayProbe, VitalRing } from "../facts/vital-signs.ts";

/** Where it is known from that a loop stood still. */
export type BlockSource = "sampler" | "log" | "late heartbeat" | "readyz" | "requests";

/** One observation of a loop that stood still. Milliseconds since the epoch; `ms` is how long at least. */
export interface Block {
  /** Somewhere between these two. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly ms: number;
  readonly source: BlockSource;
  /** Share of the observed time in which the loop was busy, 0 to 1; null where nobody says. */
  readonly utilization: number | null;
  /** What was running, as the log says. */
  readonly work: readonly string[];
}

/** Blocks that several sources saw at the same time, and those that came right after each other. */
export interface Episode {
  readonly fromMs: number;
  readonly toMs: number;
  readonly longestMs: number;
  /** At least so often: as often as the one source says that saw it most often. */
  readonly times: number;
  readonly sources: readonly BlockSource[];
  readonly work: readonly string[];
  /** Milliseconds in which the loop was hardly ever free, at a stretch. */
  readonly sustainedMs: number;
}

/** What the stalls of a start are told by. Milliseconds. */
export const START = {
  /** Measured on 2026.5.22 on a machine with no processor to spare: the last one, of its first turn, 84 s after it. */
  windowMs: 120_000,
  /** The longest there was 23 s. */
  longestMs: 30_000,
} as const;

/** Both hosts look every 30 s whether their loop was late. */
const LOOK_MS = 30_000;
/** 2026.9.6 shows in `/readyz` the last second or the last block. */
const READY_WINDOW_MS = 2_000;
/** From this on a loop is hardly ever free. */
const BUSY = 0.9;

export interface BlockFacts {
  readonly probe: GatewayProbe | null;
  readonly log: GatewayLog;
  readonly ring: VitalRing;
  readonly watch: LiveWatch | null;
  readonly era: "jsonl" | "sqlite";
}

/** All observations of a loop that stood still for at least this long; those of a start are set apart. */
export function findBlocks(facts: BlockFacts, leastMs: number): { blocks: Block[]; start: Block[] } {
  const starts = [facts.probe?.gateway.createdAtMs ?? null, ...facts.ring.lives.map((life) => life.startedAtMs)];
  const all = [...fromRing(facts.ring), ...fromLog(facts.log), ...fromReady(facts), ...fromWatch(facts.watch)];
  const seen = all.filter(({ ms }) => ms >= leastMs);
  const ofStart = (block: Block): boolean =>
    block.ms <= START.longestMs &&
    starts.some((at) => at !== null && block.toMs >= at && block.toMs - block.ms <= at + START.windowMs);
  return { blocks: seen.filter((block) => !ofStart(block)), start: seen.filter(ofStart) };
}

function fromRing({ lives }: VitalRing): Block[] {
  return lives.flatMap(({ samples }) =>
    samples.map(({ atMs, spanMs, maxDelayMs, utilization, starvedMs = 0 }) => ({
      fromMs: atMs - Math.max(spanMs, maxDelayMs),
      toMs: atMs,
      ms: isStarved(starvedMs, maxDelayMs) ? Math.max(0, maxDelayMs - starvedMs) : maxDelayMs,
      source: "sampler" as const,
      utilization,
      work: [],
    })),
  );
}

/** The longest delay counts: the 99th percentile of a window with one block of minutes in it is that of a good one. */
function fromLog({ events }: GatewayLog): Block[] {
  return events.flatMap((event): Block[] => {
    const { atMs: toMs } = event;
    if (event.kind === "heartbeat-delayed") {
      const ms = event.overdueMs;
      return [{ fromMs: toMs - ms, toMs, ms, source: "late heartbeat", utilization: null, work: [] }];
    }
    if (event.kind !== "liveness") return [];
    const ms = Math.max(event.maxDelayMs ?? 0, event.p99DelayMs ?? 0);
    const { utilization, work } = event;
    return [{ fromMs: toMs - LOOK_MS - ms, toMs, ms, source: "log", utilization, work }];
  });
}

/**
 * 2026.5.22 shows the longest delay since the last reading, whoever made it, and the first one covers the start: only
 * what no start takes can be told from that.
 */
function fromReady({ probe, era }: BlockFacts): Block[] {
  const figures = probe?.ready.figures;
  if (!probe || !figures || figures.maxDelayMs === null) return [];
  const { maxDelayMs: ms, utilization, uptimeMs } = figures;
  const known = { toMs: probe.atMs, ms, source: "readyz" as const, utilization, work: [] };
  if (era === "sqlite") return [{ ...known, fromMs: probe.atMs - READY_WINDOW_MS - ms }];
  return ms <= START.longestMs ? [] : [{ ...known, fromMs: probe.atMs - Math.max(uptimeMs ?? 0, ms) }];
}

function fromWatch(watch: LiveWatch | null): Block[] {
  return (watch?.probes ?? []).map((probe) => ({
    fromMs: probe.atMs,
    toMs: probe.atMs + probe.ms,
    ms: ownMs(probe),
    source: "requests" as const,
    utilization: null,
    work: [],
  }));
}

/** Merges what overlaps in time, oldest first: a block that three sources saw is one. */
export function episodesOf(blocks: readonly Block[]): Episode[] {
  const groups: Block[][] = [];
  let endMs = Number.NEGATIVE_INFINITY;
  for (const block of [...blocks].sort((a, b) => a.fromMs - b.fromMs)) {
    const group = groups.at(-1);
    if (group === undefined || block.fromMs > endMs) groups.push([block]);
    else group.push(block);
    endMs = Math.max(groups.at(-1)?.length === 1 ? Number.NEGATIVE_INFINITY : endMs, block.toMs);
  }
  return groups.map(episode);
}

function episode(group: readonly Block[]): Episode {
  const sources = [...new Set(group.map(({ source }) => source))];
  return {
    fromMs: Math.min(...group.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...group.map(({ toMs }) => toMs)),
    longestMs: Math.max(...group.map(({ ms }) => ms)),
    times: Math.max(...sources.map((source) => group.filter((block) => block.source === source).length)),
    sources,
    work: [...new Set(group.flatMap(({ work }) => work))],
    sustainedMs: sustained(group),
  };
}

/** The longest stretch of intervals of the sampler that follow each other and in which the loop was hardly free. */
function sustained(group: readonly Block[]): number {
  let [longest, fromMs, toMs] = [0, 0, Number.NEGATIVE_INFINITY];
  for (const block of group) {
    if (block.source !== "sampler" || (block.utilization ?? 0) < BUSY) continue;
    // An interval may end a little after the next begins, or before.
    if (block.fromMs > toMs + 1_000) fromMs = block.fromMs;
    toMs = Math.max(toMs, block.toMs);
    longest = Math.max(longest, toMs - fromMs);
  }
  return longest;
}
