import type { Severity } from "../engine/types.ts";
import type { LockCount } from "./lock-counts.ts";
import type { SharedDiagnosis } from "./shared.ts";
import type { Vitals } from "./vitals.ts";

/** What the metrics are made of. */
export interface MetricsInput {
  readonly diagnosis: SharedDiagnosis;
  readonly vitals: Vitals;
  readonly locks: readonly LockCount[];
  /** Time of the last repair in the journal; null when there is none. Milliseconds since the epoch. */
  readonly lastRepairMs: number | null;
  readonly nowMs: number;
}

type Labels = Readonly<Record<string, string>>;

interface Metric {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels?: Labels; readonly value: number | null }[];
}

const PREFIX = "openclaw_vitals_";
const SEVERITIES: readonly Severity[] = ["error", "warning", "info"];

/**
 * The text format of Prometheus, for the textfile collector of node_exporter. All are gauges: each run looks anew. What
 * could not be measured is left out, as a 0 would be a measurement.
 */
export function renderPrometheus(input: MetricsInput): string {
  return metrics(input).flatMap(renderMetric).join("");
}

function metrics({ diagnosis, vitals, locks, lastRepairMs, nowMs }: MetricsInput): Metric[] {
  const { tool, host, ok, findings, timings } = diagnosis;
  const gauge = (name: string, help: string, value: number | null, labels?: Labels): Metric => ({
    name,
    help,
    samples: [{ value, ...(labels === undefined ? {} : { labels }) }],
  });
  const { probe, maxDelayMs } = vitals;
  const ran = Object.keys(timings).filter((name) => name !== "total");
  return [
    gauge("info", "Versions of openclaw-vitals and of the OpenClaw it looked at.", 1, {
      version: tool.version,
      openclaw_version: host.version ?? "unknown",
    }),
    gauge("last_run_timestamp_seconds", "Time of this look.", nowMs / 1000),
    gauge("run_duration_seconds", "How long the checks took.", seconds(timings["total"])),
    {
      name: "check_duration_seconds",
      help: "How long each check took.",
      samples: ran.map((check) => ({ labels: { check }, value: seconds(timings[check]) })),
    },
    gauge("healthy", "1 when nothing was found at or above the threshold.", ok ? 1 : 0),
    {
      name: "findings",
      help: "Findings by check and severity; 0 for a check that ran and found nothing.",
      samples: [...new Set([...ran, ...findings.map(({ checkId }) => checkName(checkId))])].flatMap((check) =>
        SEVERITIES.map((severity) => ({
          labels: { check, severity },
          value: findings.filter((one) => checkName(one.checkId) === check && one.severity === severity).length,
        })),
      ),
    },
    {
      name: "locks",
      help: "Locks by what they protect and what became of their owner.",
      samples: locks.map(({ kind, verdict, count }) => ({ labels: { kind, verdict }, value: count })),
    },
    gauge("gateway_answers", "1 when the gateway answers on its port; absent when none is at work.", answers(probe)),
    gauge(
      "gateway_answer_seconds",
      "How long the gateway took to answer, or was waited for.",
      seconds(probe?.health.ms),
    ),
    {
      name: "event_loop_delay_max_seconds",
      help: "Longest delay of the gateway's event loop, by its own account (readyz) and in the sampler's last ten minutes.",
      samples: [
        { labels: { source: "readyz" }, value: seconds(maxDelayMs.readyz) },
        { labels: { source: "sampler" }, value: seconds(maxDelayMs.sampler) },
      ],
    },
    gauge("gateway_resident_memory_bytes", "Resident memory of the gateway.", vitals.rssBytes),
    {
      name: "gateway_resident_memory_slope_bytes_per_second",
      help: "Growth of the gateway's resident memory in its last hour: an estimate, and the ends of its interval of 99 %.",
      samples: (["estimate", "lower", "upper"] as const).map((bound) => ({
        labels: { bound },
        value: vitals.slope?.[bound] ?? null,
      })),
    },
    gauge("gateway_memory_limit_bytes", "Smallest memory limit of the gateway's control groups.", limit(vitals)),
    gauge(
      "last_repair_timestamp_seconds",
      "Time of the last repair in the journal; absent when there was none.",
      seconds(lastRepairMs),
    ),
  ];
}

function answers(probe: Vitals["probe"]): number | null {
  if (probe === null) return null;
  return probe.health.kind === "answered" && probe.health.status === 200 ? 1 : 0;
}

function limit({ limits }: Vitals): number | null {
  return limits?.group?.bytes ?? null;
}

function seconds(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : ms / 1000;
}

function checkName(checkId: string): string {
  return checkId.replace(/^vitals\//, "");
}

function renderMetric({ name, help, samples }: Metric): string[] {
  const known = samples.filter(({ value }) => value !== null);
  if (known.length === 0) return [];
  const full = `${PREFIX}${name}`;
  const head = [`# HELP ${full} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n`, `# TYPE ${full} gauge\n`];
  return [...head, ...known.map(({ labels, value }) => `${full}${renderLabels(labels)} ${number(value)}\n`)];
}

/** Label values as the format wants them: backslash, quote and line feed escaped. */
export function renderLabels(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Without the rounding noise of binary fractions. */
function number(value: number | null): string {
  if (value === null || Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(13)));
}
