import type { GatewayProbe } from "../facts/vital-signs.ts";
import { durationText } from "./duration-text.ts";
import type { Block } from "./loop-blocks.ts";
import type { LoopHistory } from "./loop-history.ts";
import type { LoopNow, WhyBlocked } from "./loop-now.ts";
import type { Evidence, FindingDraft } from "./types.ts";

const WATCH = "`openclaw-vitals check --only event-loop-delay --watch-for 2m`";

const WHY = {
  busy: "something in it keeps the processor busy and lets nothing else run",
  waiting: "something in it waits, for a disk or for another program, and lets nothing else run",
  starved:
    "the machine gives it hardly any processor time, so this may be the machine's load and not the gateway's fault",
  stopped: "its process was stopped, as by `kill -STOP` or a debugger",
  unknown: "something in it lets nothing else run",
} as const satisfies Record<WhyBlocked, string>;

/** The finding for a gateway that does not answer, or hardly; null for what is no finding of now. */
export function nowFinding(now: LoopNow, probe: GatewayProbe): FindingDraft | null {
  const { gateway } = probe;
  const who = `The gateway (process ${gateway.pid})`;
  const draft = {
    path: gateway.lockPath,
    target: "gateway",
    confidence: "proven" as const,
    evidence: probeEvidence(probe),
    identity: "now",
  };
  switch (now.kind) {
    case "blocked":
      return {
        ...draft,
        severity: "error",
        message: `${who} runs and takes connections, but has not answered for ${durationText(now.ms)}: ${WHY[now.why]}.`,
        fixHint: `\`openclaw-vitals fix --force\` has OpenClaw restart it and proves that it happened. A gateway that is stuck may not hear that, nor Ctrl-C: then end process ${gateway.pid} from outside (\`kill -9 ${gateway.pid}\`, or by its service manager or container) and start it again.`,
        ...(now.why === "starved" ? { severity: "warning", confidence: "likely", risk: null } : {}),
      };
    case "again and again":
      return {
        ...draft,
        severity: "warning",
        message: `${who} stands still again and again: ${now.slow} of ${now.of} requests waited too long, up to ${durationText(now.longestMs)}, and so does everything else in it.`,
        fixHint: `Look into its log for what it is at. \`openclaw-vitals fix --force\` restarts it; if that does not last, a plugin or its load is the cause.`,
      };
    case "just now":
      return {
        ...draft,
        severity: "warning",
        message: `${who} stood still just now, for ${durationText(now.ms)} at least: nothing was answered meanwhile.`,
        fixHint: `See whether it goes on: ${WATCH}.`,
        risk: null,
      };
    case "closed":
      return {
        ...draft,
        severity: "warning",
        message: `${who} runs, but takes no connections on its port ${gateway.port}.`,
        fixHint: "See its log; it may be on its way down. If it stays so, restart it: `openclaw gateway restart`.",
        risk: null,
      };
    case "not asked":
      return {
        ...draft,
        severity: "info",
        message: `${who} runs, but nothing on port ${gateway.port} is seen to be it, so it could not be asked whether it answers.`,
        fixHint: "If it listens elsewhere, say where: `OPENCLAW_GATEWAY_PORT=<port> openclaw-vitals`.",
        confidence: "unknown",
        risk: null,
      };
    case "starting":
      return {
        ...draft,
        severity: "info",
        message: `${who} was started less than two minutes ago and does not answer well yet, as is normal for a start.`,
        fixHint: "Look again in two minutes.",
        confidence: "likely",
        // Another finding than the one a restart was for: it does not say that the restart failed.
        identity: "starting",
        risk: null,
      };
    default:
      return null;
  }
}

/** The finding for a gateway that stood still and answers again. */
export function historyFinding(
  history: LoopHistory,
  nowMs: number,
  about: Pick<FindingDraft, "path"> & { readonly start: readonly Block[] },
): FindingDraft {
  const { severity, longest, last, times, ageMs, vague } = history;
  const ago = `${durationText(Math.max(0, nowMs - last.toMs))} ago`;
  const when = times === 1 ? ago : `at least ${times} times in the last ${durationText(ageMs)}`;
  const how =
    times === 1
      ? `for ${durationText(longest.longestMs)}`
      : `for up to ${durationText(longest.longestMs)}, last ${ago}`;
  const doubt = vague ? ", unless the machine was asleep then" : "";
  return {
    ...(about.path === undefined ? {} : { path: about.path }),
    severity,
    target: "gateway",
    message: `The gateway stood still ${when}, ${how}${doubt}; nothing was answered meanwhile.`,
    fixHint: `Look into its log at these times for what it was at. To see whether it goes on: ${WATCH}.`,
    confidence: vague ? "likely" : "proven",
    evidence: [...historyEvidence(history), ...startEvidence(about.start)],
    identity: "history",
    risk: null,
  };
}

/** What is said when nothing can be: what is missing, and what to run for an answer. */
export function inconclusive(why: string, probe: GatewayProbe, history: LoopHistory | null): FindingDraft {
  return {
    severity: "info",
    path: probe.gateway.lockPath,
    target: "gateway",
    message: why,
    fixHint: `For an answer: ${WATCH}.`,
    confidence: "unknown",
    evidence: [...probeEvidence(probe), ...historyEvidence(history)],
    identity: "inconclusive",
    risk: null,
  };
}

function probeEvidence({ health, ready, silent }: GatewayProbe): Evidence[] {
  const waited = (kind: string, ms: number): string =>
    kind === "answered" ? durationText(ms) : `${kind} after ${durationText(ms)}`;
  const figures = ready.figures;
  return [
    { what: "answer to a health request", value: waited(health.kind, health.ms), source: "GET /healthz" },
    ...(figures?.maxDelayMs == null
      ? []
      : [{ what: "longest delay by its own account", value: durationText(figures.maxDelayMs), source: "GET /readyz" }]),
    ...(silent === null
      ? []
      : [
          {
            what: "process meanwhile",
            value: `state ${silent.state}, ${Math.round(silent.cpuMs)} ms of processor time in ${Math.round(silent.overMs)} ms${silent.starvedMs === null ? "" : `, ${Math.round(silent.starvedMs)} ms waiting for a processor`}`,
            source: "/proc",
          },
        ]),
  ];
}

const SHOWN = 5;

/** The longest ones, in the order of time: when, how long, how often, who saw it, and what was running. */
export function historyEvidence(history: LoopHistory | null): Evidence[] {
  const shown = [...(history?.episodes ?? [])].sort((a, b) => b.longestMs - a.longestMs).slice(0, SHOWN);
  return shown
    .sort((a, b) => a.fromMs - b.fromMs)
    .map(({ toMs, longestMs, times, sources, work }) => ({
      what: `stood still until ${new Date(toMs).toISOString()}`,
      value: `${durationText(longestMs)}${times > 1 ? `, at least ${times} times` : ""}${work.length > 0 ? `, while running ${work.join(", ")}` : ""}`,
      source: sources.join(", "),
    }));
}

function startEvidence(start: readonly Block[]): Evidence[] {
  if (start.length === 0) return [];
  const longest = Math.max(...start.map(({ ms }) => ms));
  return [
    {
      what: "during its start, which is normal and not counted",
      value: `up to ${durationText(longest)}`,
      source: [...new Set(start.map(({ source }) => source))].join(", "),
    },
  ];
}
