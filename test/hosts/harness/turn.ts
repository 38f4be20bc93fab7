import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Home, RunOptions } from "./home.ts";
import { type Finished, type Running, until } from "./processes.ts";
import type { Provider } from "./provider.ts";

/** The payload of a session write lock, as 2026.5.22 writes it. */
export interface LockPayload {
  pid: number;
  /** ISO 8601. */
  createdAt: string;
  /** Milliseconds. */
  maxHoldMs?: number;
  /** Clock ticks since boot, field 22 of `/proc/<pid>/stat`. */
  starttime?: number;
}

export interface TurnOptions extends RunOptions {
  sessionId: string;
  /** Default `main`. */
  agent?: string;
  /** Default "ping". */
  message?: string;
}

/** Folder of an agent's transcripts and locks under the default `session.store`. */
export function sessionsDir(home: Home, agent = "main"): string {
  return join(home.stateDir, "agents", agent, "sessions");
}

/** Transcript of a session, `<sid>.jsonl`. Hosts from 2026.8.1 keep transcripts in SQLite instead. */
export function transcriptPath(home: Home, agent: string, sessionId: string): string {
  return join(sessionsDir(home, agent), `${sessionId}.jsonl`);
}

/** Write lock of a session, `<sid>.jsonl.lock`. Hosts from 2026.8.1 never make one. */
export function lockPath(home: Home, agent: string, sessionId: string): string {
  return `${transcriptPath(home, agent, sessionId)}.lock`;
}

/** The payload of a lock file; undefined when it is missing, empty or no JSON object. */
export function readLock(path: string): LockPayload | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as unknown;
    return typeof value === "object" && value !== null ? (value as LockPayload) : undefined;
  } catch {
    return undefined;
  }
}

/** Polls until the lock exists with its whole payload; throws after `timeoutMs`. */
export function waitForLock(path: string, timeoutMs: number): Promise<LockPayload> {
  return until(() => readLock(path), timeoutMs, `a lock with a payload at ${path}`);
}

/** Arguments of `openclaw` for one turn, the same on every host version. */
export function turnArgs(turn: TurnOptions): string[] {
  const message = ["--session-id", turn.sessionId, "--message", turn.message ?? "ping"];
  return ["agent", "--agent", turn.agent ?? "main", ...message, "--json"];
}

/** Starts a turn inside the CLI's own process (`agent --local`) and returns while it runs. */
export function localTurn(home: Home, turn: TurnOptions): Promise<Running> {
  return home.spawn([...turnArgs(turn), "--local"], runOptions(turn));
}

/** A turn that ended. `ok`: exit code 0. */
export interface TurnResult extends Finished {
  ok: boolean;
}

/** Runs a local turn to its end; a failed one is a result. Default limit 240 000 ms. */
export async function completedTurn(home: Home, turn: TurnOptions): Promise<TurnResult> {
  const running = await localTurn(home, { timeoutMs: 240_000, ...turn });
  const finished = await running.finished;
  return { ...finished, ok: finished.code === 0 };
}

/** A turn that waits for the provider. `lock` is undefined on hosts without lock files. */
export interface HeldTurn {
  /** The CLI; with a gateway the lock's owner is the gateway instead. */
  turn: Running;
  path: string;
  lock: LockPayload | undefined;
}

/**
 * Makes the provider hold, starts a turn (through `gateway` if given, else local) and returns once
 * its request has arrived. A turn takes and drops its lock several times before, so only then is the
 * lock stable. Throws with the turn's output when it ends without asking, or after 180 s.
 */
export async function heldTurn(
  home: Home,
  provider: Provider,
  options: TurnOptions,
  gateway?: { port: number },
): Promise<HeldTurn> {
  provider.hold();
  const asked = provider.requests.length;
  const turn =
    gateway === undefined
      ? await localTurn(home, options)
      : await home.spawn(turnArgs(options), {
          ...runOptions(options),
          env: { ...options.env, OPENCLAW_GATEWAY_PORT: String(gateway.port) },
        });
  let ended = false;
  void turn.finished.then(() => {
    ended = true;
  });
  await until(
    () => {
      if (ended) throw new Error(`the turn ended: ${turn.output()}`);
      return provider.requests.length > asked;
    },
    180_000,
    () => `the turn asks the provider, but: ${turn.output()}`,
  );
  const path = lockPath(home, options.agent ?? "main", options.sessionId);
  const lock = home.host.version === "2026.5.22" ? await waitForLock(path, 30_000) : undefined;
  return { turn, path, lock };
}

function runOptions(turn: TurnOptions): RunOptions {
  const { sessionId: _sessionId, agent: _agent, message: _message, ...rest } = turn;
  return rest;
}
