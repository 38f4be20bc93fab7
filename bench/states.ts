/** State dirs as the benchmarks need them, removed by whoever made them. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { deadPid } from "../test/hosts/harness/plant.ts";

/** A state dir with locks, and how to look at it. */
export interface BenchState {
  readonly dir: string;
  /** Arguments that name it for our command. */
  readonly args: readonly string[];
  /** Makes the locks of live processes as new as ones that were taken a moment ago: for half a minute they are in use. */
  renew(): void;
  /** Leaves the lock of a process that is gone on the first session. */
  plant(): void;
  dispose(): void;
}

export interface StateShape {
  readonly sessions: number;
  readonly locks: number;
  readonly agents: number;
  /** Which of them belong to a process that is gone. */
  readonly dead: "all" | "half";
}

const HOUR_MS = 3_600_000;

/** In memory where there is room: what is measured is the program, not the disk. */
export function benchFolder(): string {
  const memory = "/dev/shm";
  const root = process.platform === "linux" && roomIn(memory) > 2 ** 31 ? memory : os.tmpdir();
  return mkdtempSync(path.join(realpathSync(root), "vitals-bench-"));
}

function roomIn(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/**
 * Makes a state dir of 2026.5.22. A lock that is not dead belongs to a live process with OpenClaw's title.
 */
export async function makeState(
  { sessions, locks, agents, dead }: StateShape,
  root = benchFolder(),
): Promise<BenchState> {
  const dir = path.join(root, "state");
  const live = dead === "half" ? liveOwner() : null;
  const gone = await deadPid();
  const held: string[] = [];
  const config = { meta: { lastTouchedVersion: "2026.5.22" }, agents: { defaults: { model: "bench/model" } } };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(dir, "openclaw.json"), `${JSON.stringify(config, null, 2)}\n`);
  for (let agent = 0; agent < agents; agent += 1) {
    const folder = path.join(dir, "agents", `agent${agent}`, "sessions");
    mkdirSync(folder, { recursive: true });
    for (let n = agent; n < sessions; n += agents) {
      writeFileSync(path.join(folder, `session-${n}.jsonl`), "{}\n");
      if (n >= locks) continue;
      const pid = live !== null && Math.floor(n / agents) % 2 === 1 ? live.pid : gone;
      const lock = path.join(folder, `session-${n}.jsonl.lock`);
      if (pid !== gone) held.push(lock);
      plantLock(lock, pid, pid !== gone);
    }
  }
  return {
    dir,
    args: ["--state-dir", dir, "--config", path.join(dir, "openclaw.json")],
    renew() {
      const now = new Date();
      for (const lock of held) utimesSync(lock, now, now);
    },
    plant: () => plantLock(path.join(dir, "agents/agent0/sessions/session-0.jsonl.lock"), gone, false),
    dispose() {
      live?.end();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function plantLock(file: string, pid: number, fresh: boolean): void {
  const createdAt = new Date(Date.now() - (fresh ? 0 : HOUR_MS));
  writeFileSync(file, `${JSON.stringify({ pid, createdAt: createdAt.toISOString() }, null, 2)}\n`);
  utimesSync(file, createdAt, createdAt);
}

function liveOwner(): { readonly pid: number; end(): void } {
  const program = 'process.title = "openclaw-gateway"; process.stdin.resume()';
  const child = spawn(process.execPath, ["-e", program], { stdio: ["pipe", "ignore", "ignore"] });
  if (child.pid === undefined) throw new Error("no process could be started");
  const { pid } = child;
  child.unref();
  return { pid, end: () => void child.kill() };
}
