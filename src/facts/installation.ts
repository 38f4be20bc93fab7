import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { errorCode, UserError } from "../engine/errors.ts";
import { type ConfigFacts, configValue } from "./config.ts";
import { homeDir, realPath, resolveLinks, resolveUserPath } from "./paths.ts";

export interface HostVersion {
  readonly version: string | null;
  /** How the version was found, for the reader of a report. */
  readonly source: string;
}

export interface LocationOptions {
  readonly stateDir?: string | undefined;
  readonly configPath?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The state dir and config path, found as the host finds them.
 * @throws UserError when the state dir does not exist or cannot be read.
 */
export function locate({ stateDir, configPath, env }: LocationOptions): { stateDir: string; configPath: string } {
  const found = stateDir === undefined ? defaultStateDir(env) : resolveUserPath(stateDir, env);
  assertReadableDirectory(found, stateDir === undefined);
  // A state dir given by hand brings its own config: OPENCLAW_CONFIG_PATH may belong to another one.
  const override = stateDir === undefined ? env["OPENCLAW_CONFIG_PATH"]?.trim() : undefined;
  if (configPath !== undefined) {
    const file = resolveUserPath(configPath, env);
    if (!existsSync(file)) throw new UserError(`Config ${file} does not exist.`, "Check --config.");
    return { stateDir: found, configPath: file };
  }
  if (override) return { stateDir: found, configPath: resolveUserPath(override, env) };
  const candidates = ["openclaw.json", "clawdbot.json"].map((name) => path.join(found, name));
  return {
    stateDir: found,
    configPath: candidates.find((file) => existsSync(file)) ?? path.join(found, "openclaw.json"),
  };
}

function defaultStateDir(env: NodeJS.ProcessEnv): string {
  const override = env["OPENCLAW_STATE_DIR"]?.trim();
  if (override) return resolveUserPath(override, env);
  const [current, legacy] = [".openclaw", ".clawdbot"].map((name) => path.join(homeDir(env), name)) as [string, string];
  return !existsSync(current) && existsSync(legacy) ? legacy : current;
}

function assertReadableDirectory(dir: string, isDefault: boolean): void {
  const remedy = isDefault
    ? "Name it with --state-dir <dir>, or try `openclaw-vitals demo`."
    : "Name the folder that holds openclaw.json and agents/ with --state-dir.";
  try {
    if (!statSync(dir).isDirectory()) throw new UserError(`OpenClaw state ${dir} is not a directory.`, remedy);
    accessSync(dir, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR")
      throw new UserError(`No OpenClaw state at ${dir}.`, remedy);
    throw new UserError(
      `OpenClaw state ${dir} cannot be read (${errorCode(error)}).`,
      "Run as the user that runs OpenClaw.",
    );
  }
}

/**
 * The version of the installed host: the one given, else that of the host we run inside, of the
 * `openclaw` on the PATH, else the one that last wrote the config.
 */
export function findHostVersion(given: string | undefined, config: ConfigFacts, env: NodeJS.ProcessEnv): HostVersion {
  if (given !== undefined) return { version: given, source: "--host-version" };
  const running = packageVersionAbove(process.argv[1]);
  if (running !== null) return { version: running, source: "running host" };
  for (const dir of (env["PATH"] ?? "").split(path.delimiter).filter(Boolean)) {
    const version = packageVersionAbove(path.join(dir, "openclaw"));
    if (version !== null) return { version, source: "openclaw on the PATH" };
  }
  const touched = configValue(config, "meta.lastTouchedVersion");
  if (typeof touched === "string" && /^\d{4}\.\d+\.\d+/.test(touched))
    return { version: touched, source: "last writer of the config" };
  return { version: null, source: "not found" };
}

/** How the host's own command is started for one state dir. */
export interface HostCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Whether the service the host knows by itself is this state dir's. */
  readonly own: boolean;
}

/** The `openclaw` we run inside, else the first one on the PATH, told which state dir is meant; null for none. */
export function findHostCommand(
  place: { readonly stateDir: string; readonly configPath: string },
  env: NodeJS.ProcessEnv,
): HostCommand | null {
  const program = findHostProgram(env);
  if (program === null) return null;
  if (realPath(serviceStateDir(env)) === realPath(place.stateDir)) return { ...program, env, own: true };
  const told = { OPENCLAW_STATE_DIR: place.stateDir, OPENCLAW_CONFIG_PATH: place.configPath };
  return { ...program, env: { ...env, ...told }, own: false };
}

/** The state dir of the service the host would restart: its name comes from the profile, whatever state dir is set. */
function serviceStateDir(env: NodeJS.ProcessEnv): string {
  const profile = env["OPENCLAW_PROFILE"]?.trim();
  if (profile && profile !== "default") return path.join(homeDir(env), `.openclaw-${profile}`);
  return defaultStateDir({ ...env, OPENCLAW_STATE_DIR: undefined });
}

function findHostProgram(env: NodeJS.ProcessEnv): Pick<HostCommand, "command" | "args"> | null {
  const running = process.argv[1];
  if (running !== undefined && packageVersionAbove(running) !== null)
    return { command: process.execPath, args: [running] };
  const suffix = process.platform === "win32" ? ".cmd" : "";
  for (const dir of (env["PATH"] ?? "").split(path.delimiter).filter(Boolean)) {
    const program = path.join(dir, `openclaw${suffix}`);
    if (existsSync(program)) return { command: program, args: [] };
  }
  return null;
}

/** Root folder and version of the `openclaw` package a program file belongs to, or null. */
export function findHostPackage(program: string | undefined): { root: string; version: string } | null {
  if (program === undefined || !existsSync(program)) return null;
  let dir: string;
  try {
    dir = path.dirname(resolveLinks(program));
  } catch {
    return null;
  }
  for (let depth = 0; depth < 4; depth += 1) {
    const found = readHostManifest(dir);
    if (found !== undefined) return found && { root: dir, version: found.version };
    dir = path.dirname(dir);
  }
  return null;
}

/** Undefined: no package.json here. Null: one of another package. */
function readHostManifest(dir: string): { version: string } | null | undefined {
  const file = path.join(dir, "package.json");
  // Asked first: an error takes longer to be made than ten files to be missed.
  if (!existsSync(file)) return undefined;
  try {
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    return name === "openclaw" && typeof version === "string" ? { version } : null;
  } catch {
    return undefined;
  }
}

function packageVersionAbove(program: string | undefined): string | null {
  return findHostPackage(program)?.version ?? null;
}

/** Whether this OpenClaw version keeps sessions in databases: from 2026.8.1 on, its betas too. False for no version. */
export function keepsDatabases(version: string): boolean {
  const [, year, month, patch] = /^v?(\d{4})\.(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(year) * 1e6 + Number(month) * 1e4 + Number(patch) >= 2_026_080_001;
}

/** Decides the era by version, and without one by whether any agent has a database. */
export function findEra(stateDir: string, version: string | null, agents: readonly string[]): "jsonl" | "sqlite" {
  if (version !== null) return keepsDatabases(version) ? "sqlite" : "jsonl";
  const database = (agent: string): string => path.join(stateDir, "agents", agent, "agent", "openclaw-agent.sqlite");
  return agents.some((agent) => existsSync(database(agent))) ? "sqlite" : "jsonl";
}
