import type { JudgedLock } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";
import type { FindingDraft } from "./types.ts";

/**
 * What can be done about a lock that is held too long. Only the gateway of this state dir can be restarted; another
 * process, e.g. a run of `openclaw agent --local`, is a person's to stop.
 */
export function remedyOverdue(draft: FindingDraft, lock: JudgedLock, gateway: GatewayProcess | null): FindingDraft {
  const pid = pidOf(lock);
  if (gateway !== null && gateway.pid === pid)
    return {
      ...draft,
      risk: "disruptive",
      evidence: [...draft.evidence, { what: "process that holds it", value: "the gateway", source: "gateway lock" }],
      fixHint:
        "The lock is in use and stays while its turn runs. `openclaw-vitals fix --force` restarts the gateway, which ends all turns in it, and proves that it did.",
    };
  return {
    ...draft,
    fixHint: `The lock is in use and stays. It is held by a run of its own, not by the gateway: stop process ${pid} where it was started.`,
  };
}

/** The turns a gateway is at, as far as they hold a lock: what its restart would interrupt. */
export function turnsOf(locks: readonly JudgedLock[], gateway: GatewayProcess): JudgedLock[] {
  return locks.filter(
    (lock) =>
      pidOf(lock) === gateway.pid && (lock.judgement?.verdict === "held" || lock.judgement?.verdict === "overdue"),
  );
}

/** When the turns began that a gateway holds a lock for past its limit. Milliseconds since the epoch. */
export function stuckTurns(locks: readonly JudgedLock[], gateway: GatewayProcess): number[] {
  return locks.flatMap((lock) => {
    if (lock.judgement?.verdict !== "overdue" || pidOf(lock) !== gateway.pid || lock.look.kind !== "file") return [];
    const { payload } = lock.look.snapshot;
    return payload.status === "ok" && payload.createdAtMs !== null ? [payload.createdAtMs] : [];
  });
}

function pidOf({ look }: JudgedLock): number | null {
  return look.kind === "file" && look.snapshot.payload.status === "ok" ? look.snapshot.payload.pid : null;
}
