import type { Facts, JudgedLock } from "../../src/facts/facts.ts";
import type { GatewayProbe, LogEvent, MemorySample, VitalLife } from "../../src/facts/vital-signs.ts";

export const MIB = 1_048_576;
export const GIB = 1024 * MIB;
export const HOST_MEMORY = { totalBytes: 16 * GIB, availableBytes: 12 * GIB };

/** What is known of an imagined gateway, process 4711, that answers well. */
export interface GatewayScene {
  readonly ring?: readonly MemorySample[];
  readonly life?: Partial<VitalLife>;
  /** Of each sample, in the JavaScript heap. */
  readonly heap?: (sample: MemorySample) => number;
  readonly watched?: readonly MemorySample[];
  readonly events?: readonly LogEvent[];
  /** The reading from outside; default the newest sample. Null where the platform does not tell. */
  readonly now?: MemorySample | null;
  readonly limits?: Awaited<ReturnType<Facts["memoryLimits"]>>;
  readonly stability?: Awaited<ReturnType<Facts["stability"]>>["memory"];
  /** Others write into its log. */
  readonly shared?: boolean;
  readonly locks?: readonly JudgedLock[];
}

const GATEWAY = { pid: 4711, startTicks: 99, createdAtMs: 0, lockPath: "/lock", port: 18789, ownsPort: true };

/** The same facts, and an imagined gateway in place of what they know of one. */
export function withGateway(facts: Facts, scene: GatewayScene): Facts {
  const { ring = [], watched, events = [], locks = [], stability = [], shared = false } = scene;
  const limits = scene.limits === undefined ? { group: null, host: HOST_MEMORY, heapBytes: null } : scene.limits;
  const newest = [...ring, ...(watched ?? [])].at(-1);
  const now = scene.now === undefined ? (newest ?? { atMs: 0, rssBytes: 600 * MIB }) : scene.now;
  const quiet = { kind: "answered", ms: 2, status: 200 } as const;
  const probe: GatewayProbe = {
    gateway: GATEWAY,
    atMs: now?.atMs ?? newest?.atMs ?? 0,
    rssBytes: now?.rssBytes ?? null,
    health: quiet,
    ready: { ...quiet, figures: null },
    silent: null,
  };
  const samples = ring.map((sample) => ({
    ...sample,
    spanMs: 10_000,
    maxDelayMs: 1,
    p99DelayMs: 1,
    utilization: 0,
    heapBytes: scene.heap?.(sample) ?? 200 * MIB,
    externalBytes: 0,
  }));
  const life: VitalLife = { pid: 4711, startTicks: 99, startedAtMs: 0, hostVersion: null, ...scene.life, samples };
  return {
    ...facts,
    gatewayProbe: async () => probe,
    vitalRing: async () => ({ path: "/ring", lives: ring.length === 0 ? [] : [life] }),
    liveWatch: async () =>
      watched === undefined ? null : { fromMs: 0, toMs: newest?.atMs ?? 0, probes: [], memory: watched, cut: false },
    gatewayLog: async () => ({ files: [], events, fromMs: 0, shared }),
    stability: async () => ({ files: [], memory: stability }),
    memoryLimits: async () => limits,
    sessionLocks: async () => ({ locks, problems: [] }),
  };
}
