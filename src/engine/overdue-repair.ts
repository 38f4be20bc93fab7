import type { Facts, JudgedLock } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";
import type { UnseenGateway } from "../facts/gateway-port.ts";
import { lookAtLock, sameLock } from "../facts/lock-file.ts";
import { judgeSnapshot, type LockRules } from "../facts/lock-owner.ts";
import { lookedAtAgain } from "../facts/packed-lock.ts";
import { openProcessTable } from "../facts/processes.ts";
import type { Supervisor } from "../facts/supervisor.ts";
import { turnsOf } from "./overdue-lock.ts";
import type { Policy } from "./policy.ts";
import { planRestart, type Restarted } from "./restart-repair.ts";
import type { Finding, Repair, RepairOutcome, RepairRun, Skip } from "./types.ts";
import type { Judgement } from "./verdict.ts";

/** What a second look at a lock needs to know besides the lock. */
interface SecondLook {
  readonly rules: LockRules;
  unseenGateway(): Promise<UnseenGateway | null>;
}

/** Plans the restart of the gateway that holds a session lock past its limit. The lock itself is never taken from it. */
export async function planOverdue(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip> {
  const { graceSeconds } = policy.locks;
  const [{ locks }, gateway] = [await facts.sessionLocks(graceSeconds), await facts.gateway(graceSeconds)];
  const lock = locks.find((candidate) => candidate.path === finding.path);
  if (lock?.look.kind !== "file" || lock.judgement?.verdict !== "overdue") return { skip: "it is not held any more" };
  const { payload } = lock.look.snapshot;
  if (gateway === null || payload.status !== "ok" || payload.pid !== gateway.pid)
    return { skip: "it is not held by the gateway of this state directory" };
  const seen: SecondLook = { rules: policy.locks, unseenGateway: async () => await facts.fresh().unseenGateway() };
  const others = turnsOf(locks, gateway).filter((turn) => turn.path !== lock.path).length;
  return await planRestart({
    finding,
    facts,
    policy,
    gateway,
    frees: "turn",
    interrupts: `ends the stuck turn and interrupts ${others === 0 ? "no other turn that holds a lock" : others === 1 ? "1 other running turn" : `${others} other running turns`}`,
    needed: async (run) => await isNeeded(lock, gateway, seen, run),
    after: async (_restarted: Restarted, supervisor, run) => await clear(lock, seen, supervisor, run),
  });
}

/** Another finding of the same run may have had the gateway restarted already. */
async function isNeeded(
  lock: JudgedLock,
  gateway: GatewayProcess,
  seen: SecondLook,
  run: RepairRun,
): Promise<true | RepairOutcome> {
  const now = await judgeAgain(lock, seen);
  if (now === "gone") return { status: "repaired", changes: [`${lock.path} was released`] };
  if (now?.verdict === "overdue") return true;
  // Its gateway has been restarted since, so nobody will come back to this lock.
  if (now?.verdict === "gone") return await remove(lock, now, seen, run);
  return {
    status: "skipped",
    reason: `a second look says "${now?.verdict ?? "another lock"}" (process ${gateway.pid})`,
  };
}

/** The restart should have released the lock; what its end left behind is moved away. */
async function clear(
  lock: JudgedLock,
  seen: SecondLook,
  { restart }: Supervisor,
  run: RepairRun,
): Promise<RepairOutcome> {
  const now = await judgeAgain(lock, seen);
  // A lock that is not this one belongs to a turn of the restarted gateway.
  if (now === "gone" || now === null) return { status: "repaired", changes: [`released ${lock.path}`] };
  // Within the same process the pid lives on; this lock was closed with the turn it belonged to.
  if (now.verdict === "gone" || now.verdict === "leaked") return await remove(lock, now, seen, run);
  return { status: "failed", reason: `it still holds the lock; to end the process itself: ${restart}` };
}

async function remove(
  lock: JudgedLock,
  judged: Judgement,
  seen: SecondLook,
  { quarantine, checkId, fixId, findingId }: RepairRun,
): Promise<RepairOutcome> {
  if (lock.look.kind !== "file") return { status: "skipped", reason: "there is no lock file to move" };
  return await quarantine.remove({
    path: lock.path,
    judged: lock.look.snapshot,
    async judgeAgain() {
      const again = await judgeAgain(lock, seen);
      if (again === "gone" || again === null) return "it changed since it was judged";
      return again.verdict === judged.verdict ? true : `a second look says "${again.verdict}"`;
    },
    checkId,
    fixId,
    findingId,
  });
}

/** The verdict now on the very lock that was judged; `gone`: no file is there, null: another one is. */
async function judgeAgain(lock: JudgedLock, seen: SecondLook): Promise<Judgement | "gone" | null> {
  const now = lookAtLock(lock.path);
  if (now.kind === "missing") return "gone";
  if (now.kind !== "file" || lock.look.kind !== "file" || !sameLock(now.snapshot, lock.look.snapshot)) return null;
  return await judgeSnapshot(lookedAtAgain(lock, now), await openProcessTable(), seen.rules, seen.unseenGateway);
}
