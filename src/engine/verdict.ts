import type { UnseenGateway } from "../facts/gateway-port.ts";
import type { LockSnapshot } from "../facts/lock-file.ts";
import type { Holders, PidNamespace, ProcessState } from "../facts/processes.ts";
import type { Confidence, Evidence, Verdict } from "./types.ts";

/** The host's default when a lock does not say how long it may be held (2026.5.22). Milliseconds. */
const DEFAULT_MAX_HOLD_MS = 300_000;
/** Smaller differences between two clock readings prove nothing. Milliseconds. */
const CLOCK_MARGIN_MS = 2_000;

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

/** Everything a verdict rests on, read beforehand. Times in milliseconds since the epoch. */
export interface LockCase {
  readonly path: string;
  readonly snapshot: LockSnapshot;
  /** Same file and content at two looks; only needed when the payload names no owner. */
  readonly unchanged: boolean;
  /** Type of a network or host-shared file system, null for a local one. */
  readonly sharedFileSystem: string | null;
  /** State of the pid in the payload; null when there is none. */
  readonly owner: ProcessState | null;
  readonly ownerDescriptorsReadable: boolean;
  readonly holders: Holders;
  readonly namespace: PidNamespace;
  /** A gateway that is at work where we cannot see its process. Absent: not asked. Only asked for `isVoidable`. */
  readonly unseenGateway?: UnseenGateway | null;
  readonly uid: number | null;
  readonly nowMs: number;
  readonly graceMs: number;
  /** The operator's word that nobody outside this container writes into the state dir. It says nothing elsewhere. */
  readonly soleOwner?: boolean | undefined;
}

/**
 * Decides what became of a lock's owner. Pure. Age alone never removes a lock, and whatever cannot be
 * proven from here is `unknown`.
 */
export function judgeLock(lock: LockCase): Judgement {
  const { snapshot, holders, namespace } = lock;
  const evidence = describe(lock);
  const result = (
    verdict: Verdict,
    reason: Reason,
    extra: { report?: boolean; solid?: boolean; confidence?: Confidence } = {},
  ): Judgement => ({
    verdict,
    reason,
    confidence: extra.confidence ?? (verdict === "unknown" ? "unknown" : "proven"),
    evidence,
    report: extra.report ?? verdict !== "held",
    solid: extra.solid ?? true,
  });

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

/** Inside a container of which the operator says that nobody else writes into the state dir. */
function isAlone({ namespace, soleOwner }: LockCase): boolean {
  return namespace.initial === false && soleOwner === true;
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

function ageMs({ snapshot, nowMs }: LockCase): number {
  const { payload } = snapshot;
  return nowMs - ((payload.status === "ok" ? payload.createdAtMs : null) ?? snapshot.mtimeMs);
}

function maxHoldMs({ snapshot }: LockCase): number {
  return (snapshot.payload.status === "ok" ? snapshot.payload.maxHoldMs : null) ?? DEFAULT_MAX_HOLD_MS;
}

function describe(lock: LockCase): Evidence[] {
  const { snapshot, owner, holders, namespace } = lock;
  const { payload } = snapshot;
  const evidence: Evidence[] = [];
  const add = (what: string, value: Evidence["value"], source: string): void => {
    evidence.push({ what, value, source });
  };
  const dated = payload.status === "ok" && payload.createdAtMs !== null;
  add("lock age in seconds", Math.round(ageMs(lock) / 1000), dated ? "createdAt" : "file time");
  if (payload.status === "ok") {
    add("pid in the lock", payload.pid, "lock payload");
    if (payload.createdAtMs !== null) {
      add("lock created", new Date(payload.createdAtMs).toISOString(), "lock payload");
      if (payload.createdAtMs > lock.nowMs + CLOCK_MARGIN_MS)
        add("lock created in the future: a clock was changed", true, "lock payload");
    }
    if (payload.starttime !== null) add("start of the owner in ticks", payload.starttime, "lock payload");
    if (payload.maxHoldMs !== null)
      add("longest hold in seconds", Math.round(payload.maxHoldMs / 1000), "lock payload");
    addOwner(add, payload.pid, owner);
  } else {
    add("payload", payload.status === "empty" ? "empty" : payload.why, "lock file");
  }
  if (holders.seen === "none") add("processes that have it open", "not readable on this platform", "open descriptors");
  else add("processes that have it open", holders.pids.join(", ") || "none", "open descriptors");
  if (snapshot.nlink > 1) add("hard links", snapshot.nlink, "stat");
  if (lock.sharedFileSystem !== null) add("file system", lock.sharedFileSystem, "statfs");
  if (lock.uid !== null && snapshot.uid !== lock.uid) add("owner uid of the file", snapshot.uid, "stat");
  if (!namespace.trusted) add("process ids here belong to another namespace", true, "/proc/self");
  if (namespace.initial === false) {
    add("inside a PID namespace (container)", true, "/proc/self/ns/pid");
    if (namespace.startedAtMs !== null)
      add("namespace started", new Date(namespace.startedAtMs).toISOString(), "/proc/1/stat");
    if (isAlone(lock)) add("nobody outside this container writes here", true, "policy locks.soleOwner");
  }
  if (lock.unseenGateway) evidence.push(...gatewayEvidence(lock.unseenGateway));
  return evidence;
}

/** What is known of a gateway that is at work out of sight. */
export function gatewayEvidence({ port, answers, listener }: UnseenGateway): Evidence[] {
  const source = `127.0.0.1:${port}`;
  const what = answers ? "port on which a gateway answers" : "port on which somebody listens but does not answer";
  return [
    { what, value: port, source },
    { what: "process that has this port", value: listener ?? "none that can be seen", source: "open descriptors" },
  ];
}

function addOwner(
  add: (what: string, value: Evidence["value"], source: string) => void,
  pid: number,
  owner: ProcessState | null,
): void {
  const source = `process ${pid}`;
  if (owner === null || owner.state === "absent") {
    add("process with this pid", owner?.zombie ? "dead, not yet collected by its parent" : "none", source);
  } else if (owner.state === "thread") {
    add("pid is now a thread of process", owner.threadOf, source);
  } else {
    add("process with this pid", owner.title ?? "running", source);
    if (owner.startTicks !== null) add("its start in ticks", owner.startTicks, source);
    if (owner.startedAtMs !== null) add("its start", new Date(owner.startedAtMs).toISOString(), source);
    if (owner.foreign) add("belongs to another user", owner.uid ?? true, source);
  }
}
