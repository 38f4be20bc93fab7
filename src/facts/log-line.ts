import { isRecord } from "./config.ts";
import type { LogEvent } from "./vital-signs.ts";

/** An event of a line, and what tells it from another one at the same time: the host writes some lines twice. */
export interface LogLine {
  readonly event: LogEvent;
  readonly key: string;
}

/** Who writes lines of a kind, and what they look like. Others may quote them. */
interface Reader {
  readonly subsystem: string;
  readonly start: RegExp;
  read(text: string, atMs: number, match: RegExpExecArray): LogEvent | null;
}

const READERS: readonly Reader[] = [
  {
    subsystem: "diagnostic",
    start: /^liveness warning: /,
    read: (text, atMs) => ({
      kind: "liveness",
      atMs,
      maxDelayMs: amount(text, "eventLoopDelayMaxMs"),
      p99DelayMs: amount(text, "eventLoopDelayP99Ms"),
      utilization: amount(text, "eventLoopUtilization"),
      active: amount(text, "active"),
      waiting: amount(text, "waiting"),
      queued: amount(text, "queued"),
      work: workOf(text),
    }),
  },
  {
    subsystem: "diagnostic",
    start: /^liveness heartbeat delayed: overdue=(\d+)ms/,
    read: (_, atMs, [, overdue]) => ({ kind: "heartbeat-delayed", atMs, overdueMs: Number(overdue) }),
  },
  {
    subsystem: "gateway/diagnostics/memory",
    start: /^memory pressure: level=(warning|critical) reason=([a-z_]{1,40}) /,
    read: (text, atMs, [, level = "", reason = ""]) => ({
      kind: "memory-pressure",
      atMs,
      level,
      reason,
      rssBytes: amount(text, "rssBytes"),
      growthBytes: amount(text, "rssGrowthBytes"),
      windowMs: amount(text, "windowMs"),
    }),
  },
  {
    subsystem: "diagnostic",
    start: /^(stuck|stalled) session: /,
    read: (text, atMs, [, state]) => {
      const seconds = / age=(\d+)s queueDepth=/.exec(text)?.[1];
      const ageMs = seconds === undefined ? null : Number(seconds) * 1000;
      return { kind: "stuck-session", atMs, state: state === "stuck" ? "stuck" : "stalled", ageMs };
    },
  },
  {
    subsystem: "diagnostic",
    start: /^lane wait exceeded: lane=(.*) waitedMs=(\d+) queueAhead=/,
    read: (text, atMs, [, lane = "", waited]) => ({
      kind: "lane-wait",
      atMs,
      lane: laneName(lane),
      waitedMs: Number(waited),
      queued: amount(text, "queueBehind"),
    }),
  },
  {
    subsystem: "gateway",
    start: /^provider auth state pre-warmed in (\d+)ms eventLoopMax=([\d.]+)ms$/,
    read: (_, atMs, [, took, max]) => ({
      ...step(atMs, "prewarmed"),
      tookMs: Number(took),
      maxDelayMs: Number.isFinite(Number(max)) ? Number(max) : null,
    }),
  },
  { subsystem: "gateway", start: /^starting\.\.\.$/, read: (_, atMs) => step(atMs, "starting") },
  { subsystem: "gateway", start: /^http server listening /, read: (_, atMs) => step(atMs, "listening") },
  { subsystem: "gateway", start: /^gateway ready$/, read: (_, atMs) => step(atMs, "ready") },
];

/** Most lines are none of these, and cost no more than a search. */
const MARKS =
  /liveness |memory pressure: |(?:stuck|stalled) session: |lane wait exceeded: |state pre-warmed in |http server listening|"gateway ready"|"starting\.\.\."/;

/** What a JSON line of the gateway's log says of its vital signs; null for any other line. Never throws. */
export function readLogLine(line: string): LogLine | null {
  if (!MARKS.test(line)) return null;
  const record = parse(line);
  if (record === null) return null;
  const atMs = timeOf(record);
  const text = textOf(record);
  if (atMs === null || text === null) return null;
  const subsystem = subsystemOf(record);
  for (const reader of READERS) {
    if (subsystem !== null && subsystem !== reader.subsystem) continue;
    const match = reader.start.exec(text);
    const event = match && reader.read(text, atMs, match);
    if (event) return { event, key: `${atMs} ${text}` };
  }
  return null;
}

/** When a line was written, told without parsing it whole; null when it does not say. */
export function lineTime(line: string): number | null {
  // The last one is the line's own: what stands in a message is escaped, and what was logged comes before.
  const at = Math.max(line.lastIndexOf('"time":"'), line.lastIndexOf('"date":"'));
  return at < 0 ? null : stamp(line.slice(at + 8, at + 48).split('"')[0]);
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const record: unknown = JSON.parse(line);
    return isRecord(record) ? record : null;
  } catch {
    return null;
  }
}

function timeOf({ _meta: meta, time }: Record<string, unknown>): number | null {
  return stamp(time) ?? (isRecord(meta) ? stamp(meta["date"]) : null);
}

function stamp(text: unknown): number | null {
  const ms = typeof text === "string" && /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(ms) ? ms : null;
}

/** Lines of some versions have no `message`, only the arguments of the call, the first of which may be the writer. */
function textOf(record: Record<string, unknown>): string | null {
  const { message } = record;
  if (typeof message === "string") return message;
  const args = [record["0"], record["1"], record["2"]];
  return args.find((arg): arg is string => typeof arg === "string" && !arg.startsWith("{")) ?? null;
}

/** Null when the line does not say who wrote it. */
function subsystemOf({ 0: writer }: Record<string, unknown>): string | null {
  const said = typeof writer === "string" && writer.startsWith("{") ? parse(writer) : null;
  const subsystem = said?.["subsystem"];
  return typeof subsystem === "string" ? subsystem : null;
}

/** The first `key=number` of a text: what users can choose stands behind the figures. */
function amount(text: string, key: string): number | null {
  const value = Number(new RegExp(`(?:^|\\s)${key}=(\\d+(?:\\.\\d+)?)(?=\\s|$)`).exec(text)?.[1] ?? Number.NaN);
  return Number.isFinite(value) ? value : null;
}

const WORK = /\((processing|waiting|idle)(?:\/(embedded_run|model_call|tool_call))?,q=\d+,age=\d+s/g;

/** Kinds of work, each once; what stands before the bracket names sessions and agents, and is not kept. */
function workOf(text: string): string[] {
  const list = text.slice(text.indexOf(" work=[") + 1 || text.length);
  return [...new Set([...list.matchAll(WORK)].map(([, state, kind]) => (kind ? `${state}/${kind}` : `${state}`)))];
}

/** The host's own lanes. Those of sessions carry the session's name. */
const LANES = new Set(
  "main system-agent system-agent-inference cron cron-nested hook-dispatch background subagent active-memory nested".split(
    " ",
  ),
);

function laneName(lane: string): string {
  if (LANES.has(lane)) return lane;
  const family = /^(session|nested):/.exec(lane)?.[1];
  return family ?? "other";
}

function step(atMs: number, name: "starting" | "listening" | "ready" | "prewarmed"): LogEvent & { kind: "startup" } {
  return { kind: "startup", atMs, step: name, tookMs: null, maxDelayMs: null };
}
