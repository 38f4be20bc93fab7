import os from "node:os";
import type { Facts } from "../facts/facts.ts";
import { type GatewayProcess, readLife, readRss, readUptime, sameLife } from "../facts/gateway.ts";
import type { HostCommand } from "../facts/installation.ts";
import { findSupervisor, type Supervisor } from "../facts/supervisor.ts";
import { readJournal } from "./journal.ts";
import { writeDurably } from "./replace-file.ts";
import { RESTART_LIMITS, type RestartLimits, type RestartResult, restartGateway } from "./restart.ts";
import { cooldownLeft, restartDetail } from "./restart-kind.ts";
import { failureText, successText } from "./restart-sentences.ts";
import type { Finding, Repair, RepairOutcome, RepairRun, Skip } from "./types.ts";

/** Name of what is kept about a restart: what was known before it. */
const KEEP_AS = "gateway-restart.json";

/** A restart that was proven. */
export type Restarted = RestartResult & { readonly status: "restarted" };

/** What a fix needs to have the gateway restarted; the same for every check. */
export interface RestartRequest {
  readonly finding: Finding;
  readonly facts: Facts;
  /** The gateway the finding is about. */
  readonly gateway: GatewayProcess;
  /** What ends with it, a clause, said before anybody agrees. */
  readonly interrupts: string;
  /** Asked right before: a string says why nothing is left to restart for. */
  needed(run: RepairRun): Promise<true | RepairOutcome>;
  /** What is left to do after the restart, and whether it helped. */
  after(restarted: Restarted, supervisor: Supervisor, run: RepairRun): Promise<RepairOutcome>;
  readonly limits?: RestartLimits;
}

/** Plans a verified restart of the gateway: disruptive, never in an update, not twice within ten minutes. */
export function planRestart(request: RestartRequest): Repair | Skip {
  const { facts, gateway, interrupts } = request;
  const refusal = mayNotRestart(facts);
  if (refusal !== null) return { skip: refusal };
  const host = facts.hostCommand();
  const supervisor = findSupervisor(gateway.pid, { platform: process.platform, home: os.homedir(), root: "/" });
  if (host === null) return { skip: `\`openclaw\` is not on the PATH; to restart it: ${supervisor.restart}` };
  return {
    summary: "Restart the gateway and prove that it happened.",
    risk: "disruptive",
    effects: [
      {
        kind: "service",
        action: `restart the gateway, process ${gateway.pid}, which ${interrupts}`,
        dryRunSafe: false,
      },
    ],
    diffs: [],
    apply: async (run) => await apply(request, host, supervisor, run),
  };
}

async function apply(
  request: RestartRequest,
  host: HostCommand,
  supervisor: Supervisor,
  run: RepairRun,
): Promise<RepairOutcome> {
  const { facts, gateway, limits = RESTART_LIMITS } = request;
  const needed = await request.needed(run);
  if (needed !== true) return needed;
  const life = readLife(gateway.lockPath);
  if (life === null || !sameLife(life, gateway))
    return { status: "skipped", reason: "another gateway runs by now; look again" };
  const refusal = mayNotRestart(facts);
  if (refusal !== null) return { status: "skipped", reason: refusal };
  // Memory first: any request moves it.
  const rssBytes = readRss(gateway.pid);
  const uptimeMs = await readUptime(gateway.port, limits.answerMs);
  const seen = evidence(request, run, { uptimeMs, rssBytes, supervisor: supervisor.kind });
  let restarted: Restarted | undefined;
  const { checkId, fixId, findingId } = run;
  const change = { kind: "restart", checkId, fixId, findingId, from: gateway.lockPath, keepAs: KEEP_AS } as const;
  const outcome = await run.quarantine.change({ ...change, detail: restartDetail(gateway) }, async ({ to }, onStep) => {
    writeDurably(to, Buffer.from(seen));
    onStep("restart");
    const result = await restartGateway(gateway, host, limits);
    if (result.status !== "restarted") return { status: "failed", reason: failureText(result, supervisor) };
    restarted = result;
    return { status: "repaired", changes: [successText(result, gateway, rssBytes, readRss(result.now.pid))] };
  });
  if (outcome.status !== "repaired" || restarted === undefined) return outcome;
  const end = await request.after(restarted, supervisor, run);
  return end.status === "repaired"
    ? { status: "repaired", changes: [...outcome.changes, ...end.changes] }
    : { status: "failed", reason: `${outcome.changes.join("; ")}, but ${end.reason}` };
}

/** Why no gateway of this state dir may be restarted now; null when it may. */
function mayNotRestart({ stateDir, updating }: Facts): string | null {
  if (updating) return "not during an update";
  const left = cooldownLeft(readJournal(stateDir));
  if (left === 0) return null;
  return `a restart was tried less than 10 minutes ago (\`openclaw-vitals history\`); another one in ${Math.ceil(left / 60_000)} min`;
}

/** What was known before, for whoever asks why: numbers and the finding's evidence, no text of the config. */
function evidence(
  { finding, gateway }: RestartRequest,
  { run, findingId, checkId }: RepairRun,
  measured: Readonly<Record<string, string | number | null>>,
): string {
  const { verdict, path: lock, evidence: seen } = finding;
  const about = { v: 1, at: new Date().toISOString(), run, checkId, findingId, verdict, path: lock, evidence: seen };
  return `${JSON.stringify({ ...about, gateway: { ...gateway, ...measured } }, null, 2)}\n`;
}
