import { isRecord } from "../facts/config.ts";
import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import {
  type AgentScope,
  agentIds,
  agentScopes,
  allScopes,
  type ConfigDraft,
  numberAt,
  valueAt,
} from "./config-keys.ts";
import type { ConfigChange } from "./config-plan.ts";
import { costOfNoLimit, type TimeoutTraits } from "./timeout-traits.ts";
import type { Confidence, FindingDraft, Severity } from "./types.ts";

type Config = Readonly<Record<string, unknown>>;

export interface TimeoutRulesInput {
  readonly config: Config;
  readonly traits: TimeoutTraits;
  /** Policy `timeouts.subagentSeconds`. */
  readonly subagentSeconds: number;
  readonly configPath: string;
  readonly confidence: Confidence;
}

/** The host's timers hold no more: whoever asks for longer gets what it calls no limit. Seconds, 24.8 days. */
export const LONGEST_TIMER_SECONDS = 2_147_000;
/** What the host gives a run of an agent when the config says nothing. Seconds. */
const AGENT_DEFAULT_SECONDS = 172_800;

const AGENTS: ConfigPath = ["agents", "defaults", "timeoutSeconds"];
const SUBAGENTS: ConfigPath = ["agents", "defaults", "subagents", "runTimeoutSeconds"];

/** Limits of the config that are no limits: of agents, their heartbeats, their sub-agents and the commands they run. */
export function timeoutDrafts(input: TimeoutRulesInput): ConfigDraft[] {
  return [agentDraft(input), heartbeatDraft(input), subagentDraft(input), ...execDrafts(input)].filter(
    (draft) => draft !== null,
  );
}

/** Whether the host would take this for no limit. */
function isUnlimited(seconds: number): boolean {
  return seconds <= 0 || seconds >= LONGEST_TIMER_SECONDS;
}

function agentDraft(input: TimeoutRulesInput): ConfigDraft | null {
  const seconds = numberAt(input.config, AGENTS);
  if (seconds === undefined) {
    if (!isSetUp(input.config)) return null;
    return draft(input, AGENTS, [], {
      severity: "info",
      message: "A run of an agent may last 48 hours, which is OpenClaw's own limit.",
      requirement: "a limit that suits the longest task",
      fixHint: `Set ${formatPath(AGENTS)} if no task of yours takes that long.`,
      evidence: [
        { what: "limit of a run, seconds", value: AGENT_DEFAULT_SECONDS, source: "OpenClaw's built-in number" },
      ],
      risk: null,
      // Not what a 0 there is called: after its removal that one is gone.
      identity: `${formatPath(AGENTS)} not set`,
    });
  }
  if (!agentsUnlimited(input)) return null;
  return draft(input, AGENTS, [{ path: AGENTS, remove: true }], {
    severity: "warning",
    message: `A run of an agent has no time limit: ${costOfNoLimit(input.traits)}.`,
    requirement: "a limit for runs of agents",
    fixHint: `Remove ${formatPath(AGENTS)}: OpenClaw's own limit of 48 hours then applies. Or set one that suits you.`,
    evidence: [{ what: formatPath(AGENTS), value: seconds, source: "openclaw.json" }],
  });
}

/** Of what OpenClaw chooses by itself a config that says nothing of agents is not told. */
function isSetUp(config: Config): boolean {
  return isRecord(config["agents"]);
}

/** A 0 that the host refuses is no limit of any kind: its own validation tells the user. */
function agentsUnlimited({ config, traits }: TimeoutRulesInput): boolean {
  const seconds = numberAt(config, AGENTS);
  if (seconds === undefined || seconds < 0) return false;
  return seconds === 0 ? traits.zeroMeansNone : isUnlimited(seconds);
}

/** Left to themselves heartbeats end after ten minutes at most; a limit of the agents takes the place of that. */
function heartbeatDraft(input: TimeoutRulesInput): ConfigDraft | null {
  if (!input.traits.zeroMeansNone || !agentsUnlimited(input)) return null;
  const agents = heartbeatAgents(input.config);
  if (agents.length === 0) return null;
  const key: ConfigPath = ["agents", "defaults", "heartbeat", "timeoutSeconds"];
  return draft(input, key, [], {
    severity: "warning",
    message: `Heartbeats of ${agents.map((agent) => `\`${agent}\``).join(", ")} have no time limit, because agents have none: one that gets stuck stops those that should follow.`,
    requirement: "a limit for heartbeats",
    fixHint: `Bound the agents (${formatPath(AGENTS)}), or the heartbeats alone with ${formatPath(key)}: 600.`,
    evidence: [
      { what: formatPath(AGENTS), value: numberAt(input.config, AGENTS) ?? null, source: "openclaw.json" },
      { what: "agents whose heartbeat takes that over", value: agents.length, source: "openclaw.json" },
    ],
    risk: null,
  });
}

/** Agents that have heartbeats, and none with a limit of its own. */
function heartbeatAgents(config: Config): string[] {
  const defaults = valueAt(config, ["agents", "defaults", "heartbeat"]);
  const explicit = agentScopes(config).filter(({ value }) => isRecord(value["heartbeat"]));
  const [first] = agentIds(config);
  const ids = explicit.length > 0 ? explicit.map(nameOf) : isRecord(defaults) ? agentIds(config) : [first ?? "main"];
  return ids.filter((id) => {
    const own = explicit.find((scope) => nameOf(scope) === id)?.value["heartbeat"];
    const heartbeat = { ...(isRecord(defaults) ? defaults : {}), ...(isRecord(own) ? own : {}) };
    return heartbeat["timeoutSeconds"] === undefined && !isOff(heartbeat["every"]);
  });
}

function nameOf({ agent }: AgentScope): string {
  return agent ?? "main";
}

/** `0m` and the like: no heartbeat at all. */
function isOff(every: unknown): boolean {
  return typeof every === "string" && /^0+(\.0+)?\s*[a-z]*$/i.test(every.trim());
}

/**
 * The host bounds no sub-agent of its own accord, on any version: told as information as long as nobody wrote it down,
 * or each new install would be warned of.
 */
function subagentDraft(input: TimeoutRulesInput): ConfigDraft | null {
  const seconds = numberAt(input.config, SUBAGENTS);
  if (seconds !== undefined && !isUnlimited(seconds)) return null;
  const { subagentSeconds } = input;
  const unset = seconds === undefined;
  if (unset && !isSetUp(input.config)) return null;
  return draft(input, SUBAGENTS, [{ path: SUBAGENTS, set: subagentSeconds }], {
    severity: unset ? "info" : "warning",
    message: `A sub-agent has no time limit${unset ? ", which is OpenClaw's own choice" : ""}: ${costOfNoLimit(input.traits)}.`,
    requirement: "a limit for runs of sub-agents",
    fixHint: `Set ${formatPath(SUBAGENTS)}, for example to ${subagentSeconds}. An agent that starts one can still ask for more.`,
    evidence: [
      unset
        ? { what: formatPath(SUBAGENTS), value: null, source: "not set; OpenClaw then takes 0, no limit" }
        : { what: formatPath(SUBAGENTS), value: seconds, source: "openclaw.json" },
      {
        what: "limit that the repair sets, seconds",
        value: subagentSeconds,
        source: "policy timeouts.subagentSeconds",
      },
    ],
  });
}

/** The schema takes no 0 here, so only what is too long for a timer is left. Both names of the key, for either era. */
function execDrafts(input: TimeoutRulesInput): ConfigDraft[] {
  const owners: ConfigPath[] = [["tools"], ...allScopes(input.config).map(({ path }) => [...path, "tools"])];
  return owners.flatMap((owner) =>
    ["timeoutSec", "timeoutSeconds"].flatMap((name) => {
      const key: ConfigPath = [...owner, "exec", name];
      const seconds = numberAt(input.config, key);
      if (seconds === undefined || seconds < LONGEST_TIMER_SECONDS) return [];
      return [
        draft(input, key, [{ path: key, remove: true }], {
          severity: "warning",
          message: `A command that an agent runs has no time limit (${formatPath(key)}): one that hangs holds up the whole run.`,
          requirement: "a limit for commands",
          fixHint: `Remove ${formatPath(key)}: OpenClaw's own limit of 30 minutes then applies. Or set one that suits you.`,
          evidence: [{ what: formatPath(key), value: seconds, source: "openclaw.json" }],
        }),
      ];
    }),
  );
}

type Says = Pick<FindingDraft, "message" | "requirement" | "fixHint" | "evidence" | "risk"> & {
  readonly severity: Severity;
  /** Default: the key. */
  readonly identity?: string;
};

function draft(input: TimeoutRulesInput, key: ConfigPath, edits: readonly ConfigChange[], says: Says): ConfigDraft {
  const target = formatPath(key);
  const { configPath: path, confidence } = input;
  return { key, edits, finding: { identity: target, ...says, path, target, confidence } };
}
