import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Home } from "./home.ts";
import { isRunning, procStat, start, until } from "./processes.ts";
import { type LockPayload, lockPath, transcriptPath } from "./turn.ts";

export interface PlantOptions {
  /** Default `main`. */
  agent?: string;
  sessionId: string;
  /** Written as JSON, laid out as the host does. Exactly one of `payload` and `raw` must be given. */
  payload?: Partial<LockPayload> | Record<string, unknown>;
  /** Written as it is; "" makes an empty lock. */
  raw?: string;
  /** Also write a valid one-line transcript when none exists; default false. */
  transcript?: boolean;
  /** Sets the lock's times this many milliseconds back. */
  ageMs?: number;
}

/** Writes a lock as a dead host would have left it and returns its path. Throws when a lock is there. */
export async function plantLock(home: Home, options: PlantOptions): Promise<string> {
  if ((options.payload === undefined) === (options.raw === undefined)) {
    throw new Error("plantLock needs either payload or raw");
  }
  const agent = options.agent ?? "main";
  const path = lockPath(home, agent, options.sessionId);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (options.transcript === true) await plantTranscript(home, agent, options.sessionId);
  const text = options.raw ?? `${JSON.stringify(options.payload, null, 2)}\n`;
  await writeFile(path, text, { flag: "wx", mode: 0o600 });
  if (options.ageMs !== undefined) {
    const time = new Date(Date.now() - options.ageMs);
    await utimes(path, time, time);
  }
  return path;
}

/** Writes a transcript that holds only its session header, unless one exists; returns its path. */
export async function plantTranscript(home: Home, agent: string, sessionId: string): Promise<string> {
  const path = transcriptPath(home, agent, sessionId);
  const header = {
    type: "session",
    version: 3,
    id: sessionId,
    timestamp: new Date().toISOString(),
    cwd: home.dir,
  };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, `${JSON.stringify(header)}\n`, { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
  return path;
}

/** A live process that is no host but may look like one. */
export interface Titled {
  pid: number;
  /** Clock ticks since boot, field 22 of `/proc/<pid>/stat`. */
  startTicks: number;
  /** Kills it and waits until it is gone. */
  kill(): Promise<void>;
}

/** Starts a Node process which sets `process.title` and then waits; ends with `kill` or the home. Linux only. */
export async function titledProcess(home: Home, title: string): Promise<Titled> {
  const script = `process.title = ${JSON.stringify(title)}; console.log("ready"); setInterval(() => {}, 1e9);`;
  const running = await home.spawnFile(home.host.node, ["-e", script]);
  await until(() => running.stdout().includes("ready"), 30_000, `the process titled ${title} is ready`);
  const stat = procStat(running.pid);
  if (stat === undefined) throw new Error(`the process titled ${title} ended: ${running.output()}`);
  return {
    pid: running.pid,
    startTicks: stat.startTicks,
    async kill() {
      await running.kill();
    },
  };
}

/**
 * Rewrites a lock as hosts write it where there is no start time (macOS), naming a live process with an OpenClaw
 * title that started after the lock was made: the state of #60015, which no host leaves by itself.
 * @returns the lock's new text.
 */
export async function recyclePid(home: Home, path: string): Promise<string> {
  const { createdAt, maxHoldMs } = JSON.parse(await readFile(path, "utf8")) as LockPayload;
  // Closer together than a few seconds, two clock readings prove nothing, to us neither.
  await until(() => Date.now() - Date.parse(createdAt) > 4_000, 10_000, "the lock is older than the new process");
  const other = await titledProcess(home, "openclaw");
  const text = `${JSON.stringify({ pid: other.pid, createdAt, maxHoldMs }, null, 2)}\n`;
  await writeFile(path, text);
  return text;
}

/** Pid of a process that ran and was reaped. Throws when the pid was already taken again. */
export async function deadPid(): Promise<number> {
  const running = await start(process.execPath, ["-e", ""], { env: {} });
  await running.finished;
  if (isRunning(running.pid)) throw new Error(`pid ${running.pid} was taken again`);
  return running.pid;
}
