/** The vital signs of a gateway: what its readers bring and its checks judge. Times are milliseconds since the epoch. */
import type { GatewayProcess } from "./gateway.ts";
import type { UnseenGateway } from "./gateway-port.ts";

/** What came of one request to the gateway, and how long it took or was waited for. Milliseconds. */
export interface Probe {
  /**
   * `silent`: it takes connections, or they wait to be taken, and no answer came in time. `other`: somebody answered,
   * but not as a gateway does. `unasked`: the port could not be proven to be this gateway's, so nobody was asked.
   */
  readonly kind: "answered" | "silent" | "closed" | "other" | "unasked";
  readonly ms: number;
  /** HTTP status; null without an answer. */
  readonly status: number | null;
}

/** What `/readyz` says; null for what it does not say. */
export interface ReadyFigures {
  readonly ready: boolean | null;
  readonly uptimeMs: number | null;
  readonly degraded: boolean | null;
  /** On 2026.5.22 since the last reading, whoever made it; the first one covers the start. */
  readonly maxDelayMs: number | null;
  readonly p99DelayMs: number | null;
  /** 0 to 1 */
  readonly utilization: number | null;
}

/** What the kernel says of a gateway that takes connections and does not answer: of the thread its loop runs in. */
export interface SilentProcess {
  /** State letter of `/proc`, e.g. R when it runs, S when it waits, D when it waits for a disk, T when stopped. */
  readonly state: string;
  /** Processor time it used while it was watched, in milliseconds. */
  readonly cpuMs: number;
  /**
   * Time it could have run and got no processor, in milliseconds; null when the kernel does not say. Most of `overMs`:
   * it is the machine that is too busy.
   */
  readonly starvedMs: number | null;
  readonly overMs: number;
}

/** A gateway as seen from outside, now. */
export interface GatewayProbe {
  /** With the port that was asked, which may be another one than the config says. */
  readonly gateway: GatewayProcess;
  /** When it was looked at. Less the lock's `createdAtMs` it is the gateway's age: one that starts is slow, not stuck. */
  readonly atMs: number;
  /** Read before any request: requests move it. Null where the platform does not tell. */
  readonly rssBytes: number | null;
  readonly health: Probe;
  readonly ready: Probe & { readonly figures: ReadyFigures | null };
  /** Only when it did not answer, and where the platform tells. */
  readonly silent: SilentProcess | null;
}

/** Why there is no gateway to look at. */
export type NoGateway =
  /** None holds the lock of this state dir, and none answers on its port. */
  | { readonly kind: "down" }
  /** More than one does; neither can be said to be the one that serves it. */
  | { readonly kind: "several"; readonly pids: readonly number[] }
  /** One is at work, e.g. in a container, and its process cannot be seen from here. */
  | { readonly kind: "unseen"; readonly gateway: UnseenGateway }
  /** None of this state dir; the one on its port is of another state dir or user. Its processes, as far as they are seen. */
  | { readonly kind: "other"; readonly port: number; readonly pids: readonly number[]; readonly answers: boolean }
  /** A lock is there, and whether its owner lives cannot be told from here. */
  | { readonly kind: "unknown"; readonly lockPath: string }
  /** The host is updating itself and has us look at a copy of its state: nobody is asked. */
  | { readonly kind: "updating" };

/** What a gateway's memory can grow to before somebody ends it; bytes, null for what does not bound it. */
export interface MemoryLimits {
  /** The smallest limit of its control groups, with where it was read. */
  readonly group: { readonly bytes: number; readonly source: string } | null;
  readonly host: { readonly totalBytes: number; readonly availableBytes: number };
  /**
   * Of the JavaScript heap's old space, as the command line or NODE_OPTIONS set it. A gateway writes its title over its
   * command line, so that one is seldom there to be read.
   */
  readonly heapBytes: number | null;
}

/** A line of the gateway's log that says something of its vital signs. Texts of messages are not kept. */
export type LogEvent = { readonly atMs: number } & (
  | {
      readonly kind: "liveness";
      readonly maxDelayMs: number | null;
      readonly p99DelayMs: number | null;
      readonly utilization: number | null;
      /** Runs at work, waiting and queued; null when the line does not say. */
      readonly active: number | null;
      readonly waiting: number | null;
      readonly queued: number | null;
      /** What was running, e.g. `processing/model_call`, without names of sessions and agents. */
      readonly work: readonly string[];
    }
  | { readonly kind: "heartbeat-delayed"; readonly overdueMs: number }
  | {
      readonly kind: "memory-pressure";
      readonly level: string;
      readonly reason: string;
      readonly rssBytes: number | null;
      readonly growthBytes: number | null;
      readonly windowMs: number | null;
    }
  /** A session the host itself calls stuck (at work, with nothing running for it) or stalled (no progress). */
  | { readonly kind: "stuck-session"; readonly state: "stuck" | "stalled"; readonly ageMs: number | null }
  /** Work waited for a free place in a lane. */
  | {
      readonly kind: "lane-wait";
      /** One of the host's own lanes, e.g. `main` or `cron`; those of sessions are called `session` and `nested`. */
      readonly lane: string;
      readonly waitedMs: number | null;
      readonly queued: number | null;
    }
  /** A step of the gateway's start. Loops stand still for seconds until it is over; `prewarmed` is the last one. */
  | {
      readonly kind: "startup";
      readonly step: "starting" | "listening" | "ready" | "prewarmed";
      /** `prewarmed` only, which 2026.5.22 writes: how long it took, and the loop's longest delay in that time. */
      readonly tookMs: number | null;
      readonly maxDelayMs: number | null;
    }
);

/** What the end of the gateway's log says, from this gateway's start on. */
export interface GatewayLog {
  /** Those that were read, newest first. */
  readonly files: readonly string[];
  /** Oldest first. */
  readonly events: readonly LogEvent[];
  /** The oldest time that was read; null when nothing was. Later than the gateway's start: older lines were not read. */
  readonly fromMs: number | null;
  /** Other gateways and commands of this user write into the same file, and no line says whose it is. */
  readonly shared: boolean;
}

/** Resident memory at one time. */
export interface MemorySample {
  readonly atMs: number;
  readonly rssBytes: number;
}

/** A sample of one process. */
export interface ProcessMemorySample extends MemorySample {
  readonly pid: number;
  /** When that process started: pids are used again. */
  readonly startedAtMs: number;
}

/**
 * What the host recorded about itself and keeps on disk: it writes its memory samples down only when it ends in an
 * error or, on 2026.5.22, when its memory becomes critical. A running gateway without trouble has left none.
 */
export interface StabilityRecords {
  /** Newest first. */
  readonly files: readonly string[];
  /** Oldest first, each once. */
  readonly memory: readonly ProcessMemorySample[];
}

/** One interval of a gateway, as the sampler in it saw it. */
export interface VitalSample extends MemorySample {
  /** The interval ended at `atMs` and lasted this long; what is older than an hour is merged into ten minutes. */
  readonly spanMs: number;
  /** Longest and 99th percentile of how long the loop was away from a timer. Of merged samples the worst of each. */
  readonly maxDelayMs: number;
  readonly p99DelayMs: number;
  /** 0 to 1 */
  readonly utilization: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** Time its thread could have run and had no processor, in milliseconds; absent where the kernel does not count it. */
  readonly starvedMs?: number;
}

/** What the sampler recorded in one life of a gateway; a restart, also within its process, begins another one. */
export interface VitalLife {
  readonly pid: number;
  readonly startTicks: number | null;
  /** When the sampler started, near the end of the gateway's own start. */
  readonly startedAtMs: number;
  readonly hostVersion: string | null;
  /** Oldest first. */
  readonly samples: readonly VitalSample[];
}

/** The sampler's file, in the order the lives began. */
export interface VitalRing {
  readonly path: string;
  readonly lives: readonly VitalLife[];
}
