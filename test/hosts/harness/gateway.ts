import type { Home } from "./home.ts";
import { type Finished, isRunning, until } from "./processes.ts";
import { type TurnOptions, type TurnResult, turnArgs } from "./turn.ts";

/** A gateway of one home, in the foreground of its own process group. */
export interface Gateway {
  /** The process that serves the port and holds the locks of its turns. */
  pid: number;
  port: number;
  /** Base URL of `/healthz` and `/readyz`. */
  url: string;
  /** Milliseconds from start to the first good `/healthz`. */
  startMs: number;
  /** GET of a path on the gateway; rejects after `timeoutMs` (default 5000). */
  get(path: string, timeoutMs?: number): Promise<{ status: number; body: unknown }>;
  /** SIGTERM, then SIGKILL after `timeoutMs` (default 60 000); returns when no process of the group is left. */
  stop(timeoutMs?: number): Promise<Finished>;
  /** Sends a signal to the whole group (default SIGKILL) and waits for the exit. */
  kill(signal?: NodeJS.Signals): Promise<Finished>;
  /** Settles when the gateway has ended, whatever ended it. */
  finished: Promise<Finished>;
  /** Console output so far. */
  output(): string;
}

export interface GatewayOptions {
  /** Default: the home's own port, the one in its config. */
  port?: number;
  /** Limit for the start in milliseconds; default 180 000. */
  timeoutMs?: number;
  env?: Record<string, string>;
  /** More arguments for `gateway run`. */
  args?: readonly string[];
  /** Path that must answer 200 before this returns; default `/healthz`. */
  until?: "/healthz" | "/readyz";
}

/** Starts `openclaw gateway run` and waits until it answers. Throws with its output when it ends before. */
export async function startGateway(home: Home, options: GatewayOptions = {}): Promise<Gateway> {
  const port = options.port ?? home.gatewayPort;
  const url = `http://127.0.0.1:${port}`;
  const probe = options.until ?? "/healthz";
  const began = performance.now();
  const args = ["gateway", "run", "--port", String(port), ...(options.args ?? [])];
  const running = await home.spawn(args, options.env === undefined ? {} : { env: options.env });
  let ended = false;
  void running.finished.then(() => {
    ended = true;
  });

  async function get(path: string, timeoutMs = 5000): Promise<{ status: number; body: unknown }> {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(timeoutMs) });
    const text = await response.text();
    try {
      return { status: response.status, body: JSON.parse(text) as unknown };
    } catch {
      return { status: response.status, body: text };
    }
  }

  try {
    await until(
      async () => {
        if (ended) throw new Error("the gateway ended");
        const answer = await get(probe).catch(() => undefined);
        return answer?.status === 200;
      },
      options.timeoutMs ?? 180_000,
      `the gateway answers ${probe}`,
      100,
    );
  } catch (error) {
    await running.kill();
    throw new Error(`gateway of ${home.host.version} did not start: ${running.output()}`, {
      cause: error,
    });
  }

  return {
    pid: running.pid,
    port,
    url,
    startMs: performance.now() - began,
    get,
    finished: running.finished,
    output: running.output,
    kill: running.kill,
    async stop(timeoutMs = 60_000) {
      const timer = setTimeout(() => void running.kill("SIGKILL"), timeoutMs);
      const finished = await running.kill("SIGTERM");
      clearTimeout(timer);
      await until(() => !isRunning(running.pid), 10_000, "the gateway's process is gone");
      return finished;
    },
  };
}

/** Runs one turn through the gateway, which then holds the session's lock itself. Default limit 240 000 ms. */
export async function gatewayTurn(home: Home, gateway: Pick<Gateway, "port">, turn: TurnOptions): Promise<TurnResult> {
  const env = { OPENCLAW_GATEWAY_PORT: String(gateway.port), ...turn.env };
  const finished = await home.run(turnArgs(turn), { timeoutMs: turn.timeoutMs ?? 240_000, env });
  return { ...finished, ok: finished.code === 0 };
}

/**
 * Asks a gateway until it answers a turn with this reply. The command answers by itself, in another session and without
 * a word, while a gateway is still starting: that does not count. Limit 5 minutes.
 */
export async function answeredTurn(
  home: Home,
  gateway: Pick<Gateway, "port">,
  turn: TurnOptions,
  reply: string,
): Promise<void> {
  let last: TurnResult | undefined;
  await until(
    async () => {
      last = await gatewayTurn(home, gateway, turn);
      return last.stdout.includes(reply) && !last.stdout.includes("gateway-fallback");
    },
    300_000,
    () => `the gateway answers the turn, but: ${last?.stdout}${last?.stderr}`,
  );
}
