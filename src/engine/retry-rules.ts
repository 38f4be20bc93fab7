import { isRecord } from "../facts/config.ts";
import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import { type AgentScope, agentIds, agentScopes, type ConfigDraft, numberAt, valueAt } from "./config-keys.ts";
import type { ConfigChange } from "./config-plan.ts";
import { type RetryCeiling, type RunRetries, retryCeiling } from "./retry-ceiling.ts";
import type { Confidence, Evidence } from "./types.ts";

type Config = Readonly<Record<string, unknown>>;

/** How many auth profiles of one provider an agent can use. */
export interface ProfileCount {
  readonly provider: string;
  readonly count: number;
}

export interface RetryRulesInput {
  readonly config: Config;
  /** By id of the agent, as `agentIds` gives them. An agent that is missing has no profile. */
  readonly profiles: ReadonlyMap<string, readonly ProfileCount[]>;
  /** Policy `retries.ceiling`. */
  readonly ceiling: number;
  readonly configPath: string;
  readonly confidence: Confidence;
}

interface AgentCeiling {
  readonly agent: string;
  readonly provider: string | null;
  readonly ceiling: RetryCeiling;
}

/**
 * Retries of runs over the ceiling, on a host that has `runRetries`: one finding for `agents.defaults` and all agents
 * that have nothing of their own there, one for each agent that has. Any provider with profiles counts, not only the
 * one of the configured model: a session, a cron job or a fallback may take another.
 */
export function runRetryDrafts(input: RetryRulesInput): ConfigDraft[] {
  const { config } = input;
  const own = ownScopes(config);
  const inheriting = agentIds(config).filter((agent) => !own.has(agent));
  const defaults = draftFor(["agents", "defaults", "runRetries"], inheriting, input);
  const agents = [...own].map(([agent, scope]) => draftFor([...scope.path, "runRetries"], [agent], input));
  return [defaults, ...agents].filter((draft) => draft !== null);
}

/** The ceiling of an agent with the most profiles it has of one provider. */
export function agentCeiling(config: Config, agent: string, profiles: readonly ProfileCount[]): AgentCeiling {
  const most = profiles.reduce<ProfileCount | null>((a, b) => (a !== null && a.count >= b.count ? a : b), null);
  return {
    agent,
    provider: most?.provider ?? null,
    ceiling: retryCeiling(runRetries(config, agent), most?.count ?? 0),
  };
}

/** `runRetries` in force for an agent. */
function runRetries(config: Config, agent: string): RunRetries {
  const paths: ConfigPath[] = [["agents", "defaults", "runRetries"]];
  const scope = ownScopes(config).get(agent);
  if (scope !== undefined) paths.push([...scope.path, "runRetries"]);
  const read = (name: keyof RunRetries): number | undefined =>
    paths.map((path) => numberAt(config, [...path, name])).findLast((value) => value !== undefined);
  return { base: read("base"), perProfile: read("perProfile"), min: read("min"), max: read("max") };
}

/** Agents with a `runRetries` of their own. Of two with one id the host reads the first. */
function ownScopes(config: Config): Map<string, AgentScope> {
  const first = new Map<string, AgentScope>();
  for (const scope of agentScopes(config)) {
    if (scope.agent !== null && !first.has(scope.agent)) first.set(scope.agent, scope);
  }
  return new Map([...first].filter(([, scope]) => isRecord(scope.value["runRetries"])));
}

function draftFor(key: ConfigPath, agents: readonly string[], input: RetryRulesInput): ConfigDraft | null {
  const { config, profiles, ceiling: limit, configPath, confidence } = input;
  const over = agents
    .map((agent) => agentCeiling(config, agent, profiles.get(agent) ?? []))
    .filter(({ ceiling }) => ceiling.value > limit)
    .sort((a, b) => b.ceiling.value - a.ceiling.value);
  const [worst] = over;
  if (worst === undefined) return null;
  const others =
    over.length > 1
      ? `, ${over.length - 1} other agent${over.length > 2 ? "s" : ""} also more than ${limit} times`
      : "";
  const { value } = worst.ceiling;
  return {
    key,
    edits: lowered(key, worst.ceiling, limit),
    finding: {
      severity: "warning",
      message: `Agent \`${worst.agent}\` repeats a run that fails up to ${value} times${others}: a stuck lock or provider keeps it busy that long.`,
      path: configPath,
      target: formatPath(key),
      identity: formatPath(key),
      requirement: `at most ${limit} rounds for one run`,
      fixHint: `Set ${formatPath(key)} so that both min and max are at most ${limit}, in one write.`,
      confidence,
      evidence: over
        .flatMap((one) => evidence(one, key, config))
        .concat({ what: "limit", value: limit, source: "policy retries.ceiling" }),
    },
  };
}

/** Both bounds in one go: a `max` below `min` does nothing, and the host's schema refuses it. */
function lowered(key: ConfigPath, { min }: RetryCeiling, limit: number): ConfigChange[] {
  const max: ConfigChange = { path: [...key, "max"], set: limit };
  return min > limit ? [{ path: [...key, "min"], set: limit }, max] : [max];
}

function evidence({ agent, provider, ceiling }: AgentCeiling, key: ConfigPath, config: Config): Evidence[] {
  const where = valueAt(config, key) === undefined ? "OpenClaw's built-in numbers" : "openclaw.json";
  const of = provider === null ? "" : ` of ${provider}`;
  return [
    {
      what: `rounds of one run of ${agent}`,
      value: ceiling.arithmetic,
      source: `${where}: min(max, max(min, base + profiles × perProfile))`,
    },
    { what: `auth profiles${of} that ${agent} can use`, value: ceiling.profiles, source: "auth profiles" },
  ];
}
