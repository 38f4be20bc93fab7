import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What a finished child left behind. `ms` is wall time from spawn to exit; output is UTF-8 text. */
export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
  /** True when `timeoutMs` passed and the whole process group was killed for it. */
  timedOut: boolean;
}

/** A running child, leader of its own process group. */
export interface Running {
  pid: number;
  child: ChildProcess;
  /** Settles when the child has exited; never rejects. */
  finished: Promise<Finished>;
  /** Output so far, in the order it came, stdout and stderr mixed. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** Signals the whole group (default SIGKILL) and waits for the leader's exit. */
  kill(signal?: NodeJS.Signals): Promise<Finished>;
}

export interface StartOptions {
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Text for stdin; without it stdin is closed. */
  stdin?: string;
  /** Milliseconds until the group gets SIGKILL; without it there is no limit. */
  timeoutMs?: number;
}

const groups = new Set<number>();

// A crashed test file must not leave hosts behind that keep ports and locks.
process.once("exit", () => {
  for (const pid of groups) signalGroup(pid, "SIGKILL");
});

/** Signals the process group led by `pid`; a group that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Starts `file` as leader of a new process group. Rejects when it cannot be started at all. */
export async function start(file: string, args: readonly string[], options: StartOptions): Promise<Running> {
  const started = performance.now();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const pid = child.pid as number;
  groups.add(pid);
  let stdout = "";
  let stderr = "";
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    output += text;
  });
  // A child may exit without reading its input.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.stdin);

  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          signalGroup(pid, "SIGKILL");
        }, options.timeoutMs);
  const finished = new Promise<Finished>((resolve) => {
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      const ms = performance.now() - started;
      const settle = () => resolve({ code, signal, stdout, stderr, ms, timedOut });
      child.once("close", settle);
      // A grandchild that outlives the leader keeps the pipes open, so "close" may never come.
      setTimeout(settle, 2000).unref();
    });
  });
  return {
    pid,
    child,
    finished,
    output: () => output,
    stdout: () => stdout,
    stderr: () => stderr,
    kill(signal = "SIGKILL") {
      signalGroup(pid, signal);
      return finished;
    },
  };
}

/** Starts `file` and waits for its exit; a non-zero code is a result, not an error. */
export async function exec(file: string, args: readonly string[], options: StartOptions): Promise<Finished> {
  const running = await start(file, args, options);
  return running.finished;
}

/** Fields of `/proc/<pid>/stat`; undefined when the process is gone. `startTicks` is field 22. */
export function procStat(pid: number): { state: string; pgid: number; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name is in parentheses and may itself hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: String(fields[0]), pgid: Number(fields[2]), startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** True while `pid` runs; a zombie does not count. */
export function isRunning(pid: number): boolean {
  const stat = procStat(pid);
  return stat !== undefined && stat.state !== "Z" && stat.state !== "X";
}

/** Pids (zombies left out) whose environment at their start had `name` set to a value accepted by `accept`. */
export function pidsWithEnv(name: string, accept: (value: string) => boolean): number[] {
  const found: number[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const environment = readFileSync(`/proc/${entry}/environ`, "utf8").split("\0");
      const value = environment.find((pair) => pair.startsWith(`${name}=`));
      if (value !== undefined && accept(value.slice(name.length + 1))) found.push(Number(entry));
    } catch {
      // Gone meanwhile, or another user's.
    }
  }
  return found;
}

/** Kills every process `list` names until it names none; throws after `timeoutMs`. */
export async function killAll(list: () => number[], timeoutMs = 10_000): Promise<void> {
  await until(
    () => {
      const pids = list();
      for (const pid of pids) {
        try {
          process.kill(pid, "SIGKILL");
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
        }
      }
      return pids.length === 0;
    },
    timeoutMs,
    "every process is gone",
  );
}

/**
 * Polls `probe` until it returns something other than undefined or false, and returns that.
 * Throws `timed out after … ms: <what>` after `timeoutMs`; errors of `probe` pass through.
 */
export async function until<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs: number,
  what: string | (() => string),
  intervalMs = 25,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= end) {
      throw new Error(`timed out after ${timeoutMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await sleep(intervalMs);
  }
}
