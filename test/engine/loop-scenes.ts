/** A gateway that was started a month ago, and what can be seen of it. Times are milliseconds before `NOW`. */
import type { BlockFacts } from "../../src/engine/loop-blocks.ts";
import type { LiveProbe, LiveWatch } from "../../src/facts/live-watch.ts";
import type { GatewayProbe, LogEvent, Probe, VitalSample } from "../../src/facts/vital-signs.ts";

export const NOW = Date.parse("2026-06-01T12:00:00Z");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const MONTH = 720 * HOUR;

export const answered = (ms = 3): Probe => ({ kind: "answered", ms, status: 200 });
export const silent = (ms = 4_000): Probe => ({ kind: "silent", ms, status: null });

interface ProbeParts {
  readonly health?: Probe;
  readonly ready?: Probe;
  readonly maxDelayMs?: number;
  readonly silent?: GatewayProbe["silent"];
  readonly ageMs?: number;
}

export function probe(parts: ProbeParts = {}): GatewayProbe {
  const { health = answered(), ready = health, maxDelayMs = 21, ageMs = MONTH } = parts;
  const figures = { ready: true, uptimeMs: ageMs, degraded: false, maxDelayMs, p99DelayMs: 20.6, utilization: 0.02 };
  return {
    gateway: {
      lockPath: "/state/gateway.lock",
      pid: 77,
      startTicks: 5,
      createdAtMs: NOW - ageMs,
      port: 18_789,
      ownsPort: true,
    },
    atMs: NOW,
    rssBytes: 300_000_000,
    health,
    ready: { ...ready, figures: ready.kind === "answered" ? figures : null },
    silent: parts.silent ?? null,
  };
}

/** Requests one after the other; those that nobody answers are negative. */
export function watch(waits: readonly number[], starvedMs = 0): LiveWatch {
  let atMs = NOW;
  const probes = waits.map((wait): LiveProbe => {
    const ms = Math.abs(wait);
    const one = { kind: wait < 0 ? "silent" : "answered", ms, status: wait < 0 ? null : 200, atMs, starvedMs } as const;
    atMs += Math.max(ms, 250);
    return one;
  });
  return { fromMs: NOW, toMs: atMs, probes, memory: [], cut: false };
}

/** An interval of the sampler that ended so long ago. */
export function sample(agoMs: number, maxDelayMs: number, utilization = 0.1): VitalSample {
  return {
    atMs: NOW - agoMs,
    spanMs: Math.max(10_000, maxDelayMs),
    maxDelayMs,
    p99DelayMs: Math.min(maxDelayMs, 22),
    utilization,
    rssBytes: 300_000_000,
    heapBytes: 0,
    externalBytes: 0,
  };
}

export const liveness = (agoMs: number, maxDelayMs: number, work: readonly string[] = []): LogEvent => ({
  kind: "liveness",
  atMs: NOW - agoMs,
  maxDelayMs,
  p99DelayMs: 20.6,
  utilization: 0.5,
  active: 1,
  waiting: 0,
  queued: 0,
  work,
});

export const lateHeartbeat = (agoMs: number, overdueMs: number): LogEvent => ({
  kind: "heartbeat-delayed",
  atMs: NOW - agoMs,
  overdueMs,
});

interface Scene {
  readonly probe?: GatewayProbe | null;
  readonly watch?: LiveWatch;
  readonly samples?: readonly VitalSample[];
  readonly events?: readonly LogEvent[];
  readonly era?: "jsonl" | "sqlite";
  readonly shared?: boolean;
}

/** By default a gateway whose sampler says that all is well. */
export function scene({ events = [], samples = [sample(5_000, 25)], shared = false, ...rest }: Scene = {}): BlockFacts {
  const lives =
    samples.length === 0 ? [] : [{ pid: 77, startTicks: 5, startedAtMs: NOW - MONTH, hostVersion: null, samples }];
  return {
    probe: rest.probe === undefined ? probe() : rest.probe,
    log: { files: ["/log"], events, fromMs: NOW - HOUR, shared },
    ring: { path: "/ring", lives },
    watch: rest.watch ?? null,
    era: rest.era ?? "jsonl",
  };
}
