import path from "node:path";
import { agentIds, agentScopes, valueAt } from "../engine/config-keys.ts";
import type { ProfileCount } from "../engine/retry-rules.ts";
import { isRecord } from "../facts/config.ts";
import { compareTexts } from "../text-order.ts";
import { type AuthStore, mergeStores, providerName, readAuthStore } from "./auth-store.ts";
import { isInside, resolveUserPath } from "./paths.ts";

type Config = Readonly<Record<string, unknown>>;

/** How many sign-ins each agent can fall back on. Numbers and names of providers only. */
export interface AuthProfileFacts {
  /** By id of the agent; providers without a usable sign-in are left out. */
  readonly byAgent: ReadonlyMap<string, readonly ProfileCount[]>;
  /** What could not be read, one sentence each. */
  readonly problems: readonly string[];
}

export interface AuthProfileOptions {
  readonly stateDir: string;
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Only folders within the state dir are looked at. */
  readonly confined: boolean;
}

/**
 * Counts auth profiles as the host does for its retries (2026.5.22 to 2026.7.35): those an agent has in its folder
 * and those of `main`, without the ones it could not use, and of them the ones that the config's order names.
 */
export async function readAuthProfiles(options: AuthProfileOptions): Promise<AuthProfileFacts> {
  const { stateDir, config, env, confined } = options;
  const problems: string[] = [];
  const read = async (dir: string): Promise<AuthStore> => {
    const found = await readAuthStore(dir);
    problems.push(...found.problems);
    return found.store;
  };
  const mainDir = path.join(stateDir, "agents", "main", "agent");
  const main = await read(mainDir);
  const byAgent = new Map<string, ProfileCount[]>();
  for (const agent of agentIds(config)) {
    const dir = agentDir(agent, stateDir, config, env);
    const hasOwn = dir !== mainDir && (!confined || isInside(stateDir, dir));
    const store = hasOwn ? mergeStores(main, await read(dir)) : main;
    byAgent.set(agent, countProfiles(store, config));
  }
  return { byAgent, problems };
}

function agentDir(agent: string, stateDir: string, config: Config, env: NodeJS.ProcessEnv): string {
  const own = agentScopes(config).find((scope) => scope.agent === agent)?.value["agentDir"];
  if (typeof own === "string" && own.trim() !== "") return resolveUserPath(own.trim(), env);
  return path.join(stateDir, "agents", agent, "agent");
}

/** Usable profiles by provider, most first. */
function countProfiles(store: AuthStore, config: Config): ProfileCount[] {
  const providers = new Set([...store.profiles.values()].map(({ provider }) => provider));
  for (const { provider } of configured(config).values()) providers.add(provider);
  return [...providers]
    .map((provider) => ({ provider, count: usableFor(provider, store, config).size }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || compareTexts(a.provider, b.provider));
}

/** OpenAI's models can also run on sign-ins of `openai-codex`, which takes API keys of OpenAI in turn. */
function usableFor(provider: string, store: AuthStore, config: Config): ReadonlySet<string> {
  if (prefersKeyOfConfig(config, provider)) return new Set();
  const accepted = provider === "openai" ? ["openai", "openai-codex"] : [provider];
  return new Set(accepted.flatMap((name) => ordered(name, store, config)));
}

function ordered(provider: string, store: AuthStore, config: Config): string[] {
  const profiles = configured(config);
  const fits = (id: string): boolean => {
    const stored = store.profiles.get(id);
    const wanted = profiles.get(id);
    if (stored === undefined)
      return wanted?.mode === "aws-sdk" && wanted.provider === provider && takesAws(config, provider);
    if (!stored.usable || !isFor(stored, provider)) return false;
    if (wanted === undefined) return true;
    // A profile the config takes for something else is passed over.
    const sameMode = wanted.mode === stored.type || (wanted.mode === "oauth" && stored.type === "token");
    return isFor({ provider: wanted.provider, type: stored.type }, provider) && sameMode;
  };
  const ofStore = [...store.profiles].filter(([, profile]) => isFor(profile, provider)).map(([id]) => id);
  const named = [...profiles]
    .filter(([id, wanted]) =>
      isFor({ provider: wanted.provider, type: store.profiles.get(id)?.type ?? wanted.mode }, provider),
    )
    .map(([id]) => id);
  const base = store.order.get(provider) ?? configOrder(config, provider) ?? (named.length > 0 ? named : ofStore);
  const found = base.filter(fits);
  const allMissing = base.every((id) => !store.profiles.has(id));
  return found.length === 0 && named.length > 0 && allMissing ? ofStore.filter(fits) : found;
}

function isFor(profile: { readonly provider: string; readonly type: string }, provider: string): boolean {
  if (profile.provider === provider) return true;
  return provider === "openai-codex" && profile.provider === "openai" && profile.type === "api_key";
}

interface ConfiguredProfile {
  readonly provider: string;
  readonly mode: string;
}

/** `auth.profiles` of the config. */
function configured(config: Config): Map<string, ConfiguredProfile> {
  const profiles = valueAt(config, ["auth", "profiles"]);
  const found = new Map<string, ConfiguredProfile>();
  for (const [id, value] of Object.entries(isRecord(profiles) ? profiles : {})) {
    if (!isRecord(value) || typeof value["provider"] !== "string") continue;
    found.set(id, { provider: providerName(value["provider"]), mode: String(value["mode"] ?? "") });
  }
  return found;
}

/** `auth.order` of the config. */
function configOrder(config: Config, provider: string): string[] | undefined {
  const order = valueAt(config, ["auth", "order"]);
  const found = Object.entries(isRecord(order) ? order : {}).find(([name]) => providerName(name) === provider)?.[1];
  return Array.isArray(found) ? found.filter((id): id is string => typeof id === "string") : undefined;
}

/** A provider with its key in the config, and told to use it, does without profiles. */
function prefersKeyOfConfig(config: Config, provider: string): boolean {
  const entry = providerEntry(config, provider);
  const key = entry?.["apiKey"];
  return entry?.["auth"] === "api-key" && (isRecord(key) || (typeof key === "string" && key.trim() !== ""));
}

function takesAws(config: Config, provider: string): boolean {
  const auth = providerEntry(config, provider)?.["auth"];
  return auth === "aws-sdk" || (auth === undefined && provider === "amazon-bedrock");
}

function providerEntry(config: Config, provider: string): Record<string, unknown> | undefined {
  const entries = valueAt(config, ["models", "providers"]);
  const found = Object.entries(isRecord(entries) ? entries : {}).find(([name]) => providerName(name) === provider)?.[1];
  return isRecord(found) ? found : undefined;
}
