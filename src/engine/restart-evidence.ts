import type { Facts } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";
import type { GatewayLog, GatewayProbe, LogEvent, VitalRing } from "../facts/vital-signs.ts";
import type { Policy } from "./policy.ts";
import type { Finding, RepairRun } from "./types.ts";

/** So much of the ring is kept. Milliseconds. */
const RING_MS = 3_600_000;
const MAX_SAMPLES = 1000;
const MAX_EVENTS = 500;
/** Nobody waits longer for the vital signs of a gateway that is to be restarted. */
const DEADLINE_MS = 10_000;

/** What is known about a gateway right before its restart. */
export interface KnownBefore {
  readonly finding: Finding;
  readonly gateway: GatewayProcess;
  readonly frees: string;
  readonly facts: Pick<Facts, "gatewayProbe" | "gatewayLog" | "vitalRing">;
  readonly policy: Policy;
}

/**
 * The file that is kept about a restart, for whoever asks why: numbers and the finding's evidence, no text of the config
 * or the log. JSON, one line a key; some hundred kilobytes at most.
 */
export async function restartEvidence(
  { finding, gateway, frees, facts, policy: { locks } }: KnownBefore,
  { run, findingId, checkId }: RepairRun,
  measured: Readonly<Record<string, string | number | null>>,
): Promise<string> {
  const { verdict, path: lock, evidence } = finding;
  const [probe, log, ring] = await Promise.all([
    inTime(facts.gatewayProbe(locks.graceSeconds)),
    inTime(facts.gatewayLog(locks.graceSeconds)),
    inTime(facts.vitalRing()),
  ]);
  const about = { v: 2, at: new Date().toISOString(), run, checkId, findingId, verdict, path: lock, frees, evidence };
  const vitals = { probe: probeNumbers(probe), log: logNumbers(log), ring: ringNumbers(ring, Date.now()) };
  const lines = Object.entries({ ...about, gateway: { ...gateway, ...measured }, ...vitals })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** Null for what is not there in time, or cannot be read: a restart does not fail for it. */
async function inTime<T>(reading: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), DEADLINE_MS);
  });
  try {
    return await Promise.race([reading, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function probeNumbers(probe: GatewayProbe | null) {
  if (probe === null) return null;
  const { atMs, rssBytes, health, ready, silent } = probe;
  return { atMs, rssBytes, health, ready, silent };
}

/** Kind and numbers of each event: a lane or a reason may be named after a session. */
function logNumbers(log: GatewayLog | null) {
  if (log === null) return null;
  const { fromMs, events } = log;
  return { fromMs, dropped: Math.max(0, events.length - MAX_EVENTS), events: events.slice(-MAX_EVENTS).map(numbersOf) };
}

function numbersOf(event: LogEvent): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(event).filter(([key, value]) => key === "kind" || typeof value === "number"),
  );
}

/** The last hour as a table; the lives of a gateway stay apart by their number. */
function ringNumbers(ring: VitalRing | null, nowMs: number) {
  if (ring === null) return null;
  const columns = [
    "atMs",
    "spanMs",
    "rssBytes",
    "maxDelayMs",
    "p99DelayMs",
    "utilization",
    "heapBytes",
    "externalBytes",
  ];
  const recent = ring.lives
    .map(({ samples, ...life }) => ({ ...life, samples: samples.filter(({ atMs }) => nowMs - atMs <= RING_MS) }))
    .filter(({ samples }) => samples.length > 0);
  const rows = recent.flatMap(({ samples }, life) =>
    samples.map((sample) => [life, ...columns.map((column) => sample[column as keyof typeof sample])]),
  );
  return {
    lives: recent.map(({ pid, startTicks, startedAtMs, hostVersion }) => ({
      pid,
      startTicks,
      startedAtMs,
      hostVersion,
    })),
    columns: ["life", ...columns],
    rows: rows.slice(-MAX_SAMPLES),
  };
}
