import type { UnseenGateway } from "../facts/gateway-port.ts";
import type { JudgedLease, Lease } from "../facts/leases.ts";
import type { PidNamespace, ProcessState } from "../facts/processes.ts";
import type { Confidence, Verdict } from "./types.ts";

/** A gateway renews its lease every 30 s, maintenance every 20 s: one renewed this lately is at work. Milliseconds. */
const FRESH_MS = 35_000;
/** Smaller differences between two clock readings prove nothing. Milliseconds. */
const CLOCK_MARGIN_MS = 2_000;
/** Less than this left to live, and a lease is not worth a repair. Milliseconds. */
const NEARLY_OVER_MS = 10_000;

/** Why a verdict on a lease was reached; the check turns it into a sentence. */
export type LeaseReason =
  | "running"
  | "expired"
  | "owner-dead"
  | "pid-reused"
  | "not-openclaw"
  | "other-host"
  | "other-user"
  | "other-namespace"
  | "unseen-gateway"
  | "no-owner"
  | "owner-unclear";

export interface LeaseJudgement {
  readonly verdict: Extract<Verdict, "held" | "gone" | "unknown">;
  readonly reason: LeaseReason;
  readonly confidence: Confidence;
  /** Whether it stops a host. False too for what the host itself sees to be stale and takes back. */
  readonly blocks: boolean;
  /** Renewed just now: whoever holds it is at work, even if it cannot be seen from here. */
  readonly fresh: boolean;
}

/** Everything a verdict rests on, read beforehand. */
export interface LeaseCase {
  readonly lease: Lease;
  /** State of the pid in the lease; null when there is none to look up. */
  readonly owner: ProcessState | null;
  readonly namespace: PidNamespace;
  /** A gateway that is at work where we cannot see its process. Absent: not asked. Only asked for `isVoidable`. */
  readonly unseenGateway?: UnseenGateway | null;
  readonly nowMs: number;
}

/**
 * Decides what became of a lease's owner, and whether the host can see it too. Pure. The host takes a lease back when
 * its process is gone or has another start time; without a start time it believes any process with that number.
 */
export function judgeLease(lease: LeaseCase): LeaseJudgement {
  const judgement = judgeByProcess(lease);
  if (!lease.unseenGateway || !isVoidable(judgement)) return judgement;
  return { ...judgement, verdict: "unknown", reason: "unseen-gateway", confidence: "unknown" };
}

/**
 * Whether a gateway at work whose process we cannot see makes this judgement void: the lease may be that gateway's,
 * and what its number means here says nothing then.
 */
export function isVoidable({ reason }: LeaseJudgement): boolean {
  return reason === "owner-dead" || reason === "pid-reused" || reason === "not-openclaw" || reason === "owner-unclear";
}

function judgeByProcess({ lease, owner: state, namespace, nowMs }: LeaseCase): LeaseJudgement {
  const { owner, expiresAtMs, heartbeatAtMs } = lease;
  const fresh = heartbeatAtMs !== null && nowMs - heartbeatAtMs < FRESH_MS;
  const result = (
    verdict: LeaseJudgement["verdict"],
    reason: LeaseReason,
    blocks: boolean,
    confidence: Confidence = verdict === "unknown" ? "unknown" : "proven",
  ): LeaseJudgement => ({ verdict, reason, blocks, confidence, fresh });

  if (expiresAtMs !== null && expiresAtMs <= nowMs) return result("gone", "expired", false);
  if (owner === null) return result("unknown", "no-owner", true);
  if (owner.sameHost === false) return result("unknown", "other-host", true);
  // An agent's lease names no machine: from here nothing can be said of it.
  if (!namespace.trusted) return result("unknown", "other-namespace", lease.agent === null);
  if (state === null || state.state !== "alive") return result("gone", "owner-dead", false);
  if (owner.startTime !== null) {
    const same = sameStart(state, owner.startTime);
    if (same !== null) return same ? result("held", "running", false) : result("gone", "pid-reused", false);
  }
  if (state.openclaw === true) return result("held", "running", false, "likely");
  if (state.startedAtMs !== null && state.startedAtMs > lease.createdAtMs + CLOCK_MARGIN_MS)
    return result("gone", "pid-reused", true, "likely");
  if (state.openclaw === false) return result("unknown", "not-openclaw", true);
  return result("unknown", state.foreign ? "other-user" : "owner-unclear", true);
}

/** Null when one of the two start times is not known. The host writes ticks on Linux, seconds on macOS, else ms. */
function sameStart(state: ProcessState & { state: "alive" }, startTime: number): boolean | null {
  if (state.startTicks !== null) return state.startTicks === startTime;
  if (state.startedAtMs === null) return null;
  const startedAtMs = startTime < 1e11 ? startTime * 1000 : startTime;
  return Math.abs(state.startedAtMs - startedAtMs) <= CLOCK_MARGIN_MS;
}

/**
 * Whether a lease may be removed, with OpenClaw down and a person's yes: its process is known, is one of ours on this
 * machine and is no OpenClaw, and nobody made or renewed the lease lately. Pure.
 */
export function isRemovable(lease: JudgedLease, nowMs: number): boolean {
  const { judgement, process, createdAtMs, expiresAtMs } = lease;
  if (!judgement.blocks || judgement.fresh || nowMs - createdAtMs < FRESH_MS) return false;
  if (expiresAtMs !== null && expiresAtMs - nowMs < NEARLY_OVER_MS) return false;
  if (process?.state !== "alive" || lease.owner?.sameHost === false) return false;
  return judgement.reason === "pid-reused" || (judgement.reason === "not-openclaw" && !process.foreign);
}
