import type { UnseenGateway } from "../facts/gateway-port.ts";
import type { ProcessState } from "../facts/processes.ts";
import { ageMs, CLOCK_MARGIN_MS, isAlone, type LockCase } from "./lock-case.ts";
import type { Evidence } from "./types.ts";

/** What a verdict on this lock rests on, in words. */
export function lockEvidence(lock: LockCase): Evidence[] {
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
    evidence.push(...ownerEvidence(payload.pid, owner));
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

/** What is known of the owner: told once for all locks of a process. */
function ownerEvidence(pid: number, owner: ProcessState | null): readonly Evidence[] {
  const known = owner === null ? undefined : TOLD.get(owner);
  if (known !== undefined) return known;
  const evidence: Evidence[] = [];
  addOwner((what, value, source) => evidence.push({ what, value, source }), pid, owner);
  if (owner !== null) TOLD.set(owner, evidence);
  return evidence;
}

const TOLD = new WeakMap<ProcessState, readonly Evidence[]>();

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
