import { statSync } from "node:fs";
import type { FactOptions, Facts, JudgedLocks } from "./facts.ts";
import type { GatewayProcess } from "./gateway.ts";
import type { GatewayLock } from "./gateway-locks.ts";
import { gatewayOn, type UnseenGateway } from "./gateway-port.ts";
import type { LiveWatch, WatchOptions } from "./live-watch.ts";
import { once, perGrace } from "./once.ts";
import type { ProcessTable } from "./processes.ts";
import type { GatewayProbe, NoGateway } from "./vital-signs.ts";

/** What the facts about a running gateway are read from. */
export interface GatewaySources {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** In an update only the given state dir is read, and no gateway is asked: what is there is a copy of its state. */
  readonly updating: boolean;
  era(): Promise<"jsonl" | "sqlite">;
  /** `logging.file` of the config, absolute; null when it is not set. */
  logFile(): string | null;
  gateway(graceSeconds: number): Promise<GatewayProcess | null>;
  gatewayLocks(graceSeconds: number): Promise<JudgedLocks<GatewayLock>>;
  unseenGateway(): Promise<UnseenGateway | null>;
  gatewayPorts(): Promise<readonly number[]>;
  processes(): Promise<ProcessTable>;
  /** How long the gateway is to be watched, by whom it is ended, and who wants to know. */
  readonly watch?: Pick<FactOptions, "watchForMs" | "watchSignal" | "onWatch">;
}

type GatewayFacts = Pick<
  Facts,
  "noGateway" | "gatewayProbe" | "liveWatch" | "memoryLimits" | "gatewayLog" | "stability"
>;

/** Facts about a running gateway. Without one nothing is asked, and no log is looked for. */
export function gatewayFacts(sources: GatewaySources): GatewayFacts {
  const gateway = async (graceSeconds: number) => (sources.updating ? null : await sources.gateway(graceSeconds));
  const { processes, stateDir } = sources;
  const gatewayProbe = perGrace(async (graceSeconds) => {
    const found = await gateway(graceSeconds);
    return found && (await (await import("./gateway-probe.ts")).probeGateway(found, { processes }));
  });
  return {
    noGateway: perGrace(async (graceSeconds) => await whyNone(sources, graceSeconds)),
    gatewayProbe,
    liveWatch: liveWatch(gatewayProbe, sources.watch),
    memoryLimits: perGrace(async (graceSeconds) => {
      const found = await gateway(graceSeconds);
      return found && (await import("./memory-limits.ts")).readMemoryLimits(found.pid);
    }),
    gatewayLog: perGrace(async (graceSeconds) => {
      const { NO_LOG, readGatewayLog } = await import("./gateway-log.ts");
      const found = await gateway(graceSeconds);
      if (found === null) return NO_LOG;
      const sinceMs = await startOf(found, processes);
      return sinceMs === null ? NO_LOG : readGatewayLog(await logFiles(sources, found.pid, sinceMs), sinceMs);
    }),
    stability: once(async () => (await import("./stability.ts")).readStability(stateDir)),
  };
}

/** One watch at most in a run, of the port that the first look found. */
function liveWatch(
  gatewayProbe: (graceSeconds: number) => Promise<GatewayProbe | null>,
  { watchForMs, watchSignal, onWatch }: NonNullable<GatewaySources["watch"]> = {},
): GatewayFacts["liveWatch"] {
  let watched: Promise<LiveWatch | null> | null = null;
  const watch = async (graceSeconds: number, how: WatchOptions): Promise<LiveWatch | null> => {
    const probe = await gatewayProbe(graceSeconds);
    if (probe === null || probe.health.kind === "unasked") return null;
    return await (await import("./live-watch.ts")).watchGateway(probe.gateway, how);
  };
  return async (graceSeconds, briefly) => {
    const how = watchForMs === undefined ? briefly : { forMs: watchForMs, signal: watchSignal, onLeft: onWatch };
    if (how !== undefined) watched ??= watch(graceSeconds, how);
    return await watched;
  };
}

async function whyNone(sources: GatewaySources, graceSeconds: number): Promise<NoGateway | null> {
  if (sources.updating) return { kind: "updating" };
  if ((await sources.gateway(graceSeconds)) !== null) return null;
  const { gatewayPids } = await import("./gateway.ts");
  const { locks } = await sources.gatewayLocks(graceSeconds);
  const pids = gatewayPids(locks);
  if (pids.length > 1) return { kind: "several", pids };
  const unseen = await sources.unseenGateway();
  if (unseen !== null) return { kind: "unseen", gateway: unseen };
  const unknown = locks.find(({ judgement }) => judgement?.verdict === "unknown");
  if (unknown !== undefined) return { kind: "unknown", lockPath: unknown.path };
  for (const port of await sources.gatewayPorts()) {
    const other = await gatewayOn(port, sources.processes);
    if (other !== null) return { kind: "other", ...other };
  }
  return { kind: "down" };
}

/** A restart within the process begins anew; without a time in the lock it is the process's. */
async function startOf(
  { createdAtMs, pid }: GatewayProcess,
  processes: GatewaySources["processes"],
): Promise<number | null> {
  if (createdAtMs !== null) return createdAtMs;
  const state = await (await processes()).get(pid);
  return state.state === "alive" ? state.startedAtMs : null;
}

async function logFiles({ stateDir, env, era, logFile }: GatewaySources, pid: number, sinceMs: number) {
  const { findLogFiles, temporaryFolders } = await import("./log-files.ts");
  const { readVariables } = await import("./process-variables.ts");
  const own = readVariables(pid, ["OPENCLAW_PROFILE", "TMPDIR", "TMP", "TEMP"]);
  return findLogFiles({
    configured: logFile(),
    profile: own.OPENCLAW_PROFILE ?? env["OPENCLAW_PROFILE"],
    era: await era(),
    temporary: [...new Set([...temporaryFolders(own), ...temporaryFolders(env)])],
    uids: process.getuid === undefined ? [] : [...new Set([process.getuid(), statSync(stateDir).uid])],
    sinceMs,
    nowMs: Date.now(),
  });
}
