/** Where a run looks, as its caller, the environment and the config say. */
import { type ConfigFacts, configValue } from "./config.ts";
import { expandReferences } from "./config-env.ts";
import type { FactOptions } from "./facts.ts";
import { locate } from "./installation.ts";
import { resolveUserPath } from "./paths.ts";

/** With one of these set to 1 the host refuses to write its config; 2026.5.22 knows only the second. */
const READ_ONLY = ["OPENCLAW_CONFIG_READONLY", "OPENCLAW_NIX_MODE"] as const;

/** The variable by which the config is not to be written, null when there is none. */
export function readOnlyBy(env: NodeJS.ProcessEnv): string | null {
  return READ_ONLY.find((name) => env[name] === "1") ?? null;
}

/** A host that hands us its config may not have written the file yet. */
export function findPlace({ stateDir, configPath, config }: FactOptions, env: NodeJS.ProcessEnv) {
  if (config === undefined || configPath === undefined) return locate({ stateDir, configPath, env });
  return { ...locate({ stateDir, env }), configPath };
}

/** Where sessions are looked for. */
export function sessionStores(stateDir: string, config: ConfigFacts, env: NodeJS.ProcessEnv, updating: boolean) {
  const list = configValue(config, "agents.list");
  const ids = Array.isArray(list) ? list.map((agent: { id?: unknown } | null) => agent?.id) : [];
  return {
    stateDir,
    store: pathValue(config, "session.store", env),
    agents: ids.filter((id): id is string => typeof id === "string" && /^[\w.-]+$/.test(id)),
    confined: updating,
  };
}

/** A path in the config, absolute; null where there is none. */
export function pathValue(config: ConfigFacts, key: string, env: NodeJS.ProcessEnv): string | null {
  const value = configValue(config, key);
  if (typeof value !== "string" || value.trim() === "") return null;
  return resolveUserPath(expandReferences(value, env).text, env);
}
