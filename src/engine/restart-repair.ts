import os from "node:os";
import type { Facts } from "../facts/facts.ts";
import { type GatewayProcess, readLife, readUptime, sameLife } from "../facts/gateway.ts";
import type { HostCommand } from "../facts/installation.ts";
import { readVariables } from "../facts/process-variables.ts";
import { findSupervisor, SERVICE_VARIABLES, type Supervisor } from "../facts/supervisor.ts";
import type { Policy } from "./policy.ts";
import { writeDurably } from "./replace-file.ts";
import { RESTART_LIMITS, type RestartLimits, type RestartResult, restartGateway } from "./restart.ts";
import { restartEvidence } from "./restart-evidence.ts";
import { restartDetail } from "./restart-kind.ts";
import { memoryOf, provenMemory } from "./restart-memory.ts";
import { mayNotRestart, whyNoGateway, whyOutOfReach, withPort } from "./restart-refusal.ts";
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
  readonly policy: Policy;
  /** The gateway the finding is about, as `facts.gateway` names it; null is said why. */
  readonly gateway: GatewayProcess | null;
  /**
   * What the restart is for. A turn and a stuck event loop end with a restart within the process, which is proven by a
   * new lock and an uptime that began anew. Memory takes a new process as well, and one that needs less.
   */
  readonly frees: "turn" | "loop" | "memory";
  /** What ends with it, a clause, said before anybody agrees. */
  readonly interrupts: string;
  /** Asked right before: an outcome says why nothing is left to restart for. */
  needed(run: RepairRun): Promise<true | RepairOutcome>;
  /** What is left to do after the restart, and whether it helped. */
  after?(restarted: Restarted, supervisor: Supervisor, run: RepairRun): Promise<RepairOutcome>;
  readonly limits?: RestartLimits;
}

interface Plan extends RestartRequest {
  readonly gateway: GatewayProcess;
  readonly host: HostCommand;
  readonly supervisor: Supervisor;
  readonly limits: RestartLimits;
}

/** Plans a verified restart of the gateway: disruptive, never in an update, not twice within the policy's cooldown. */
export async function planRestart(request: RestartRequest): Promise<Repair | Skip> {
  const { facts, policy, interrupts, frees, limits = RESTART_LIMITS } = request;
  const refusal = mayNotRestart(facts, policy);
  if (refusal !== null) return { skip: refusal };
  if (request.gateway === null) return { skip: await whyNoGateway(facts, policy) };
  const gateway = await withPort(request.gateway, facts, policy);
  const { stateDir } = facts;
  // The gateway itself knows best what its service is called.
  const env = { ...facts.env, ...readVariables(gateway.pid, SERVICE_VARIABLES) };
  const probes = { platform: process.platform, home: os.homedir(), root: "/", env, stateDir };
  const supervisor = findSupervisor(gateway.pid, probes);
  const outOfReach = await whyOutOfReach(gateway, facts, supervisor);
  if (outOfReach !== null) return { skip: outOfReach };
  const host = facts.hostCommand();
  if (host === null) return { skip: `\`openclaw\` is not on the PATH; to restart it: ${supervisor.restart}` };
  // Without a service manager most gateways restart within their process: not to be found out only afterwards.
  const doubt =
    frees === "memory" && (supervisor.kind === "none" || supervisor.kind === "container")
      ? "; no service manager is seen to run it, and one that restarts within its process frees no memory"
      : "";
  return {
    summary: "Restart the gateway and prove that it happened.",
    risk: "disruptive",
    effects: [
      {
        kind: "service",
        action: `restart the gateway, process ${gateway.pid}, which ${interrupts}${doubt}`,
        dryRunSafe: false,
      },
    ],
    diffs: [],
    apply: async (run) => await apply({ ...request, gateway, host, supervisor, limits }, run),
  };
}

async function apply(plan: Plan, run: RepairRun): Promise<RepairOutcome> {
  const { facts, policy, gateway, host, supervisor, limits, frees } = plan;
  const needed = await plan.needed(run);
  if (needed !== true) return needed;
  const life = readLife(gateway.lockPath);
  if (life === null || !sameLife(life, gateway))
    return { status: "skipped", reason: "another gateway runs by now; look again" };
  const refusal = mayNotRestart(facts, policy);
  if (refusal !== null) return { status: "skipped", reason: refusal };
  // Memory first: any request moves it.
  const rssBytes = await memoryOf(gateway.pid);
  const uptimeMs = await readUptime(gateway.port, limits.answerMs);
  const seen = await restartEvidence(plan, run, { uptimeMs, rssBytes, supervisor: supervisor.kind });
  let restarted: Restarted | undefined;
  const { checkId, fixId, findingId } = run;
  const change = { kind: "restart", checkId, fixId, findingId, from: gateway.lockPath, keepAs: KEEP_AS } as const;
  const outcome = await run.quarantine.change({ ...change, detail: restartDetail(gateway) }, async ({ to }, onStep) => {
    writeDurably(to, Buffer.from(seen));
    onStep("restart");
    const result = await restartGateway(gateway, host, limits);
    if (result.status !== "restarted")
      return { status: "failed", reason: failureText(result, supervisor, uptimeMs !== null) };
    restarted = result;
    // Of a restart for memory the memory is told when it has been measured.
    const rssAfter = frees === "memory" ? null : await memoryOf(result.now.pid);
    return { status: "repaired", changes: [successText(result, gateway, rssBytes, rssAfter)] };
  });
  if (outcome.status !== "repaired" || restarted === undefined) return outcome;
  const changes = [...outcome.changes];
  if (frees === "memory") {
    const memory = await provenMemory(rssBytes, restarted, supervisor, limits);
    if ("failed" in memory) return { status: "failed", reason: memory.failed };
    changes.push(memory.freed);
  }
  const end = (await plan.after?.(restarted, supervisor, run)) ?? { status: "repaired", changes: [] };
  return end.status === "repaired"
    ? { status: "repaired", changes: [...changes, ...end.changes] }
    : { status: "failed", reason: `${changes.join("; ")}, but ${end.reason}` };
}
