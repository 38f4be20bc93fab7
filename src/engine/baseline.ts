/** What a baseline holds: how quick and how big an OpenClaw was at one time, with every sample it was told from. */

export const BASELINE_SCHEMA = 1;

export type MeasureId = "startup" | "doctor" | "health" | "health-max" | "loop-delay" | "rss";
export type Unit = "ms" | "bytes";

/** What is measured, and from where on a difference matters to anybody. */
export interface MeasureKind {
  readonly id: MeasureId;
  readonly title: string;
  readonly unit: Unit;
  /** Both have to be passed before a difference counts: times as much, and that much more. */
  readonly ratio: number;
  readonly amount: number;
}

const MIB = 1_048_576;

/** In the order of the table. */
export const MEASURES: readonly MeasureKind[] = [
  { id: "startup", title: "Command start-up", unit: "ms", ratio: 1.1, amount: 15 },
  { id: "doctor", title: "Doctor, reading only", unit: "ms", ratio: 1.1, amount: 100 },
  { id: "health", title: "Health answer, median", unit: "ms", ratio: 1.3, amount: 5 },
  { id: "health-max", title: "Health answer, slowest", unit: "ms", ratio: 1.5, amount: 50 },
  { id: "loop-delay", title: "Event-loop delay, longest", unit: "ms", ratio: 1.5, amount: 50 },
  { id: "rss", title: "Memory at rest", unit: "bytes", ratio: 1.2, amount: 32 * MIB },
];

/** One measure: its samples, and those of the same kind of work that has nothing to do with OpenClaw. */
export interface Measure {
  readonly id: MeasureId;
  readonly unit: Unit;
  /** What was done; only what was measured in the same way is compared. */
  readonly source: string;
  readonly n: number;
  readonly median: number;
  /** Interquartile range. */
  readonly spread: number;
  readonly max: number;
  readonly samples: readonly number[];
  /** The machine's own speed, sampled in between; empty where the machine has no say, as with memory. */
  readonly machine: readonly number[];
  /** False: the gateway had just started, and its figures are those of its start. */
  readonly atRest: boolean;
}

/** What could not be measured, and why: a clause. */
export interface NotMeasured {
  readonly id: MeasureId;
  readonly why: string;
}

/** The file of a baseline. Holds no name of a host, a user or a path. */
export interface Baseline {
  readonly schemaVersion: typeof BASELINE_SCHEMA;
  /** As the user called it. */
  readonly name: string | null;
  /** When it was measured; ISO 8601, UTC. */
  readonly at: string;
  readonly host: { readonly version: string | null; readonly source: string };
  readonly tool: { readonly name: string; readonly version: string };
  /** The machine's own speed is known only for the same Node on the same platform. */
  readonly machine: { readonly platform: string; readonly arch: string; readonly cpus: number; readonly node: string };
  /** Milliseconds the gateway had been up; null when there was none, or when it did not say. */
  readonly gatewayUptimeMs: number | null;
  readonly measures: readonly Measure[];
  readonly notMeasured: readonly NotMeasured[];
}
