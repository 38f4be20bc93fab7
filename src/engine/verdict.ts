import type { ProcessState } from "../facts/processes.ts";
import { ageMs, CLOCK_MARGIN_MS, isAlone, type LockCase } from "./lock-case.ts";
import { lockEvidence } from "./lock-evidence.ts";
import type { Confidence, Evidence, Verdict } from "./types.ts";

/** The host's default when a lock does not say how long it may be held (2026.5.22). Milliseconds. */
const DEFAULT_MAX_HOLD_MS = 300_000;

/** Why a verdict was reached; the checks turn it into a sentence. */
export type Reason =
  | "holding"
  | "past-max-hold"
  | "descriptor-closed"
  | "owner-dead"
  | "pid-reused"
  | "pid-is-thread"
  | "no-payload"
  | "fresh"
  | "changing"
  | "link"
  | "shared-file-system"
  | "other-user"
  | "other-namespace"
  | "unseen-gateway"
  | "held-from-elsewhere"
  | "not-openclaw"
  | "owner-unclear";

export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: Reason;
  readonly confidence: Confidence;
  readonly evidence: readonly Evidence[];
  /** False when a look now says nothing yet (a lock within its grace): no finding, but no removal either. */
  readonly report: boolean;
  /** False when part of the proof cannot be had (clocks alone, inside a container): removal then needs a person's yes. */
  readonly solid: boolean;
}

/**
 * Decides what became of a lock's owner. Pure. Age alone never removes a lock, and whatever cannot be
 * proven from here is `unknown`.
 */
export function judgeLock(lock: LockCase): Judgement {
  const { snapshot, holders, namespace } = lock;
  const result = (
    verdict: Verdict,
    reason: Reason,
    extra: { report?: boolean; solid?: boolean; confidence?: Confidence } = {},
  ): Judgement => new JudgedCase(lock, verdict, reason, extra);

  const gone = (reason: Reason, extra: { solid?: boolean; confidence?: Confidence } = {}): Judgement => {
    // A process that did not let us look may be the one that holds it.
    if (holders.blind) return result("unknown", "other-namespace");
    if (lock.unseenGateway) return result("unknown", "unseen-gateway");
    // From inside a container the processes of others that share the folder cannot be seen; the number may be theirs.
    if (namespace.initial !== false) return result("gone", reason, extra);
    // With the operator's word for it there are no such others; a word is no proof, but it was given to be acted on.
    return result("gone", reason, { confidence: "likely", solid: isAlone(lock) && (extra.solid ?? true) });
  };

  if (snapshot.nlink > 1) return result("unknown", "link");
  if (lock.sharedFileSystem !== null) return result("unknown", "shared-file-system");
  if (lock.uid !== null && lock.uid !== 0 && snapshot.uid !== lock.uid) return result("unknown", "other-user");
  if (!namespace.trusted) return result("unknown", "other-namespace");
  const { payload } = snapshot;
  const sinceMs = lock.nowMs - snapshot.mtimeMs;
  if (payload.status !== "ok") {
    if (holders.pids.length > 0) return result("unknown", "held-from-elsewhere", { report: false });
    // A clock that was set back since would make it fresh for as long as that: nobody would hear of it.
    if (sinceMs < lock.graceMs) return result("unknown", "fresh", { report: sinceMs <= -lock.graceMs });
    if (!lock.unchanged) return result("unknown", "changing", { report: false });
    return gone("no-payload", { confidence: "likely", solid: holders.seen !== "none" });
  }
  const owner = lock.owner ?? { state: "absent", zombie: false };
  const open = owner.state === "alive" && holders.pids.includes(payload.pid);
  // Some live process has this very file open, whatever the payload says of its owner.
  if (holders.pids.length > 0 && !open) return result("unknown", "held-from-elsewhere");

  if (owner.state !== "alive") {
    if (!livedHere(lock)) return result("unknown", "other-namespace");
    return gone(owner.state === "thread" ? "pid-is-thread" : "owner-dead");
  }
  if (owner.foreign) return result("unknown", "other-user");
  if (!open && isAnotherProcess(lock, owner)) {
    // Pid 1 with another start is the first process of another container or boot.
    if (!livedHere(lock) || (payload.pid === 1 && !isAlone(lock))) return result("unknown", "other-namespace");
    const byTicks = payload.starttime !== null && owner.startTicks !== null;
    const seenClosed = holders.seen !== "none" && lock.ownerDescriptorsReadable;
    const solid = byTicks || seenClosed;
    return gone("pid-reused", solid ? {} : { confidence: "likely", solid });
  }
  // Nobody holds a lock for longer than they live, whatever a clock that was set forward says of its age.
  const held = Math.min(ageMs(lock), lock.nowMs - (owner.startedAtMs ?? Number.NEGATIVE_INFINITY));
  if (open) return held > maxHoldMs(lock) ? result("overdue", "past-max-hold") : result("held", "holding");
  if (owner.openclaw === false) return result("unknown", "not-openclaw");
  if (!lock.ownerDescriptorsReadable || holders.seen === "none") {
    if (ageMs(lock) <= maxHoldMs(lock)) return result("held", "holding", { confidence: "likely" });
    return result("unknown", "owner-unclear");
  }
  // A release closes the descriptor first and removes the file then: give it time.
  if (Math.abs(sinceMs) < lock.graceMs) return result("held", "fresh");
  if (holders.blind) return result("unknown", "other-namespace");
  return lock.unseenGateway ? result("unknown", "unseen-gateway") : result("leaked", "descriptor-closed");
}

/** Puts its evidence into words when they are asked for. */
class JudgedCase implements Judgement {
  readonly verdict: Verdict;
  readonly reason: Reason;
  readonly confidence: Confidence;
  readonly report: boolean;
  readonly solid: boolean;
  readonly #lock: LockCase;

  constructor(
    lock: LockCase,
    verdict: Verdict,
    reason: Reason,
    extra: { report?: boolean; solid?: boolean; confidence?: Confidence },
  ) {
    this.verdict = verdict;
    this.reason = reason;
    this.confidence = extra.confidence ?? (verdict === "unknown" ? "unknown" : "proven");
    this.report = extra.report ?? verdict !== "held";
    this.solid = extra.solid ?? true;
    this.#lock = lock;
  }

  get evidence(): readonly Evidence[] {
    return lockEvidence(this.#lock);
  }
}

/**
 * Whether a gateway at work whose process we cannot see makes this verdict void: the lock may be that gateway's, and
 * what its number means here says nothing then.
 */
export function isVoidable({ verdict }: Judgement): boolean {
  return verdict === "gone" || verdict === "leaked";
}

/** True when the process that has the pid now cannot be the one that wrote the lock. */
function isAnotherProcess(lock: LockCase, owner: ProcessState & { state: "alive" }): boolean {
  const { payload } = lock.snapshot;
  if (payload.status !== "ok") return false;
  if (payload.starttime !== null && owner.startTicks !== null) return payload.starttime !== owner.startTicks;
  const { createdAtMs } = payload;
  if (createdAtMs === null || owner.startedAtMs === null) return false;
  return owner.startedAtMs > createdAtMs + CLOCK_MARGIN_MS;
}

/**
 * Whether a pid that is absent now can have lived in this PID namespace when the lock was made. Or in an earlier life
 * of this container, when nobody else can have made it.
 */
function livedHere(lock: LockCase): boolean {
  const { namespace, snapshot } = lock;
  const { payload } = snapshot;
  if (namespace.initial !== false || payload.status !== "ok" || isAlone(lock)) return true;
  if (payload.pid === 1) return false; // the first process is alive as long as its namespace
  if (namespace.lastPid !== null && payload.pid > namespace.lastPid) return false;
  const madeAtMs = payload.createdAtMs ?? snapshot.mtimeMs;
  return namespace.startedAtMs !== null && madeAtMs >= namespace.startedAtMs;
}

function maxHoldMs({ snapshot }: LockCase): number {
  return (snapshot.payload.status === "ok" ? snapshot.payload.maxHoldMs : null) ?? DEFAULT_MAX_HOLD_MS;
}
