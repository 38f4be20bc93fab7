import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import JSON5 from "json5";
import { CACHE, cleanPath, type Host, npmEnv } from "./hosts.ts";
import { type Config, merge, minimalConfig } from "./minimal-config.ts";
import { type Finished, killAll, pidsWithEnv, type Running, signalGroup, start } from "./processes.ts";
import type { Provider } from "./provider.ts";

export { type Config, merge };

/** Variable that names the test run; set by the global setup, inherited by the workers. */
export const RUN_VARIABLE = "VITALS_TEST_RUN";
/** Variable in the environment of everything a home starts; its value is the home's folder. */
export const HOME_MARK = "VITALS_TEST_HOME";

export interface HomeOptions {
  /** Where turns get their answers; without it the config names no provider and turns fail. */
  provider?: Provider;
  /** Merged deeply into the minimal config; arrays and scalars replace, undefined removes. */
  config?: Config;
  /** State folder, relative to the home or absolute; sets OPENCLAW_STATE_DIR. Default `.openclaw`, unset. */
  stateDir?: string;
  /** Added to the environment of everything the home starts. */
  env?: Record<string, string>;
}

export interface RunOptions {
  /** Milliseconds until the process group is killed; default 180 000. */
  timeoutMs?: number;
  env?: Record<string, string>;
  stdin?: string;
}

/** A private home of one host: nothing it starts sees or outlives anything outside `dir`. */
export interface Home {
  host: Host;
  dir: string;
  stateDir: string;
  configPath: string;
  /** The host's log file (JSON lines), set by `logging.file`. */
  logFile: string;
  /** Port in `gateway.port` of the config, free when the home was made. */
  gatewayPort: number;
  /** The gateway's shared token, also in the config. */
  gatewayToken: string;
  env: Record<string, string>;
  /** Runs `openclaw <args>` to its end. Any exit code is a result; see `timedOut`. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Starts `openclaw <args>` and returns at once; no time limit unless one is given. */
  spawn(args: readonly string[], options?: RunOptions): Promise<Running>;
  /** Starts any other program in this home, with the same tracking. */
  spawnFile(file: string, args: readonly string[], options?: RunOptions): Promise<Running>;
  readConfig(): Promise<Config>;
  /** Replaces the config; a string is written as it is. */
  writeConfig(config: Config | string): Promise<void>;
  /** Merges into the config as `HomeOptions.config` does. */
  patchConfig(patch: Config): Promise<void>;
  /** Pids of this home's live processes, grandchildren and detached ones included. */
  pids(): number[];
  /** Kills everything the home started and removes its folder. Safe to call twice. */
  dispose(): Promise<void>;
}

/** The folder that holds this run's homes, made when missing. */
export async function runFolder(): Promise<string> {
  const name = process.env[RUN_VARIABLE] ?? `pid${process.pid}`;
  const folder = join(await realpath(tmpdir()), `vitals-${name}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Makes a home whose minimal config runs real turns on that host version. */
export async function createHome(host: Host, options: HomeOptions = {}): Promise<Home> {
  const dir = await mkdtemp(join(await runFolder(), "home-"));
  const stateDir = resolve(dir, options.stateDir ?? ".openclaw");
  const configPath = join(stateDir, "openclaw.json");
  const logFile = join(dir, "logs/openclaw.log");
  const workspace = join(dir, "workspace");
  const temporary = join(dir, "tmp");
  for (const folder of [stateDir, workspace, temporary, join(dir, "logs")]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  // 2026.5.22 compiles its bundled plugins into TMPDIR/jiti, 16 s on each first gateway start. File
  // names there carry a hash of the content, so homes can share the folder.
  const compiled = join(CACHE, "jiti", host.version);
  await mkdir(compiled, { recursive: true });
  await symlink(compiled, join(temporary, "jiti"));
  const gatewayPort = await freePort();
  const gatewayToken = randomBytes(16).toString("hex");
  const env: Record<string, string> = {
    ...(await npmEnv()),
    HOME: dir,
    PATH: cleanPath(host.node),
    TMPDIR: temporary,
    LANG: "C.UTF-8",
    TERM: "dumb",
    NO_COLOR: "1",
    [HOME_MARK]: dir,
    // Shared, or every home would compile the whole host again. The second variable keeps the
    // launcher from starting itself once more only to move the cache.
    NODE_COMPILE_CACHE: join(CACHE, "compile", host.version),
    OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: "1",
    ...(options.stateDir === undefined ? {} : { OPENCLAW_STATE_DIR: stateDir }),
    ...options.env,
  };
  const minimal = minimalConfig(host, {
    workspace,
    logFile,
    gatewayPort,
    gatewayToken,
    ...options,
  });
  const running = new Set<Running>();
  let disposed = false;

  async function spawnFile(file: string, args: readonly string[], run: RunOptions = {}): Promise<Running> {
    if (disposed) throw new Error("the home is disposed");
    const { env: extra, ...rest } = run;
    const child = await start(file, args, { ...rest, cwd: dir, env: { ...env, ...extra } });
    running.add(child);
    void child.finished.then(() => running.delete(child));
    return child;
  }

  const home: Home = {
    host,
    dir,
    stateDir,
    configPath,
    logFile,
    gatewayPort,
    gatewayToken,
    env,
    async run(args, run = {}) {
      const child = await home.spawn(args, { timeoutMs: 180_000, ...run });
      return child.finished;
    },
    spawn: (args, run) => spawnFile(host.node, [host.entry, ...args], run),
    spawnFile,
    async readConfig() {
      return JSON5.parse<Config>(await readFile(configPath, "utf8"));
    },
    async writeConfig(config) {
      const text = typeof config === "string" ? config : `${JSON.stringify(config, null, 2)}\n`;
      await writeFile(configPath, text, { mode: 0o600 });
    },
    async patchConfig(patch) {
      await home.writeConfig(merge(await home.readConfig(), patch));
    },
    pids: () => pidsWithEnv(HOME_MARK, (value) => value === dir),
    async dispose() {
      disposed = true;
      const ends = [...running].map((child) => child.finished);
      for (const child of running) signalGroup(child.pid, "SIGKILL");
      await killAll(home.pids);
      await Promise.all(ends);
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      // A test run's folder is the global setup's; outside of one it goes with its last home.
      if (process.env[RUN_VARIABLE] === undefined) await rmdir(dirname(dir)).catch(() => {});
    },
  };
  await home.writeConfig(merge(minimal, options.config ?? {}));
  return home;
}

/** A loopback port that is free now and outside the range outgoing connections draw from. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // Steps of 20: a gateway also takes ports next to its own.
    const port = 12_000 + 20 * Math.floor(Math.random() * 900);
    const free = await new Promise<boolean>((done) => {
      const server = createServer();
      server.once("error", () => done(false));
      server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
    });
    if (free) return port;
  }
  throw new Error("no free port found");
}
