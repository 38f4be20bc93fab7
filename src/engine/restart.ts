import {
  type GatewayLife,
  type GatewayProcess,
  readLife,
  readPort,
  readUptime,
  sameLife,
  sameProcess,
} from "../facts/gateway.ts";
import type { HostCommand } from "../facts/installation.ts";
import { runHost } from "./host-run.ts";

/** How long is waited for what. Milliseconds. */
export interface RestartLimits {
  /**
   * For the host's command: with a service manager it waits for the gateway itself, and for turns that drain. A process
   * whose loop is blocked does not heed its end: the unit of 2026.9.6 gives it 330 s, and the command 60 s to be healthy.
   */
  readonly commandMs: number;
  /** For the gateway to be back once the command has ended: 30 s to drain turns, 25 s to stop, then its start-up. */
  readonly returnMs: number;
  /** The same, when the command itself says that it did nothing. */
  readonly nothingMs: number;
  /** For one answer of the gateway: a busy start-up answers late. */
  readonly answerMs: number;
  readonly pollMs: number;
  /** How long a new process is given before its memory counts: its start-up is over then. */
  readonly settleMs: number;
  /** One that does not need less memory by then has not freed any. */
  readonly settledWithinMs: number;
}

export const RESTART_LIMITS: RestartLimits = {
  commandMs: 420_000,
  returnMs: 300_000,
  nothingMs: 3_000,
  answerMs: 3_000,
  pollMs: 500,
  settleMs: 10_000,
  settledWithinMs: 60_000,
};

/** What the host's command said, as far as it can be told to anybody: never its own words. */
export interface CommandAnswer {
  readonly args: readonly string[];
  readonly said: "ok" | "not-loaded" | "refused" | "failed" | "timeout" | "not found";
}

/** What came of a restart. Seconds since it was asked for. */
export type RestartResult =
  | {
      /** Proven: the gateway has a new lock, and its own clock starts after we asked. */
      readonly status: "restarted";
      readonly sameProcess: boolean;
      readonly seconds: number;
      readonly now: GatewayLife;
      readonly answers: readonly CommandAnswer[];
    }
  | {
      /** The gateway runs on as before; it went away; or there is a new lock, but nobody says to be up. */
      readonly status: "nothing" | "lost" | "unproven";
      readonly seconds: number;
      readonly answers: readonly CommandAnswer[];
    };

/** The host's own ways: through its service manager, and by asking the running gateway. */
const BY_SERVICE = ["gateway", "restart", "--json"];
const BY_REQUEST = ["gateway", "restart", "--safe", "--skip-deferral", "--json"];

/**
 * Restarts a gateway with the host's own command and proves that it happened, which the command's word does not:
 * the gateway's lock must be a new one, and its uptime shorter than the time since it was asked. Sends no signal.
 */
export async function restartGateway(
  gateway: GatewayProcess,
  host: HostCommand,
  limits: RestartLimits = RESTART_LIMITS,
): Promise<RestartResult> {
  const began = performance.now();
  const answers: CommandAnswer[] = [];
  // Neither another state dir's service nor whoever else may listen on a port that is only guessed.
  for (const args of [...(host.own ? [BY_SERVICE] : []), ...(gateway.ownsPort ? [BY_REQUEST] : [])]) {
    const answer = await run(args, host, gateway, limits.commandMs);
    answers.push(answer);
    const patience = answer.said === "ok" || answer.said === "timeout" ? limits.returnMs : limits.nothingMs;
    const now = await awaitNewLife(gateway, began, patience, limits);
    const seconds = Math.round((performance.now() - began) / 1000);
    if (now !== null) return { status: "restarted", sameProcess: sameProcess(now, gateway), seconds, now, answers };
    const life = readLife(gateway.lockPath);
    if (life === null) return { status: "lost", seconds, answers };
    if (!sameLife(life, gateway)) return { status: "unproven", seconds, answers };
  }
  return { status: "nothing", seconds: Math.round((performance.now() - began) / 1000), answers };
}

/** Waits for both proofs; null when they do not come in time. */
async function awaitNewLife(
  before: GatewayProcess,
  began: number,
  patienceMs: number,
  { answerMs, pollMs, returnMs }: RestartLimits,
): Promise<GatewayLife | null> {
  const asked = performance.now();
  for (;;) {
    const life = readLife(before.lockPath);
    const gone = life === null || !sameLife(life, before);
    if (life !== null && gone) {
      // From before the request: a late answer must not look like a late start.
      const elapsed = performance.now() - began;
      // It may have come back on another port, which the service was given meanwhile.
      const uptime = await readUptime(readPort(before.lockPath) ?? before.port, answerMs);
      if (uptime !== null && uptime < elapsed) return life;
    }
    // Once it has gone it is waited for, whatever the command said.
    if (performance.now() - asked > (gone ? returnMs : patienceMs)) return null;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function run(
  args: readonly string[],
  host: HostCommand,
  gateway: GatewayProcess,
  timeout: number,
): Promise<CommandAnswer> {
  const ran = await runHost(args, host, gateway, timeout);
  return { args, said: ran.ended === "exit" ? readAnswer(ran.stdout, ran.stderr, ran.exitCode) : ran.ended };
}

function readAnswer(stdout: string, stderr: string, exitCode: number): CommandAnswer["said"] {
  const { ok, result } = parse(stdout);
  if (result === "not-loaded") return "not-loaded";
  if (exitCode === 0 && ok !== false) return "ok";
  return /pairing required|scope upgrade|unauthorized|missing scope/i.test(stderr + stdout) ? "refused" : "failed";
}

/** The command's answer; a busy host may write a line of its log before or after it. */
function parse(text: string): { ok?: unknown; result?: unknown } {
  const answer = text.slice(Math.max(0, text.search(/^\{/m)), text.lastIndexOf("}") + 1);
  try {
    const value: unknown = JSON.parse(answer);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
