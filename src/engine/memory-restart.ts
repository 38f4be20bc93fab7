import type { Facts } from "../facts/facts.ts";
import { type GatewayProcess, readLife, readRss, sameLife, sameProcess } from "../facts/gateway.ts";
import { mebibytes } from "./memory-sentences.ts";
import { turnsOf } from "./overdue-lock.ts";
import type { Policy } from "./policy.ts";
import { planRestart } from "./restart-repair.ts";
import type { Finding, Repair, RepairOutcome, Skip } from "./types.ts";

/** Plans the restart of a gateway for its memory. */
export async function planMemoryRestart(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip> {
  const { graceSeconds } = policy.locks;
  const gateway = await facts.gateway(graceSeconds);
  const before = gateway === null ? null : readRss(gateway.pid);
  const { locks } = await facts.sessionLocks(graceSeconds);
  const turns = gateway === null ? 0 : turnsOf(locks, gateway).length;
  return await planRestart({
    finding,
    facts,
    policy,
    gateway,
    frees: "memory",
    interrupts: `interrupts ${turns === 0 ? "no turn that holds a lock" : turns === 1 ? "1 running turn" : `${turns} running turns`}`,
    needed: async () => (gateway === null ? true : (restartedMeanwhile(gateway, before) ?? true)),
  });
}

/** Another repair of the same run may have restarted it: null when none did. */
function restartedMeanwhile(gateway: GatewayProcess, before: number | null): RepairOutcome | null {
  const now = readLife(gateway.lockPath);
  if (now === null || sameLife(now, gateway)) return null;
  if (sameProcess(now, gateway))
    return {
      status: "skipped",
      reason: `it was restarted already, but within process ${now.pid}, which frees no memory`,
    };
  const after = readRss(now.pid);
  if (before === null || after === null || after >= before) return null;
  return {
    status: "repaired",
    changes: [
      `it was restarted already: process ${gateway.pid} is now process ${now.pid}, ${mebibytes(before)} of memory before and ${mebibytes(after)} after`,
    ],
  };
}
