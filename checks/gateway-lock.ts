import path from "node:path";
import { gatewayWithoutLock } from "../src/engine/gateway-without-lock.ts";
import { describeLock, type LockSubject, shellWord } from "../src/engine/lock-sentences.ts";
import type { Check, FindingDraft } from "../src/engine/types.ts";
import type { Judged } from "../src/facts/facts.ts";
import type { GatewayLock } from "../src/facts/gateway-locks.ts";
import type { ProcessTable } from "../src/facts/processes.ts";

/**
 * A gateway takes back nearly every lock that nobody holds. What it cannot get past: something that is no file, a
 * guard whose maker died, and a number that belongs to another gateway now where the lock has no start time.
 */
const check: Check = {
  id: "gateway-lock",
  async run(facts, policy) {
    const { graceSeconds } = policy.locks;
    const { locks } = await facts.gatewayLocks(graceSeconds);
    if (locks.length === 0) return [];
    const processes = await facts.processes();
    const findings: FindingDraft[] = [];
    for (const lock of locks) {
      const finding = isInUse(lock) ? null : describeLock(lock, subject(lock));
      if (finding !== null) findings.push(await weighed(finding, lock, processes));
      if (lock.guard !== null && lock.guard.ageSeconds >= graceSeconds) findings.push(guardFinding(lock, lock.guard));
      findings.push(...lock.losers.map((pid) => gatewayWithoutLock(lock, pid, subject(lock).target)));
    }
    return findings;
  },
};

export default check;

const BROKEN = "The gateway cannot start";

/** Its process lives and looks like OpenClaw: whether it has the file open changes nothing for the next gateway. */
function isInUse({ judgement }: Judged<GatewayLock>): boolean {
  return judgement?.verdict === "leaked" || judgement?.reason === "owner-unclear";
}

function subject(lock: GatewayLock): LockSubject {
  const doubtful = blocksByKind(lock) ? BROKEN : "The gateway may not be able to start";
  // A gateway holds its lock for as long as it runs.
  return { target: `gateway, ${path.basename(lock.path)}`, broken: BROKEN, doubtful, stuck: null };
}

const HELD_ELSEWHERE =
  "A gateway is at work that cannot be seen from here, perhaps in a container: its lock is judged only there.";

/** Somebody is at work with it, so nothing is broken; but from here nothing can be said of it, or done. */
function isHeldElsewhere({ judgement }: Judged<GatewayLock>): boolean {
  return judgement?.reason === "unseen-gateway" || judgement?.reason === "held-from-elsewhere";
}

/** Both eras fail on a folder; only newer ones on every link. */
function blocksByKind({ look, place }: GatewayLock): boolean {
  return look.kind === "directory" || (look.kind === "link" && place === "state");
}

async function weighed(
  finding: FindingDraft,
  lock: Judged<GatewayLock>,
  processes: ProcessTable,
): Promise<FindingDraft> {
  if (isHeldElsewhere(lock)) return { ...finding, severity: "info", message: HELD_ELSEWHERE };
  if (blocksByKind(lock)) return { ...finding, severity: "error", confidence: "proven" };
  if (lock.judgement?.verdict !== "gone" || !(await isTakenBack(lock, processes))) return finding;
  const payload = lock.look.kind === "file" ? lock.look.snapshot.payload : null;
  const why =
    payload?.status === "ok"
      ? `Process ${payload.pid} ended without removing its gateway lock`
      : "A gateway lock that names no owner is left over";
  return { ...finding, severity: "info", message: `${why}; OpenClaw takes it back by itself at the next start.` };
}

/** Whether the host removes such a lock itself when it starts. */
async function isTakenBack({ place, look }: Judged<GatewayLock>, processes: ProcessTable): Promise<boolean> {
  const payload = look.kind === "file" ? look.snapshot.payload : null;
  // Up to 2026.7.x the host first asks whether anybody answers on its port.
  if (place === "temporary" || payload?.status !== "ok" || payload.starttime !== null) return true;
  const owner = await processes.get(payload.pid);
  if (owner.state === "absent") return true;
  const now = owner.state === "thread" ? await processes.get(owner.threadOf) : owner;
  return now.state !== "alive" || now.openclaw === false;
}

/** The maker of a guard cannot be told, so it is only reported. Hosts hold one for milliseconds. */
function guardFinding(lock: GatewayLock, guard: NonNullable<GatewayLock["guard"]>): FindingDraft {
  return {
    severity: "error",
    verdict: "unknown",
    message: `${BROKEN}: a process that was taking back its lock died and left its guard behind.`,
    path: guard.path,
    target: subject(lock).target,
    fixHint: `Stop OpenClaw; if the guard is still there then, remove it: \`rmdir ${shellWord(guard.path)}\`.`,
    confidence: "likely",
    evidence: [{ what: "age of the guard in seconds", value: guard.ageSeconds, source: "file time" }],
    identity: "guard",
    risk: null,
  };
}
