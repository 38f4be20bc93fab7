import { isRecord } from "../facts/config.ts";
import type { ConfigPath } from "../facts/config-file.ts";
import type { ConfigChange } from "./config-plan.ts";
import type { FindingDraft } from "./types.ts";

/**
 * What a rule says about the config: the finding, the key it is about, and the changes that would mend it. No edits:
 * nothing can be repaired in the config. Either all edits are made or none.
 */
export interface ConfigDraft {
  readonly key: ConfigPath;
  readonly edits: readonly ConfigChange[];
  readonly finding: FindingDraft;
}

/** A part of the config that belongs to one agent, or to all of them. */
export interface AgentScope {
  /** As the host reads the id: trimmed, lower case; null for `agents.defaults`. */
  readonly agent: string | null;
  readonly path: ConfigPath;
  readonly value: Readonly<Record<string, unknown>>;
}

type Config = Readonly<Record<string, unknown>>;

/** The value at a path, undefined where there is none. */
export function valueAt(config: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return typeof key === "number" ? value[key] : undefined;
    return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }, config);
}

/** The finite number at a path, undefined for anything else. */
export function numberAt(config: unknown, path: ConfigPath): number | undefined {
  const value = valueAt(config, path);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The agents the config names, in the form of either era: `agents.list` or `agents.entries`. */
export function agentScopes(config: Config): AgentScope[] {
  const entries = valueAt(config, ["agents", "entries"]);
  if (isRecord(entries)) {
    return Object.entries(entries).flatMap(([id, value]) =>
      isRecord(value) ? [{ agent: agentId(id), path: ["agents", "entries", id], value }] : [],
    );
  }
  const list = valueAt(config, ["agents", "list"]);
  if (!Array.isArray(list)) return [];
  return list.flatMap((value: unknown, index) =>
    isRecord(value) && typeof value["id"] === "string" && value["id"].trim() !== ""
      ? [{ agent: agentId(value["id"]), path: ["agents", "list", index], value }]
      : [],
  );
}

/** `agents.defaults` and every agent of the config. */
export function allScopes(config: Config): AgentScope[] {
  const path = ["agents", "defaults"];
  const value = valueAt(config, path);
  return [{ agent: null, path, value: isRecord(value) ? value : {} }, ...agentScopes(config)];
}

/** Ids of the agents that can run: those of the config, else the host's own `main`. */
export function agentIds(config: Config): string[] {
  const ids = agentScopes(config).map(({ agent }) => agent ?? "main");
  return ids.length === 0 ? ["main"] : [...new Set(ids)];
}

/** As the host compares ids of agents. */
export function agentId(id: string): string {
  return id.trim().toLowerCase();
}
