import type { Judgement } from "../engine/verdict.ts";
import type { AuthProfileFacts } from "./auth-profiles.ts";
import { type ConfigFacts, configValue, includedFiles, readConfig } from "./config.ts";
import { type ConfigLock, readConfigLocks } from "./config-locks.ts";
import type { CronJobFacts } from "./cron-jobs.ts";
import type { FoundLock, FoundLocks } from "./found-lock.ts";
import { type GatewayLock, readGatewayLocks } from "./gateway-locks.ts";
import { findEra, findHostVersion, type HostVersion, locate } from "./installation.ts";
import { judgeLocks } from "./judge-locks.ts";
import type { LeaseFacts } from "./leases.ts";
import type { LockVariables } from "./lock-variables.ts";
import { isInside, resolveUserPath } from "./paths.ts";
import { openProcessTable, type ProcessTable } from "./processes.ts";
import { agentsOnDisk, readSessionLocks, type SessionLock } from "./session-locks.ts";

/** What a caller knows beforehand. */
export interface FactOptions {
  readonly stateDir?: string | undefined;
  readonly configPath?: string | undefined;
  readonly hostVersion?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The config as the host has it, when it runs us. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
}

/** A lock with what became of its owner; null when it is not a readable file. */
export type Judged<T extends FoundLock> = T & { readonly judgement: Judgement | null };
export type JudgedLock = Judged<SessionLock>;

/** Judged locks, and what could not be read of where they are looked for. */
export interface JudgedLocks<T extends FoundLock> {
  readonly locks: readonly Judged<T>[];
  readonly problems: readonly string[];
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
  sessionLocks(graceSeconds: number): Promise<JudgedLocks<SessionLock>>;
  /** Locks on the config, its included files, sign-ins and OAuth tokens. */
  configLocks(graceSeconds: number): Promise<JudgedLocks<ConfigLock>>;
  /** Locks with which a gateway, and whoever works like one, takes the state dir for itself. */
  gatewayLocks(graceSeconds: number): Promise<JudgedLocks<GatewayLock>>;
  /** Leases in the host's database; none on a host that has no such database. */
  leases(): Promise<LeaseFacts>;
  /** How many sign-ins each agent can fall back on. */
  authProfiles(): Promise<AuthProfileFacts>;
  /** Ids, kinds and time limits of the host's cron jobs. */
  cronJobs(): Promise<CronJobFacts>;
  /** Variables that change how long the host waits for write locks. */
  lockVariables(): Promise<LockVariables>;
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
  const era = once(() => findEra(place.stateDir, host().version, agentsOnDisk(place.stateDir)));
  const configLocks = async () => {
    const files = includedFiles(place.configPath, env);
    // Before sessions moved into a database, an included file was written under the lock of the config.
    const includes = files.length > 0 && (await era()) === "sqlite" ? files : [];
    return await readConfigLocks({ ...place, includes, confined: updating });
  };
  const found: string[] = [];
  const judged = <T extends FoundLock>(read: () => Promise<FoundLocks<T>>) => {
    const seen = once(read);
    return perGrace(async (graceSeconds): Promise<JudgedLocks<T>> => {
      const { locks, problems } = await seen();
      for (const problem of problems) if (!found.includes(problem)) found.push(problem);
      return { locks: await judgeLocks(locks, await processes(), graceSeconds), problems };
    });
  };
  const leases = once(async (): Promise<LeaseFacts> => {
    if ((await era()) !== "sqlite") return { path: "", leases: [], problems: [] };
    const read = await (await import("./leases.ts")).readLeases(place.stateDir, processes);
    found.push(...read.problems);
    return read;
  });
  const authProfiles = once(async (): Promise<AuthProfileFacts> => {
    const { readAuthProfiles } = await import("./auth-profiles.ts");
    const { stateDir } = place;
    const read = await readAuthProfiles({ stateDir, config: config.value, env, confined: updating });
    found.push(...read.problems);
    return read;
  });
  const cronJobs = once(async (): Promise<CronJobFacts> => {
    const store = pathValue(config, "cron.store", env);
    const { readCronJobs } = await import("./cron-jobs.ts");
    const { stateDir } = place;
    const read = await readCronJobs({
      stateDir,
      store: updating && store && !isInside(stateDir, store) ? null : store,
    });
    found.push(...read.problems);
    return read;
  });
  const lockVariables = once(async () => (await import("./lock-variables.ts")).readLockVariables(place.stateDir, env));
  if (config.problem !== null) found.push(config.problem);

  return {
    ...place,
    updating,
    config,
    host,
    processes,
    era,
    sessionLocks: judged(() => readSessionLocks(stores(place.stateDir, config, env, updating))),
    configLocks: judged(configLocks),
    gatewayLocks: judged(async () => await readGatewayLocks({ ...place, era: await era(), env, confined: updating })),
    leases,
    authProfiles,
    cronJobs,
    lockVariables,
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
function pathValue(config: ConfigFacts, key: string, env: NodeJS.ProcessEnv): string | null {
  const value = configValue(config, key);
  return typeof value === "string" && value.trim() !== "" ? resolveUserPath(expandVariables(value, env), env) : null;
}

function expandVariables(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (whole, name: string) => env[name] ?? whole);
}

/** One run has one grace: a second call gets the first one's answer. */
function perGrace<T>(read: (graceSeconds: number) => Promise<T>): (graceSeconds: number) => Promise<T> {
  const known = new Map<number, Promise<T>>();
  return async (graceSeconds) => {
    const answer = known.get(graceSeconds) ?? read(graceSeconds);
    known.set(graceSeconds, answer);
    return await answer;
  };
}

function once<T>(read: () => T): () => T {
  let value: { read: T } | undefined;
  return () => {
    value ??= { read: read() };
    return value.read;
  };
}
