import type { Facts } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";
import type {
  GatewayLog,
  GatewayProbe,
  MemoryLimits,
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
  readonly slope: number | null;
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
  const gateway = await facts.gateway(graceSeconds).catch(() => null);
  const noGateway = "no gateway of this state dir was found at work, or two were";
  const probe = await read(
    "Answers of the gateway",
    () => facts.gatewayProbe(graceSeconds),
    gateway === null ? noGateway : "the gateway could not be asked",
  );
  const limits = await read(
    "What bounds the gateway's memory",
    () => facts.memoryLimits(graceSeconds),
    gateway === null ? noGateway : "this platform does not tell",
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
  const slope = memorySlope(recent.length > 0 ? (life as VitalLife).samples : []);
  if (life !== null && slope === null) missing.push("Growth of the memory: too little was recorded, or not of late.");
  return {
    gateway,
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

function largestDelay(samples: readonly VitalSample[]): number | null {
  return samples.length === 0 ? null : Math.max(...samples.map(({ maxDelayMs }) => maxDelayMs));
}
