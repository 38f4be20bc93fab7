import type { GatewayProbe, LogEvent, MemoryLimits } from "../facts/vital-signs.ts";
import type { GrowthVerdict } from "./memory-growth.ts";
import { limitAhead, limitClose } from "./memory-limit.ts";
import { growthText, inconclusiveText, intervalText, mebibytes } from "./memory-sentences.ts";
import type { MemorySeries } from "./memory-series.ts";
import { theilSen } from "./theil-sen.ts";
import type { Evidence, FindingDraft } from "./types.ts";

type Growing = GrowthVerdict & { kind: "growing" };

/** A gateway that will not live so long is an error. Minutes. */
const SOON = 30;
/** How far back a gateway has to have been at its limit. Milliseconds. */
const RECENT_MS = 300_000;

/** What was wrong at the same time and may be the cause. */
export interface SameTime {
  readonly events: readonly LogEvent[];
  /** When turns began that hold their session's lock past its limit. Milliseconds since the epoch. */
  readonly stuckSinceMs: readonly number[];
}

/** A gateway whose memory grows. */
export function growthFinding(
  verdict: Growing,
  series: MemorySeries,
  limits: MemoryLimits | null,
  threshold: number,
  sameTime: SameTime,
): FindingDraft {
  const { slope, fromMs, toMs, fromBytes, toBytes, samples } = verdict;
  const within = series.heap.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const heap = theilSen(within.map(({ atMs, rssBytes }) => ({ t: atMs / 60_000, y: rssBytes })));
  const heapNow = within.at(-1)?.rssBytes;
  const grows = heap !== null && heapNow !== undefined && heap.lower > 0 ? { slope: heap, nowBytes: heapNow } : null;
  const limit = limitAhead(limits, { slope, nowBytes: toBytes, heap: grows });
  const { source } = series;
  const evidence: Evidence[] = [
    { what: "growth in MiB per minute, interval of 99 %", value: intervalText(slope), source },
    { what: "from", value: `${new Date(fromMs).toISOString()}, ${mebibytes(fromBytes)}`, source },
    { what: "to", value: `${new Date(toMs).toISOString()}, ${mebibytes(toBytes)}`, source },
    { what: "samples", value: samples, source },
    { what: "threshold in MiB per minute", value: threshold, source: "policy memory.slopeMBPerMinute" },
  ];
  if (heap !== null)
    evidence.push({ what: "of it in the JavaScript heap, MiB per minute", value: intervalText(heap), source });
  if (limit !== null)
    evidence.push(
      { what: limit.what, value: mebibytes(limit.bytes), source: limit.source },
      {
        what: "minutes until then at the upper end of the interval",
        value: whole(limit.soonest),
        source: "calculated",
      },
      { what: "minutes until then at the lower end of the interval", value: whole(limit.latest), source: "calculated" },
    );
  evidence.push(...sameTimeEvidence(sameTime, fromMs, toMs));
  return {
    severity: limit !== null && limit.latest < SOON ? "error" : "warning",
    message: growthText(verdict, limit),
    target: "gateway",
    fixHint: `\`openclaw-vitals fix --force${series.watched ? " --only rss-growth --watch-for 5m" : ""}\` restarts the gateway, which ends all turns in it, and proves that the memory was freed. A restart does not mend the leak.`,
    confidence: "likely",
    evidence,
    identity: "growth",
  };
}

/** Stuck turns keep what they hold, and each run that waits for their lock keeps more. */
function sameTimeEvidence({ events, stuckSinceMs }: SameTime, fromMs: number, toMs: number): Evidence[] {
  const stuck = events.filter(({ kind, atMs }) => kind === "stuck-session" && atMs >= fromMs && atMs <= toMs);
  const evidence: Evidence[] = [];
  const first = (times: readonly number[]): string =>
    `${times.length}, the first from ${new Date(Math.min(...times)).toISOString()}`;
  if (stuck.length > 0)
    evidence.push({
      what: "reports of stuck sessions at that time",
      value: first(stuck.map(({ atMs }) => atMs)),
      source: "gateway log",
    });
  if (stuckSinceMs.length > 0)
    evidence.push({
      what: "session locks it holds past their limit",
      value: first(stuckSinceMs),
      source: "session locks",
    });
  return evidence;
}

/** A gateway that needs nearly all it may have, for minutes and without growing. */
export function levelFinding(series: MemorySeries, limits: MemoryLimits | null): FindingDraft | null {
  const nowMs = series.samples.at(-1)?.atMs ?? 0;
  const recent = series.samples.filter(({ atMs }) => nowMs - atMs <= RECENT_MS).map(({ rssBytes }) => rssBytes);
  const close = limitClose(limits, recent);
  if (close === null) return null;
  const percent = Math.floor((100 * close.usedBytes) / close.bytes);
  return {
    severity: "warning",
    message: `The gateway needs ${percent} % of the memory its control group may have, ${mebibytes(close.bytes)}: when it is full, the gateway is ended.`,
    target: "gateway",
    fixHint:
      "Give it more memory, or run fewer turns at once. `openclaw-vitals fix --force` restarts the gateway, which ends all turns in it.",
    confidence: "likely",
    evidence: [
      { what: "least it needed in the last 5 minutes", value: mebibytes(close.usedBytes), source: series.source },
      { what: "readings", value: recent.length, source: series.source },
      { what: "limit of its control group", value: mebibytes(close.bytes), source: close.source },
    ],
    identity: "level",
  };
}

/** Nothing is said to be well that nobody has seen. */
export function inconclusiveFinding(
  verdict: GrowthVerdict & { kind: "inconclusive" },
  { source }: MemorySeries,
  { rssBytes }: GatewayProbe,
): FindingDraft {
  return {
    severity: "info",
    message: inconclusiveText(verdict),
    target: "gateway",
    fixHint:
      "`openclaw-vitals check --only rss-growth --watch-for 10m` watches it for as long as it takes. The plugin in the gateway does so all the time.",
    confidence: "unknown",
    evidence: [
      { what: "samples", value: verdict.samples, source },
      ...(rssBytes === null ? [] : [{ what: "memory now", value: mebibytes(rssBytes), source: "its process" }]),
    ],
    identity: "inconclusive",
    risk: null,
  };
}

function whole(minutes: number): number {
  return Math.round(minutes);
}
