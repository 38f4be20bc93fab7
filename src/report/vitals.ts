import type { Slope } from "../engine/theil-sen.ts";
import type { Facts } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";
import type {
  GatewayLog,
  GatewayProbe,
  MemoryLimits,
  NoGateway,
  StabilityRecords,
  VitalLife,
  VitalSample,
} from "../facts/vital-signs.ts";
import { memorySlope } from "./memory-slope.ts";

/** What the sampler wrote longer ago says nothing of now. Milliseconds. */
const CURRENT_MS = 600_000;

/** Everything known of a gateway's vital signs; null for what could not be measured, which `missing` explains. */
export interface Vitals {
  readonly gateway: GatewayProcess | null;
  readonly probe: GatewayProbe | null;
  readonly limits: MemoryLimits | null;
  readonly log: GatewayLog | null;
  readonly stability: StabilityRecords | null;
  /** The life of a gateway that the sampler recorded last. */
  readonly life: VitalLife | null;
  readonly rssBytes: number | null;
  /** Growth of the memory, bytes per second. */
  readonly slope: Slope | null;
  /** Longest delay of the event loop in milliseconds: by its own account, and in the sampler's last ten minutes. */
  readonly maxDelayMs: { readonly readyz: number | null; readonly sampler: number | null };
  /** One sentence for each thing that could not be measured. */
  readonly missing: readonly string[];
}

/** Reads the vital signs. Takes some seconds when a gateway does not answer; never throws. */
export async function readVitals(facts: Facts, graceSeconds: number, nowMs = Date.now()): Promise<Vitals> {
  const missing: string[] = [];
  const read = async <T>(what: string, reader: () => Promise<T | null>, why: string): Promise<T | null> => {
    const value = await reader().catch(() => null);
    if (value === null) missing.push(`${what}: ${why}.`);
    return value;
  };
  const absent = await facts.noGateway(graceSeconds).catch(() => null);
  const none = absent === null ? null : ABSENT[absent.kind];
  const probe = await read(
    "Answers of the gateway",
    () => facts.gatewayProbe(graceSeconds),
    none ?? "the gateway could not be asked",
  );
  const limits = await read(
    "What bounds the gateway's memory",
    () => facts.memoryLimits(graceSeconds),
    none ?? "this platform does not tell",
  );
  const log = await read("The gateway's log", () => facts.gatewayLog(graceSeconds), "it could not be read");
  if (log !== null && log.fromMs === null)
    missing.push("The gateway's log: none was found, or nothing in it is new enough.");
  const stability = await read("The host's own records", () => facts.stability(), "they could not be read");
  const ring = await read("Memory and delays over time", () => facts.vitalRing(), "the recording could not be read");
  const life = ring?.lives.at(-1) ?? null;
  if (ring !== null && life === null)
    missing.push(
      "Memory and delays over time: no recording was found (the plugin's service in the gateway makes one).",
    );
  const recent = (life?.samples ?? []).filter(({ atMs }) => nowMs - atMs <= CURRENT_MS && atMs <= nowMs + CURRENT_MS);
  const watched = (await facts.liveWatch(graceSeconds).catch(() => null))?.memory ?? [];
  const slope = probe && ring && stability && log ? memorySlope({ probe, ring, watched, stability, log }) : null;
  if (probe !== null && slope === null)
    missing.push("Growth of the memory: too little was recorded of this life of the gateway.");
  return {
    gateway: await facts.gateway(graceSeconds).catch(() => null),
    probe,
    limits,
    log,
    stability,
    life,
    rssBytes: probe?.rssBytes ?? recent.at(-1)?.rssBytes ?? null,
    slope,
    maxDelayMs: { readyz: probe?.ready.figures?.maxDelayMs ?? null, sampler: largestDelay(recent) },
    missing,
  };
}

const ABSENT: Record<NoGateway["kind"], string> = {
  down: "no gateway runs for this state dir",
  several: "more than one gateway holds a lock of this state dir",
  unseen: "a gateway is at work whose process cannot be seen from here",
  other: "no gateway runs for this state dir; the one on its port is another one's",
  unknown: "whether a gateway runs cannot be told from here",
  updating: "nobody is asked during an update",
};

function largestDelay(samples: readonly VitalSample[]): number | null {
  return samples.length === 0 ? null : Math.max(...samples.map(({ maxDelayMs }) => maxDelayMs));
}
