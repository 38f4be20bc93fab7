import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import type { GatewayLog, LogEvent } from "../facts/vital-signs.ts";
import { type ConfigDraft, numberAt } from "./config-keys.ts";
import type { Knobs } from "./config-knobs.ts";
import type { Policy } from "./policy.ts";
import type { Confidence, Evidence } from "./types.ts";

type Liveness = Extract<LogEvent, { kind: "liveness" }>;

export interface SaturationInput {
  readonly config: Readonly<Record<string, unknown>>;
  readonly configPath: string;
  readonly knobs: Knobs;
  readonly confidence: Confidence;
  readonly log: GatewayLog;
  /** What was logged before the config was changed says nothing about it as it is now. */
  readonly changedMs: number | null;
  readonly nowMs: number;
  /** The host allows more runs on a machine with more of them, from 2026.8.1 on. */
  readonly processors: number;
  readonly policy: Policy;
}

/** A queue of the host whose width is a key of the config. */
interface Lane {
  readonly names: readonly string[];
  readonly what: string;
  readonly key: ConfigPath;
  /** Runs at once, as the host computes it. */
  readonly width: number;
  /** Not to be made narrower: one run that is stuck must not keep all others waiting. */
  readonly least: number;
}

/** The host warns of a busy loop from 0.95 on. */
const BUSY = 0.95;
/** With fewer runs at once there is nothing to take away. */
const SEVERAL = 3;
/** The host says so every two minutes at most. */
const OFTEN = 3;
const WINDOW_MS = 3_600_000;

/**
 * A loop that never rests while several runs are at work, and is fine otherwise: the draft halves how many run at once,
 * in the lanes of which the log says that they are full. Null when the log does not show that, or nothing can be taken
 * away.
 */
export function saturationDraft(input: SaturationInput): ConfigDraft | null {
  const { log, changedMs, nowMs, policy, configPath, confidence } = input;
  const since = Math.max(changedMs ?? 0, nowMs - WINDOW_MS);
  const events = log.events.filter(({ atMs }) => atMs >= since && atMs <= nowMs);
  const liveness = events.filter((event) => event.kind === "liveness");
  const busy = liveness.filter((event) => (event.utilization ?? 0) >= BUSY && (event.active ?? 0) >= SEVERAL);
  // Late with one run or none: something else blocks it, and fewer runs would not help.
  const alone = liveness.filter((event) => (event.active ?? 0) <= 1 && isLate(event, policy));
  if (busy.length < OFTEN || alone.length * 3 > busy.length) return null;
  const peak = Math.max(...busy.map(({ active }) => active ?? 0));
  const lowered = lowerings(input, events, peak);
  const [first] = lowered;
  if (first === undefined) return null;
  const target = formatPath(first.lane.key);
  return {
    key: first.lane.key,
    edits: lowered.map(({ lane, to }) => ({ path: lane.key, set: to })),
    finding: {
      severity: "warning",
      message: `The gateway never rests while several runs are at work, ${peak} at once at most: they make each other and every answer late.`,
      path: configPath,
      target,
      identity: target,
      requirement: "as many runs at once as one event loop can serve",
      fixHint: `${lowered.map(({ lane, to }) => `Set ${formatPath(lane.key)} to ${to} (${lane.what}, now ${lane.width}).`).join(" ")} Runs beyond that wait for their turn.`,
      confidence: confidence === "proven" ? "likely" : confidence,
      evidence: evidence(busy, alone, peak, lowered, log),
      risk: "confirm",
    },
  };
}

function isLate({ utilization, maxDelayMs }: Liveness, { loop }: Policy): boolean {
  return (utilization ?? 0) >= BUSY || (maxDelayMs ?? 0) > loop.maxDelayMs;
}

interface Lowering {
  readonly lane: Lane;
  readonly to: number;
}

/** Lanes in which work waited are full; where none is named, the widest cause is taken first: the agents' own. */
function lowerings(input: SaturationInput, events: readonly LogEvent[], peak: number): Lowering[] {
  const waited = new Set(events.flatMap((event) => (event.kind === "lane-wait" ? [event.lane] : [])));
  const all = lanes(input);
  const half = (lane: Lane, runs: number): Lowering => ({ lane, to: Math.max(lane.least, Math.floor(runs / 2)) });
  const isLess = ({ lane, to }: Lowering): boolean => to < lane.width;
  const full = all.filter(({ names }) => names.some((name) => waited.has(name)));
  if (full.length > 0) return full.map((lane) => half(lane, lane.width)).filter(isLess);
  return all
    .map((lane) => half(lane, Math.min(lane.width, peak)))
    .filter(isLess)
    .slice(0, 1);
}

/** The host's defaults: 4 agents and 8 sub-agents at once on 2026.5.22, later as many agents as processors allow. */
function lanes({ config, knobs, processors }: SaturationInput): Lane[] {
  const width = (key: ConfigPath, unset: number): number => Math.max(1, Math.floor(numberAt(config, key) ?? unset));
  const agents: ConfigPath = ["agents", "defaults", "maxConcurrent"];
  const subagents: ConfigPath = ["agents", "defaults", "subagents", "maxConcurrent"];
  const cron: ConfigPath = ["cron", "maxConcurrentRuns"];
  const live = knobs === "live";
  const both: Lane[] = [
    {
      names: ["main"],
      what: "runs of agents at once",
      key: agents,
      width: width(agents, live ? 4 : Math.max(8, 4 * processors)),
      least: 2,
    },
    { names: ["subagent"], what: "sub-agents at once", key: subagents, width: width(subagents, 8), least: 2 },
  ];
  if (!live) return both;
  return [
    ...both,
    { names: ["cron", "cron-nested"], what: "cron jobs at once", key: cron, width: width(cron, 1), least: 1 },
  ];
}

function evidence(
  busy: readonly Liveness[],
  alone: readonly Liveness[],
  peak: number,
  lowered: readonly Lowering[],
  { files, shared }: GatewayLog,
): Evidence[] {
  const source = files[0] ?? "gateway log";
  const queued = Math.max(...busy.map((event) => (event.waiting ?? 0) + (event.queued ?? 0)));
  const delays = busy.flatMap(({ maxDelayMs }) => (maxDelayMs === null ? [] : [maxDelayMs]));
  return [
    { what: `times it was busy without a rest, with ${SEVERAL} runs or more`, value: busy.length, source },
    { what: "times it was late with one run or none", value: alone.length, source },
    { what: "runs at once, at most", value: peak, source },
    { what: "runs that waited meanwhile, at most", value: queued, source },
    ...(delays.length === 0 ? [] : [{ what: "longest delay meanwhile, ms", value: Math.max(...delays), source }]),
    ...(shared ? [{ what: "other gateways of this user write there too", value: true, source }] : []),
    ...lowered.map(({ lane }) => ({
      what: lane.what,
      value: lane.width,
      source: `${formatPath(lane.key)}, or what OpenClaw takes without it`,
    })),
  ];
}
