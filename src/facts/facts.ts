import type { Judgement } from "../engine/verdict.ts";
import { type ConfigFacts, configValue, readConfig } from "./config.ts";
import { findEra, findHostVersion, type HostVersion, locate } from "./installation.ts";
import { judgeSnapshot } from "./lock-owner.ts";
import { resolveUserPath } from "./paths.ts";
import { openProcessTable, type ProcessTable } from "./processes.ts";
import { agentsOnDisk, readSessionLocks, type SessionLock, type SessionLockFacts } from "./session-locks.ts";

/** What a caller knows beforehand. */
export interface FactOptions {
  readonly stateDir?: string | undefined;
  readonly configPath?: string | undefined;
  readonly hostVersion?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The config as the host has it, when it runs us. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** A session lock with what became of its owner; null when it is not a readable file. */
export interface JudgedLock extends SessionLock {
  readonly judgement: Judgement | null;
}

/**
 * Everything read from the machine in one run. Each reader runs once, when first asked, and writes nothing;
 * `fresh()` starts over for the look after a repair.
 */
export interface Facts {
  readonly stateDir: string;
  readonly configPath: string;
  readonly updating: boolean;
  readonly config: ConfigFacts;
  host(): HostVersion;
  era(): Promise<"jsonl" | "sqlite">;
  processes(): Promise<ProcessTable>;
  sessionLocks(graceSeconds: number): Promise<{ locks: readonly JudgedLock[]; problems: readonly string[] }>;
  /** What could not be read, one sentence each, as far as it was asked for. */
  problems(): readonly string[];
  fresh(): Facts;
}

/** @throws UserError when there is no state dir to look at. */
export function gatherFacts(options: FactOptions = {}): Facts {
  const env = options.env ?? process.env;
  const place = findPlace(options, env);
  const updating = env["OPENCLAW_UPDATE_IN_PROGRESS"] === "1";
  const config: ConfigFacts = options.config
    ? { path: place.configPath, exists: true, value: options.config, problem: null }
    : readConfig(place.configPath, env);
  const host = once(() => findHostVersion(options.hostVersion, config, env));
  const processes = once(openProcessTable);
  const locks = once(() => readSessionLocks(stores(place.stateDir, config, env, updating)));
  const found: string[] = [];
  if (config.problem !== null) found.push(config.problem);

  return {
    ...place,
    updating,
    config,
    host,
    processes,
    era: once(() => findEra(place.stateDir, host().version, agentsOnDisk(place.stateDir))),
    async sessionLocks(graceSeconds) {
      const { locks: seen, problems }: SessionLockFacts = await locks();
      for (const problem of problems) if (!found.includes(problem)) found.push(problem);
      const table = await processes();
      const judged: JudgedLock[] = [];
      for (const lock of seen) judged.push({ ...lock, judgement: await judgeSnapshot(lock, table, graceSeconds) });
      return { locks: judged, problems };
    },
    problems: () => found,
    fresh: () => gatherFacts(options),
  };
}

/** A host that hands us its config may not have written the file yet. */
function findPlace({ stateDir, configPath, config }: FactOptions, env: NodeJS.ProcessEnv) {
  if (config === undefined || configPath === undefined) return locate({ stateDir, configPath, env });
  return { ...locate({ stateDir, env }), configPath };
}

function stores(stateDir: string, config: ConfigFacts, env: NodeJS.ProcessEnv, updating: boolean) {
  const store = configValue(config, "session.store");
  const list = configValue(config, "agents.list");
  const ids = Array.isArray(list) ? list.map((agent: { id?: unknown } | null) => agent?.id) : [];
  return {
    stateDir,
    store: typeof store === "string" && store.trim() !== "" ? resolveUserPath(expandVariables(store, env), env) : null,
    agents: ids.filter((id): id is string => typeof id === "string" && /^[\w.-]+$/.test(id)),
    confined: updating,
  };
}

function expandVariables(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (whole, name: string) => env[name] ?? whole);
}

function once<T>(read: () => T): () => T {
  let value: { read: T } | undefined;
  return () => {
    value ??= { read: read() };
    return value.read;
  };
}
