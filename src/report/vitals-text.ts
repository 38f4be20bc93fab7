import { durationText } from "../engine/duration-text.ts";
import { MB } from "../engine/memory-growth.ts";
import { mebibytes } from "../engine/memory-sentences.ts";
import type { Slope } from "../engine/theil-sen.ts";
import type { LogEvent, SilentProcess, VitalSample } from "../facts/vital-signs.ts";
import { plot } from "./plot.ts";
import type { Redactor } from "./redact.ts";
import { type Shareable, shareVersion } from "./shared.ts";
import type { Vitals } from "./vitals.ts";

/** What a file of the zip holds at most; a day at one sample in ten seconds. */
const MOST_SAMPLES = 8640;

/** Vital signs as they may leave: numbers and words of ours, no name of a process, lane, file or host. */
export type SharedVitals = Shareable<{
  readonly gateway: "running" | "not found";
  readonly health: { readonly kind: string; readonly ms: number; readonly status: number | null } | null;
  readonly ready: Readonly<Record<string, number | boolean | null>> | null;
  readonly silent: SilentProcess | null;
  readonly rssBytes: number | null;
  readonly slopeBytesPerSecond: Slope | null;
  readonly limits: Readonly<Record<string, number | null>> | null;
  /** Events of the gateway's log by kind: how many, and the largest figure of each. */
  readonly log: readonly { readonly kind: string; readonly count: number; readonly largestMs: number | null }[];
  readonly logSpanMs: number | null;
  readonly hostVersion: string | null;
  readonly samples: readonly VitalSample[];
  readonly missing: readonly string[];
}>;

/** Takes out of the vital signs what may leave. */
export function shareVitals(
  vitals: Vitals,
  problems: readonly string[],
  redactor: Redactor,
  nowMs = Date.now(),
): SharedVitals {
  const { gateway, probe, limits, log, life, rssBytes, slope, missing } = vitals;
  const silent = probe?.silent ?? null;
  const figures = probe?.ready.figures ?? null;
  return {
    gateway: gateway === null ? "not found" : "running",
    health: probe && { kind: probe.health.kind, ms: probe.health.ms, status: probe.health.status },
    ready: figures && {
      ready: figures.ready,
      uptimeMs: figures.uptimeMs,
      degraded: figures.degraded,
      maxDelayMs: figures.maxDelayMs,
      p99DelayMs: figures.p99DelayMs,
      utilization: figures.utilization,
    },
    silent: silent && {
      state: /^[A-Z]$/.test(silent.state) ? silent.state : "?",
      cpuMs: silent.cpuMs,
      starvedMs: silent.starvedMs,
      overMs: silent.overMs,
    },
    rssBytes,
    slopeBytesPerSecond: slope,
    limits: limits && {
      groupBytes: limits.group?.bytes ?? null,
      totalBytes: limits.host.totalBytes,
      availableBytes: limits.host.availableBytes,
      heapBytes: limits.heapBytes,
    },
    log: logSummary(log?.events ?? []),
    logSpanMs: log?.fromMs == null ? null : Math.max(0, nowMs - log.fromMs),
    hostVersion: shareVersion(life?.hostVersion ?? null),
    samples: (life?.samples ?? []).slice(-MOST_SAMPLES).map(numbersOf),
    missing: [...missing, ...problems.map((problem) => `${redactor.text(problem)}.`)],
  } as unknown as SharedVitals;
}

/** A sample comes from a file: only its numbers are taken. */
function numbersOf(sample: VitalSample): VitalSample {
  const keys = ["atMs", "spanMs", "rssBytes", "heapBytes", "externalBytes", "maxDelayMs", "p99DelayMs", "utilization"];
  const entries = keys.map((key) => [key, Number(sample[key as keyof VitalSample])] as const);
  return Object.fromEntries(entries) as unknown as VitalSample;
}

function logSummary(events: readonly LogEvent[]): SharedVitals["log"] {
  const kinds = [...new Set(events.map(({ kind }) => kind))].sort();
  return kinds.map((kind) => {
    const own = events.filter((event) => event.kind === kind);
    const figures = own.map(figureOf).filter((figure) => figure !== null);
    return { kind, count: own.length, largestMs: figures.length === 0 ? null : Math.max(...figures) };
  });
}

function figureOf(event: LogEvent): number | null {
  switch (event.kind) {
    case "liveness":
      return event.maxDelayMs;
    case "heartbeat-delayed":
      return event.overdueMs;
    case "stuck-session":
      return event.ageMs;
    case "lane-wait":
      return event.waitedMs;
    case "startup":
      return event.maxDelayMs;
    case "memory-pressure":
      return null;
  }
}

/** The vital signs as Markdown, with plots of memory and delay. */
export function renderVitals(vitals: SharedVitals): string {
  const { gateway, health, ready, silent, rssBytes, slopeBytesPerSecond, limits, log, logSpanMs, samples } = vitals;
  const lines = [`- gateway: ${gateway}`];
  if (health !== null)
    lines.push(`- /healthz: ${health.kind}${status(health.status)} after ${Math.round(health.ms)} ms`);
  if (ready !== null) {
    const said = Object.entries(ready).filter(([, value]) => value !== null);
    lines.push(`- /readyz: ${said.map(([name, value]) => `${name} ${rounded(value)}`).join(", ")}`);
  }
  if (silent !== null)
    lines.push(
      `- process: state ${silent.state}, ${Math.round(silent.cpuMs)} ms of processor time in ${Math.round(silent.overMs)} ms`,
    );
  if (rssBytes !== null) lines.push(`- resident memory: ${mebibytes(rssBytes)}`);
  if (slopeBytesPerSecond !== null) {
    const { estimate, lower, upper } = slopeBytesPerSecond;
    lines.push(
      `- growth: ${mebibytes(estimate * 60)} a minute (99 % between ${mebibytes(lower * 60)} and ${mebibytes(upper * 60)})`,
    );
  }
  if (limits !== null)
    for (const [name, bytes] of Object.entries(limits))
      if (bytes !== null) lines.push(`- limit, ${name}: ${mebibytes(bytes)}`);
  if (logSpanMs !== null)
    lines.push(`- log, last ${durationText(logSpanMs)}: ${log.length === 0 ? "nothing of note" : ""}`.trimEnd());
  for (const { kind, count, largestMs } of log)
    lines.push(`  - ${kind}: ${count}${largestMs === null ? "" : `, largest ${Math.round(largestMs)} ms`}`);
  return samples.length === 0 ? lines.join("\n") : [...lines, "", "```text", plots(samples), "```"].join("\n");
}

function plots(samples: readonly VitalSample[]): string {
  const rss = samples.map(({ atMs, rssBytes }) => ({ atMs, value: rssBytes / MB }));
  const delay = samples.map(({ atMs, maxDelayMs }) => ({ atMs, value: maxDelayMs }));
  return [
    plot(rss, { title: "Resident memory", unit: "MiB", keep: "last" }),
    plot(delay, { title: "Longest event loop delay", unit: "ms", keep: "largest" }),
  ].join("\n\n");
}

function status(code: number | null): string {
  return code === null ? "" : ` ${code}`;
}

function rounded(value: number | boolean | null): string {
  return typeof value === "number" ? String(Math.round(value * 1000) / 1000) : String(value);
}
