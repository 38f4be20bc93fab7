import type { FindingDraft } from "./types.ts";

/** Where a value lies in the resolved config, e.g. `["agents", "list", 0, "runRetries", "max"]`. */
export type KeyPath = readonly (string | number)[];

/** One intended change of the config. Objects that are missing on the way to `path` are made. */
export type ConfigEdit =
  | { readonly path: KeyPath; readonly set: string | number | boolean }
  | { readonly path: KeyPath; readonly remove: true };

/**
 * What a rule says about the config: the finding, the key it is about, and the changes that would mend it. No edits:
 * nothing can be repaired in the config. Either all edits are made or none.
 */
export interface ConfigDraft {
  readonly key: KeyPath;
  readonly edits: readonly ConfigEdit[];
  readonly finding: FindingDraft;
}

/** A part of the config that belongs to one agent, or to all of them. */
export interface AgentScope {
  /** As the host reads the id: trimmed, lower case; null for `agents.defaults`. */
  readonly agent: string | null;
  readonly path: KeyPath;
  readonly value: Readonly<Record<string, unknown>>;
}

type Config = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path, undefined where there is none. */
export function valueAt(config: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return typeof key === "number" ? value[key] : undefined;
    return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }, config);
}

/** The finite number at a path, undefined for anything else. */
export function numberAt(config: unknown, path: KeyPath): number | undefined {
  const value = valueAt(config, path);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** A path as people and the host write it: `agents.list[0].runRetries.max`. */
export function keyText(path: KeyPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
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
