import type { Judgement } from "../engine/verdict.ts";
import type { AuthProfileFacts } from "./auth-profiles.ts";
import { type ConfigFacts, configFacts } from "./config.ts";
import { type ConfigGraph, readConfigGraph } from "./config-graph.ts";
import { type ConfigLock, readConfigLocks } from "./config-locks.ts";
import type { CronJobFacts } from "./cron-jobs.ts";
import type { FoundLock, FoundLocks } from "./found-lock.ts";
import type { GatewayProcess } from "./gateway.ts";
import { gatewayFacts } from "./gateway-facts.ts";
import { type GatewayLock, readGatewayLocks } from "./gateway-locks.ts";
import { findUnseenGateway, gatewayPorts, type UnseenGateway } from "./gateway-port.ts";
import { findEra, findHostCommand, findHostVersion, type HostCommand, type HostVersion } from "./installation.ts";
import { judgeLocks } from "./judge-locks.ts";
import type { LeaseFacts } from "./leases.ts";
import type { LiveWatch, WatchOptions } from "./live-watch.ts";
import type { LockVariables } from "./lock-variables.ts";
import { once, perGrace } from "./once.ts";
import { isInside } from "./paths.ts";
import { findPlace, pathValue, readOnlyBy, sessionStores } from "./places.ts";
import { openProcessTable, type ProcessTable } from "./processes.ts";
import { agentsOnDisk, readSessionLocks, type SessionLock } from "./session-locks.ts";
import type { GatewayLog, GatewayProbe, MemoryLimits, NoGateway, StabilityRecords, VitalRing } from "./vital-signs.ts";

/** What a caller knows beforehand. */
export interface FactOptions {
  readonly stateDir?: string | undefined;
  readonly configPath?: string | undefined;
  readonly hostVersion?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The config as the host has it, when it runs us. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** The operator's word that nobody outside this container writes into the state dir. */
  readonly soleOwner?: boolean | undefined;
  /** Watch the gateway from outside for so long. Milliseconds. */
  readonly watchForMs?: number | undefined;
  /** Ends that watch early; what was seen until then counts. */
  readonly watchSignal?: AbortSignal | undefined;
  /** Called about once a second with the milliseconds of that watch that are left. */
  readonly onWatch?: ((leftMs: number) => void) | undefined;
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
  readonly env: NodeJS.ProcessEnv;
  readonly config: ConfigFacts;
  /** The variable by which the config is not to be written, null when there is none. */
  readonly configReadOnly: string | null;
  /** The config as the files have it: which file and line owns what. */
  configGraph(): ConfigGraph;
  host(): HostVersion;
  era(): Promise<"jsonl" | "sqlite">;
  processes(): Promise<ProcessTable>;
  sessionLocks(graceSeconds: number): Promise<JudgedLocks<SessionLock>>;
  /** Locks on the config, its included files, sign-ins and OAuth tokens. */
  configLocks(graceSeconds: number): Promise<JudgedLocks<ConfigLock>>;
  /** Locks with which a gateway, and whoever works like one, takes the state dir for itself. */
  gatewayLocks(graceSeconds: number): Promise<JudgedLocks<GatewayLock>>;
  /** The gateway that serves this state dir; null when none holds its lock, or when two do. */
  gateway(graceSeconds: number): Promise<GatewayProcess | null>;
  /** Why `gateway` is null; null when it is not. May ask its port, on loopback. */
  noGateway(graceSeconds: number): Promise<NoGateway | null>;
  /** How the host's own command is run for this state dir; null when it is not found. */
  hostCommand(): HostCommand | null;
  /** Leases in the host's database; none on a host that has no such database. */
  leases(): Promise<LeaseFacts>;
  /** A gateway at work on this state dir's port whose process cannot be seen from here. Asks that port, on loopback. */
  unseenGateway(): Promise<UnseenGateway | null>;
  /** The ports a gateway of this install would listen on. */
  gatewayPorts(): Promise<readonly number[]>;
  /** How many sign-ins each agent can fall back on. */
  authProfiles(): Promise<AuthProfileFacts>;
  /** Ids, kinds and time limits of the host's cron jobs. */
  cronJobs(): Promise<CronJobFacts>;
  /** Variables that change how long the host waits for write locks. */
  lockVariables(): Promise<LockVariables>;
  /** The gateway's vital signs now: asks it, on loopback, for some seconds at most. Null where `noGateway` says why. */
  gatewayProbe(graceSeconds: number): Promise<GatewayProbe | null>;
  /**
   * The gateway watched from outside for as long as the caller of this run asked for; else as briefly as a check asks
   * for. Null without a gateway, and when nobody asked. The first watch of a run is its only one.
   */
  liveWatch(
    graceSeconds: number,
    briefly?: Pick<WatchOptions, "forMs" | "enough" | "probeEveryMs">,
  ): Promise<LiveWatch | null>;
  /** What bounds the gateway's memory. Null without a gateway, and where the platform does not tell. */
  memoryLimits(graceSeconds: number): Promise<MemoryLimits | null>;
  /** What the end of the gateway's log says of its vital signs. */
  gatewayLog(graceSeconds: number): Promise<GatewayLog>;
  /** What the host recorded of its own memory. */
  stability(): Promise<StabilityRecords>;
  /** What the sampler in the gateway recorded. */
  vitalRing(): Promise<VitalRing>;
  /** What could not be read, one sentence each, as far as it was asked for. */
  problems(): readonly string[];
  /** @param changed e.g. the config as the host will have it, when it is about to write that itself. */
  fresh(changed?: FactOptions): Facts;
}

/** @throws UserError when there is no state dir to look at. */
export function gatherFacts(options: FactOptions = {}): Facts {
  const env = options.env ?? process.env;
  const place = findPlace(options, env);
  const updating = env["OPENCLAW_UPDATE_IN_PROGRESS"] === "1";
  const configGraph = once(() => readConfigGraph(place.configPath, env));
  const config: ConfigFacts = options.config
    ? { path: place.configPath, exists: true, value: options.config, problem: null }
    : configFacts(configGraph());
  const host = once(() => findHostVersion(options.hostVersion, config, env));
  const processes = once(openProcessTable);
  const era = once(async () => findEra(place.stateDir, host().version, agentsOnDisk(place.stateDir)));
  const configLocks = async () => {
    const files = configGraph()
      .files.filter((file) => file.included)
      .map((file) => file.real);
    // Before sessions moved into a database, an included file was written under the lock of the config.
    const includes = files.length > 0 && (await era()) === "sqlite" ? files : [];
    return await readConfigLocks({ ...place, includes, confined: updating });
  };
  const gatewayLocks = once(
    async () => await readGatewayLocks({ ...place, era: await era(), env, confined: updating }),
  );
  const unseenGateway = once(async () => {
    return await findUnseenGateway({
      stateDir: place.stateDir,
      config,
      env,
      locks: (await gatewayLocks()).locks,
      processes,
    });
  });
  const found: string[] = [];
  const judged = <T extends FoundLock>(read: () => Promise<FoundLocks<T>>) => {
    const seen = once(read);
    return perGrace(async (graceSeconds): Promise<JudgedLocks<T>> => {
      const { locks, problems } = await seen();
      for (const problem of problems) if (!found.includes(problem)) found.push(problem);
      const rules = { graceSeconds, soleOwner: options.soleOwner };
      return { locks: await judgeLocks(locks, await processes(), rules, unseenGateway), problems };
    });
  };
  const leases = once(async (): Promise<LeaseFacts> => {
    if ((await era()) !== "sqlite") return { path: "", leases: [], problems: [] };
    const read = await (await import("./leases.ts")).readLeases(place.stateDir, processes, unseenGateway);
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
  const ports = async () => gatewayPorts({ config, env, locks: (await gatewayLocks()).locks });
  const vitalRing = once(async (): Promise<VitalRing> => {
    const { problem, ...ring } = (await import("./vital-ring.ts")).readVitalRing(place.stateDir);
    if (problem !== null) found.push(problem);
    return ring;
  });
  const judgedGatewayLocks = judged(gatewayLocks);
  const gateway = async (graceSeconds: number) =>
    (await import("./gateway.ts")).findGateway((await judgedGatewayLocks(graceSeconds)).locks, config, env);
  if (config.problem !== null) found.push(config.problem);

  return {
    ...place,
    updating,
    env,
    config,
    configReadOnly: readOnlyBy(env),
    configGraph,
    host,
    processes,
    era,
    sessionLocks: judged(() => readSessionLocks(sessionStores(place.stateDir, config, env, updating))),
    configLocks: judged(configLocks),
    gatewayLocks: judgedGatewayLocks,
    gateway,
    hostCommand: () => findHostCommand(place, env),
    leases,
    unseenGateway,
    gatewayPorts: ports,
    authProfiles,
    cronJobs,
    lockVariables,
    ...gatewayFacts({
      stateDir: place.stateDir,
      env,
      updating,
      era,
      logFile: () => pathValue(config, "logging.file", env),
      gateway,
      gatewayLocks: judgedGatewayLocks,
      unseenGateway,
      gatewayPorts: ports,
      processes,
      watch: options,
    }),
    vitalRing,
    problems: () => found,
    // What was watched was watched; nobody waits for it twice.
    fresh: (changed) => gatherFacts({ ...options, watchForMs: undefined, ...changed }),
  };
}
