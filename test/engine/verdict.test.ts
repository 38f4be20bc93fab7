/** Long because the table of all verdicts is one list, so that a case that is missing can be seen. */
import { fc, test as prop } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import type { LockCase } from "../../src/engine/lock-case.ts";
import { isVoidable, type Judgement, judgeLock } from "../../src/engine/verdict.ts";
import type { UnseenGateway } from "../../src/facts/gateway-port.ts";
import type { LockPayload, LockSnapshot } from "../../src/facts/lock-file.ts";
import type { PidNamespace, ProcessState } from "../../src/facts/processes.ts";

const NOW = Date.parse("2026-05-24T18:30:00.000Z");
const MINUTE = 60_000;
const PID = 4242;
const TICKS = 918_273;

type Alive = Extract<ProcessState, { state: "alive" }>;
type Ok = Extract<LockPayload, { status: "ok" }>;

const initial: PidNamespace = { trusted: true, initial: true, startedAtMs: null, lastPid: 30_000 };
/** A container that has been up for an hour. */
const container: PidNamespace = { trusted: true, initial: false, startedAtMs: NOW - 60 * MINUTE, lastPid: 30_000 };

function payload(change: Partial<Ok> = {}): Ok {
  return {
    status: "ok",
    pid: PID,
    createdAtMs: NOW - 5 * MINUTE,
    starttime: TICKS,
    maxHoldMs: 17 * MINUTE,
    ...change,
  };
}

/** A gateway that started an hour ago, before the lock was made. */
function gateway(change: Partial<Alive> = {}): Alive {
  return {
    state: "alive",
    uid: 1000,
    foreign: false,
    startTicks: TICKS,
    startedAtMs: NOW - 60 * MINUTE,
    title: "openclaw",
    openclaw: true,
    ...change,
  };
}

const absent: ProcessState = { state: "absent", zombie: false };

interface Change extends Partial<Omit<LockCase, "snapshot">> {
  readonly payload?: LockPayload;
  readonly snapshot?: Partial<LockSnapshot>;
}

/** A lock five minutes old, held by a live gateway with the descriptor open; each test changes what it is about. */
function lockCase({ payload: says = payload(), snapshot, ...change }: Change = {}): LockCase {
  const mtimeMs = snapshot?.mtimeMs ?? NOW - 5 * MINUTE;
  return {
    path: "/state/agents/coder/sessions/s.jsonl.lock",
    snapshot: {
      dev: "1",
      ino: "2",
      size: 150,
      mtimeNs: String(mtimeMs * 1e6),
      mtimeMs,
      uid: 1000,
      nlink: 1,
      content: "{}",
      payload: says,
      ...snapshot,
    },
    unchanged: true,
    sharedFileSystem: null,
    owner: gateway(),
    ownerDescriptorsReadable: true,
    holders: { pids: [PID], seen: "own" },
    namespace: initial,
    uid: 1000,
    nowMs: NOW,
    graceMs: 30_000,
    ...change,
  };
}

function judge(change: Change = {}): Judgement {
  return judgeLock(lockCase(change));
}

const unseen: UnseenGateway = { port: 18_789, listener: null, answers: true };
const nobody = { pids: [], seen: "own" } as const;
const unreadable = { pids: [], seen: "none" } as const;

function evidence({ evidence: list }: Judgement, what: string) {
  return list.find((one) => one.what === what)?.value;
}

describe("verdict table: what the project owes for each case", () => {
  test("dead pid → gone", () => {
    const result = judge({ owner: absent, holders: nobody });
    expect(result).toMatchObject({
      verdict: "gone",
      reason: "owner-dead",
      confidence: "proven",
      report: true,
      solid: true,
    });
    expect(evidence(result, "pid in the lock")).toBe(PID);
    expect(evidence(result, "process with this pid")).toBe("none");
    expect(evidence(result, "processes that have it open")).toBe("none");
    expect(evidence(result, "lock age in seconds")).toBe(300);
  });

  test("dead pid whose parent has not collected it (zombie) → gone", () => {
    const result = judge({ owner: { state: "absent", zombie: true }, holders: nobody });
    expect(result).toMatchObject({ verdict: "gone", reason: "owner-dead" });
    expect(evidence(result, "process with this pid")).toContain("dead");
  });

  test("dead pid, but a live process has this very file open → unknown", () => {
    const result = judge({ owner: absent, holders: { pids: [77], seen: "own" } });
    expect(result).toMatchObject({ verdict: "unknown", reason: "held-from-elsewhere", report: true });
    expect(evidence(result, "processes that have it open")).toBe("77");
  });

  const foreigner = gateway({ title: "postgres", openclaw: false });
  test("live non-OpenClaw process, start time matches the payload's → keep, report", () => {
    const result = judge({ owner: foreigner, holders: nobody });
    expect(result).toMatchObject({ verdict: "unknown", reason: "not-openclaw", report: true });
    expect(evidence(result, "process with this pid")).toBe("postgres");
    expect(evidence(result, "its start in ticks")).toBe(TICKS);
  });

  test("live non-OpenClaw process that provably started after createdAt → gone", () => {
    const owner = gateway({ title: "postgres", openclaw: false, startedAtMs: NOW - MINUTE });
    const result = judge({ payload: payload({ starttime: null }), owner, holders: nobody });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", solid: true });
    expect(evidence(result, "its start")).toBe(new Date(NOW - MINUTE).toISOString());
  });

  test("live non-OpenClaw process, no start time, started before createdAt → keep, report", () => {
    const result = judge({ payload: payload({ starttime: null }), owner: foreigner, holders: nobody });
    expect(result).toMatchObject({ verdict: "unknown", reason: "not-openclaw", report: true });
  });

  test("live pid, wrong start time (recycled) → gone", () => {
    const result = judge({ owner: gateway({ startTicks: TICKS + 1 }), holders: nobody });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", confidence: "proven", solid: true });
    expect(evidence(result, "start of the owner in ticks")).toBe(TICKS);
    expect(evidence(result, "its start in ticks")).toBe(TICKS + 1);
  });

  test("live pid, wrong start time, but the process has the file open → not gone", () => {
    expect(judge({ owner: gateway({ startTicks: TICKS + 1 }) }).verdict).toBe("held");
  });

  test("live gateway, within maxHold → held, no finding", () => {
    const result = judge();
    expect(result).toMatchObject({ verdict: "held", reason: "holding", report: false });
    expect(evidence(result, "longest hold in seconds")).toBe(1020);
    expect(evidence(result, "processes that have it open")).toBe(String(PID));
  });

  test("live gateway, past its own maxHoldMs → overdue", () => {
    const createdAtMs = NOW - 18 * MINUTE;
    expect(judge({ payload: payload({ createdAtMs }) })).toMatchObject({
      verdict: "overdue",
      reason: "past-max-hold",
      report: true,
    });
  });

  test("live gateway, exactly at its own maxHoldMs → still held", () => {
    expect(judge({ payload: payload({ createdAtMs: NOW - 17 * MINUTE }) }).verdict).toBe("held");
  });

  test("live gateway that holds a lock older than itself: a clock was set forward, and only its own time counts", () => {
    const young = gateway({ startedAtMs: NOW - 10 * MINUTE });
    const says = payload({ createdAtMs: NOW - 24 * 60 * MINUTE });
    expect(judge({ payload: says, owner: young })).toMatchObject({ verdict: "held", report: false });
    expect(judge({ payload: { ...says, maxHoldMs: 9 * MINUTE }, owner: young }).verdict).toBe("overdue");
    expect(judge({ payload: says, owner: gateway({ startedAtMs: null }) }).verdict).toBe("overdue");
  });

  test.each([0, 1])("no payload, written in the future (%s ms past the grace): said, but never moved", (more) => {
    const snapshot = { mtimeMs: NOW + 30_000 - 1 + more };
    const empty: LockPayload = { status: "empty" };
    expect(judge({ payload: empty, holders: nobody, snapshot })).toMatchObject({
      verdict: "unknown",
      reason: "fresh",
      report: more > 0,
    });
    // Let go of by a live owner: its release may be under way, but not for hours.
    expect(judge({ holders: nobody, snapshot }).verdict).toBe(more > 0 ? "leaked" : "held");
  });

  test("live gateway, past the host's default hold when the payload says none (4.15) → overdue", () => {
    const old = payload({ maxHoldMs: null, createdAtMs: NOW - 5 * MINUTE - 1 });
    expect(judge({ payload: old }).verdict).toBe("overdue");
    expect(judge({ payload: { ...old, createdAtMs: NOW - 5 * MINUTE } }).verdict).toBe("held");
  });

  test("live gateway, descriptor not open → leaked", () => {
    const result = judge({ holders: nobody });
    expect(result).toMatchObject({ verdict: "leaked", reason: "descriptor-closed", report: true });
    expect(evidence(result, "processes that have it open")).toBe("none");
  });

  test.each(["empty", "malformed"] as const)("%s, fresh → unknown, keep, no finding inside the grace", (status) => {
    const says: LockPayload = status === "empty" ? { status } : { status, why: "not JSON" };
    const mtimeMs = NOW - 29_999;
    const result = judge({ payload: says, owner: null, holders: nobody, snapshot: { mtimeMs } });
    expect(result).toMatchObject({ verdict: "unknown", reason: "fresh", report: false });
    expect(evidence(result, "payload")).toBe(status === "empty" ? "empty" : "not JSON");
  });

  test.each(["empty", "malformed"] as const)("%s, old, unchanged over two looks → gone", (status) => {
    const says: LockPayload = status === "empty" ? { status } : { status, why: "not JSON" };
    const result = judge({ payload: says, owner: null, holders: nobody, snapshot: { mtimeMs: NOW - 30_000 } });
    expect(result).toMatchObject({ verdict: "gone", reason: "no-payload", confidence: "likely", solid: true });
  });

  test("empty, old, but changed between two looks → unknown, no finding yet", () => {
    const result = judge({ payload: { status: "empty" }, owner: null, holders: nobody, unchanged: false });
    expect(result).toMatchObject({ verdict: "unknown", reason: "changing", report: false });
  });

  test("empty, old, but a process has it open → unknown", () => {
    const result = judge({ payload: { status: "empty" }, owner: null, holders: { pids: [77], seen: "own" } });
    expect(result).toMatchObject({ verdict: "unknown", reason: "held-from-elsewhere" });
  });

  test("empty, old, seen from inside a container → gone only with a person's yes", () => {
    const result = judge({ payload: { status: "empty" }, owner: null, holders: nobody, namespace: container });
    expect(result).toMatchObject({ verdict: "gone", solid: false });
  });

  test("createdAt in the future → judged by owner alone; the clock skew is said", () => {
    const skewed = payload({ createdAtMs: NOW + 60 * MINUTE });
    const held = judge({ payload: skewed });
    expect(held.verdict).toBe("held");
    expect(evidence(held, "lock created in the future: a clock was changed")).toBe(true);
    expect(judge({ payload: skewed, owner: absent, holders: nobody }).verdict).toBe("gone");
    expect(judge({ payload: skewed, owner: gateway({ startTicks: 1 }), holders: nobody }).verdict).toBe("gone");
    expect(judge({ payload: skewed, holders: nobody }).verdict).toBe("leaked");
  });

  test("a createdAt a moment ahead is not called a changed clock", () => {
    const result = judge({ payload: payload({ createdAtMs: NOW + 1999 }) });
    expect(evidence(result, "lock created in the future: a clock was changed")).toBeUndefined();
  });

  test("createdAt missing → judged by owner, aged by the file", () => {
    const nameless = payload({ createdAtMs: null });
    expect(judge({ payload: nameless }).verdict).toBe("held");
    expect(judge({ payload: nameless, snapshot: { mtimeMs: NOW - 18 * MINUTE } }).verdict).toBe("overdue");
    const later = gateway({ startedAtMs: NOW - 1 });
    const unproven = judge({ payload: { ...nameless, starttime: null }, owner: later, holders: nobody });
    expect(unproven.verdict).toBe("leaked");
    expect(judge({ payload: nameless, owner: absent, holders: nobody }).verdict).toBe("gone");
  });

  test("pid is now a thread of another process → gone", () => {
    const result = judge({ owner: { state: "thread", threadOf: 99 }, holders: nobody });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-is-thread", solid: true });
    expect(evidence(result, "pid is now a thread of process")).toBe(99);
  });

  test("other host's owner (shared file system) → unknown, report-only", () => {
    for (const name of ["NFS", "SMB", "CIFS", "SMB2", "FUSE", "9p", "AFS", "Ceph", "Lustre", "vboxsf"]) {
      for (const owner of [absent, gateway(), gateway({ startTicks: 1 }), { state: "thread", threadOf: 9 } as const]) {
        const result = judge({ sharedFileSystem: name, owner, holders: nobody });
        expect(result).toMatchObject({ verdict: "unknown", reason: "shared-file-system", report: true });
        expect(evidence(result, "file system")).toBe(name);
      }
    }
  });

  test("other PID namespace's owner: /proc of another namespace → unknown, report-only", () => {
    const result = judge({ namespace: { ...initial, trusted: false }, owner: absent, holders: nobody });
    expect(result).toMatchObject({ verdict: "unknown", reason: "other-namespace", report: true });
    expect(evidence(result, "process ids here belong to another namespace")).toBe(true);
  });

  test("other PID namespace's owner: a process of a nested one has it open → unknown, report-only", () => {
    const result = judge({ owner: gateway(), holders: { pids: [31_000], seen: "own" } });
    expect(result).toMatchObject({ verdict: "unknown", reason: "held-from-elsewhere", report: true });
  });

  test("hard link → unknown, whatever else is true", () => {
    for (const owner of [absent, gateway({ startTicks: 1 })]) {
      const result = judge({ snapshot: { nlink: 2 }, owner, holders: nobody });
      expect(result).toMatchObject({ verdict: "unknown", reason: "link", report: true });
      expect(evidence(result, "hard links")).toBe(2);
    }
  });
});

describe("inside a container", () => {
  const inside = (change: Change) => judge({ namespace: container, holders: nobody, ...change });

  test("an owner from its own time that is gone → gone, with a yes: another container may have given its pid", () => {
    const result = inside({ owner: absent });
    expect(result).toMatchObject({ verdict: "gone", reason: "owner-dead", solid: false, confidence: "likely" });
    expect(evidence(result, "inside a PID namespace (container)")).toBe(true);
    expect(evidence(result, "namespace started")).toBe(new Date(NOW - 60 * MINUTE).toISOString());
  });

  test.each([
    ["from before the namespace started", { payload: payload({ createdAtMs: NOW - 61 * MINUTE }) }],
    [
      "from before it by the file's time",
      { payload: payload({ createdAtMs: null }), snapshot: { mtimeMs: NOW - 61 * MINUTE } },
    ],
    ["with a pid never given out here", { payload: payload({ pid: 30_001 }) }],
    ["with pid 1, which lives as long as the namespace", { payload: payload({ pid: 1 }) }],
    ["when the start of the namespace is not known", { namespace: { ...container, startedAtMs: null } }],
  ] as const)("an absent owner %s → unknown", (_name, change) => {
    expect(inside({ owner: absent, ...change })).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
  });

  test("a thread with the owner's pid, lock from before the namespace → unknown", () => {
    const owner: ProcessState = { state: "thread", threadOf: 9 };
    const result = inside({ owner, payload: payload({ createdAtMs: NOW - 61 * MINUTE }) });
    expect(result).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
  });

  test("pid 1 with another start is another container's first process → unknown", () => {
    const result = inside({ payload: payload({ pid: 1 }), owner: gateway({ startTicks: 5 }) });
    expect(result).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
  });

  test("pid 1 with the same start and the descriptor open → held", () => {
    const result = inside({ payload: payload({ pid: 1 }), holders: { pids: [1], seen: "own" } });
    expect(result.verdict).toBe("held");
  });

  test("a recycled pid in a lock from before the namespace → unknown", () => {
    const result = inside({ payload: payload({ createdAtMs: NOW - 61 * MINUTE }), owner: gateway({ startTicks: 5 }) });
    expect(result).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
  });

  test("a recycled pid in a lock from this namespace → gone, with a yes", () => {
    const result = inside({ owner: gateway({ startTicks: 5 }) });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", solid: false });
  });
});

describe("inside a container that has the state dir to itself, as the operator says", () => {
  const alone = (change: Change) => judge({ namespace: container, holders: nobody, soleOwner: true, ...change });
  const before = payload({ createdAtMs: NOW - 61 * MINUTE });
  const thread: ProcessState = { state: "thread", threadOf: 9 };

  test.each<[string, Change, string]>([
    ["an owner from its own time that is gone", { owner: absent }, "owner-dead"],
    ["an owner from before the container was restarted", { owner: absent, payload: before }, "owner-dead"],
    ["a pid never given out since", { owner: absent, payload: payload({ pid: 30_001 }) }, "owner-dead"],
    ["pid 1 of an earlier life, seen by nobody now", { owner: absent, payload: payload({ pid: 1 }) }, "owner-dead"],
    ["pid 1 with another start", { owner: gateway({ startTicks: 5 }), payload: payload({ pid: 1 }) }, "pid-reused"],
    ["a recycled pid from before", { owner: gateway({ startTicks: 5 }), payload: before }, "pid-reused"],
    ["a thread with the owner's pid", { owner: thread, payload: before }, "pid-is-thread"],
    ["a lock without owner", { owner: null, payload: { status: "empty" } }, "no-payload"],
  ])("%s → gone, without a yes", (_name, change, reason) => {
    const result = alone(change);
    expect(result).toMatchObject({ verdict: "gone", reason, solid: true, confidence: "likely" });
    expect(evidence(result, "nobody outside this container writes here")).toBe(true);
  });

  test("clocks alone still need a yes", () => {
    const owner = gateway({ startTicks: null, startedAtMs: NOW - MINUTE });
    const result = alone({ owner, payload: payload({ starttime: null }), ownerDescriptorsReadable: false });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", solid: false });
  });

  test.each<[string, Change, string, string]>([
    [
      "a gateway answers that is no process here",
      { owner: absent, unseenGateway: unseen },
      "unknown",
      "unseen-gateway",
    ],
    ["somebody has it open", { owner: absent, holders: { pids: [77], seen: "own" } }, "unknown", "held-from-elsewhere"],
    ["it lies on a shared file system", { owner: absent, sharedFileSystem: "nfs" }, "unknown", "shared-file-system"],
    ["its owner lives", { holders: { pids: [PID], seen: "own" } }, "held", "holding"],
    [
      "it was made a moment ago",
      { owner: null, payload: { status: "empty" }, snapshot: { mtimeMs: NOW } },
      "unknown",
      "fresh",
    ],
    [
      "/proc is not its own",
      { owner: absent, namespace: { ...container, trusted: false } },
      "unknown",
      "other-namespace",
    ],
  ])("but not when %s", (_name, change, verdict, reason) => {
    expect(alone(change)).toMatchObject({ verdict, reason });
  });
});

describe("rights", () => {
  test("another uid's file, seen as non-root → unknown", () => {
    const result = judge({ snapshot: { uid: 2000 }, owner: absent, holders: nobody });
    expect(result).toMatchObject({ verdict: "unknown", reason: "other-user", report: true });
    expect(evidence(result, "owner uid of the file")).toBe(2000);
  });

  test("another uid's file, seen as root → judged", () => {
    expect(judge({ uid: 0, owner: absent, holders: nobody }).verdict).toBe("gone");
    expect(judge({ uid: 0 }).verdict).toBe("held");
  });

  test("a platform without uids judges too", () => {
    expect(judge({ uid: null, snapshot: { uid: 0 }, owner: absent, holders: nobody }).verdict).toBe("gone");
  });

  test("an owner we may not look into → unknown, even with another start", () => {
    for (const startTicks of [TICKS, 5, null]) {
      const owner = gateway({ foreign: true, uid: 0, startTicks });
      const result = judge({ owner, holders: nobody, ownerDescriptorsReadable: false });
      expect(result).toMatchObject({ verdict: "unknown", reason: "other-user" });
      expect(evidence(result, "belongs to another user")).toBe(0);
    }
  });

  test("an owner whose descriptors cannot be read: held within its hold, unknown after", () => {
    const closed = { holders: nobody, ownerDescriptorsReadable: false };
    expect(judge(closed)).toMatchObject({ verdict: "held", confidence: "likely", report: false });
    const past = judge({ ...closed, payload: payload({ createdAtMs: NOW - 18 * MINUTE }) });
    expect(past).toMatchObject({ verdict: "unknown", reason: "owner-unclear", report: true });
  });
});

describe("clocks", () => {
  const bare = payload({ starttime: null });
  const startedAfter = (ms: number, change: Change = {}) =>
    judge({
      payload: bare,
      owner: gateway({ startedAtMs: (bare.createdAtMs ?? 0) + ms }),
      holders: nobody,
      ...change,
    });

  test("a start within the clocks' margin proves nothing", () => {
    expect(startedAfter(2000).verdict).toBe("leaked");
    expect(startedAfter(2001)).toMatchObject({ verdict: "gone", reason: "pid-reused", solid: true });
  });

  test("equal ticks outrank a later wall clock", () => {
    const owner = gateway({ startedAtMs: NOW });
    expect(judge({ owner, holders: nobody }).verdict).toBe("leaked");
  });

  test("a process whose start is not known is not another one", () => {
    const owner = gateway({ startTicks: null, startedAtMs: null });
    expect(judge({ payload: bare, owner, holders: nobody }).verdict).toBe("leaked");
  });

  test("the wall clock alone, with descriptors closed to us, needs a person's yes", () => {
    const result = startedAfter(MINUTE, { ownerDescriptorsReadable: false });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", confidence: "likely", solid: false });
  });

  test("like Windows (no descriptors, no title): the wall clock alone needs a person's yes", () => {
    const owner = gateway({ startTicks: null, title: null, openclaw: null, startedAtMs: NOW - MINUTE });
    const windows = { owner, holders: unreadable, ownerDescriptorsReadable: false, uid: null } as const;
    const result = judge({ payload: bare, ...windows, namespace: { ...initial, initial: null, lastPid: null } });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", solid: false });
    expect(evidence(result, "processes that have it open")).toBe("not readable on this platform");
    const empty = judge({ payload: { status: "empty" }, ...windows, owner: null });
    expect(empty).toMatchObject({ verdict: "gone", reason: "no-payload", solid: false });
    const same = judge({ payload: bare, ...windows, owner: { ...owner, startedAtMs: NOW - 60 * MINUTE } });
    expect(same.verdict).toBe("held");
  });

  test("like Windows: a pid that is absent is proof enough", () => {
    const result = judge({ payload: bare, owner: absent, holders: unreadable, ownerDescriptorsReadable: false });
    expect(result).toMatchObject({ verdict: "gone", solid: true });
  });
});

describe("release window", () => {
  test("a descriptor just closed, within the grace → no finding", () => {
    const result = judge({ holders: nobody, snapshot: { mtimeMs: NOW - 29_999 } });
    expect(result).toMatchObject({ verdict: "held", reason: "fresh", report: false });
  });

  test("a descriptor closed, after the grace → leaked", () => {
    expect(judge({ holders: nobody, snapshot: { mtimeMs: NOW - 30_000 } }).verdict).toBe("leaked");
  });
});

/** The whole evidence, one line each, as the documents of the checks list it. */
function told({ evidence: list }: Judgement): string[] {
  return list.map(({ what, value, source }) => `${what}: ${value} (${source})`);
}

describe("evidence", () => {
  test("of a lock that is held", () => {
    expect(told(judge())).toEqual([
      "lock age in seconds: 300 (createdAt)",
      "pid in the lock: 4242 (lock payload)",
      "lock created: 2026-05-24T18:25:00.000Z (lock payload)",
      "start of the owner in ticks: 918273 (lock payload)",
      "longest hold in seconds: 1020 (lock payload)",
      "process with this pid: openclaw (process 4242)",
      "its start in ticks: 918273 (process 4242)",
      "its start: 2026-05-24T17:30:00.000Z (process 4242)",
      "processes that have it open: 4242 (open descriptors)",
    ]);
  });

  test("of a payload that says only a pid, of a process of which nothing can be read", () => {
    const owner = gateway({ uid: null, foreign: true, startTicks: null, startedAtMs: null, title: null });
    const bare = payload({ createdAtMs: null, starttime: null, maxHoldMs: null });
    expect(told(judge({ payload: bare, owner, holders: { pids: [7, 8], seen: "own" } }))).toEqual([
      "lock age in seconds: 300 (file time)",
      "pid in the lock: 4242 (lock payload)",
      "process with this pid: running (process 4242)",
      "belongs to another user: true (process 4242)",
      "processes that have it open: 7, 8 (open descriptors)",
    ]);
  });

  test("of an empty lock, with all that makes it unknown", () => {
    const result = judge({
      payload: { status: "empty" },
      owner: null,
      holders: unreadable,
      snapshot: { nlink: 2, uid: 2000 },
      sharedFileSystem: "NFS",
      namespace: { ...container, trusted: false },
    });
    expect(told(result)).toEqual([
      "lock age in seconds: 300 (file time)",
      "payload: empty (lock file)",
      "processes that have it open: not readable on this platform (open descriptors)",
      "hard links: 2 (stat)",
      "file system: NFS (statfs)",
      "owner uid of the file: 2000 (stat)",
      "process ids here belong to another namespace: true (/proc/self)",
      "inside a PID namespace (container): true (/proc/self/ns/pid)",
      "namespace started: 2026-05-24T17:30:00.000Z (/proc/1/stat)",
    ]);
  });

  test("of a dead owner in a container of unknown start, its lock from the future", () => {
    const skewed = payload({ createdAtMs: NOW + 3_600_000, starttime: null, maxHoldMs: null });
    const result = judge({
      payload: skewed,
      owner: { state: "absent", zombie: true },
      holders: nobody,
      namespace: { ...container, startedAtMs: null },
      uid: null,
    });
    expect(told(result)).toEqual([
      "lock age in seconds: -3600 (createdAt)",
      "pid in the lock: 4242 (lock payload)",
      "lock created: 2026-05-24T19:30:00.000Z (lock payload)",
      "lock created in the future: a clock was changed: true (lock payload)",
      "process with this pid: dead, not yet collected by its parent (process 4242)",
      "processes that have it open: none (open descriptors)",
      "inside a PID namespace (container): true (/proc/self/ns/pid)",
    ]);
  });

  test("exactly at the clocks' margin a lock is not called one from the future", () => {
    const result = judge({ payload: payload({ createdAtMs: NOW + 2000 }) });
    expect(evidence(result, "lock created in the future: a clock was changed")).toBeUndefined();
  });
});

describe("what is said beside the verdict", () => {
  test("unknown is of unknown confidence, what pids and starts show is proven", () => {
    expect(judge({ snapshot: { nlink: 2 } }).confidence).toBe("unknown");
    expect(judge().confidence).toBe("proven");
    expect(judge({ owner: absent, holders: nobody }).confidence).toBe("proven");
  });

  test("a nameless lock that somebody has open is no finding", () => {
    const result = judge({ payload: { status: "empty" }, owner: null, holders: { pids: [77], seen: "own" } });
    expect(result.report).toBe(false);
  });

  test("a pid nobody looked up counts as absent", () => {
    expect(judge({ owner: null, holders: nobody })).toMatchObject({ verdict: "gone", reason: "owner-dead" });
  });
});

describe("at the edge", () => {
  test("a holder with the pid of the lock, where that pid is no process any more, is another", () => {
    const result = judge({ owner: absent });
    expect(result).toMatchObject({ verdict: "unknown", reason: "held-from-elsewhere" });
  });

  test("descriptors of no process can be read: what is closed was not seen to be", () => {
    const bare = payload({ starttime: null });
    const owner = gateway({ startedAtMs: NOW - MINUTE });
    const result = judge({ payload: bare, owner, holders: unreadable, ownerDescriptorsReadable: true });
    expect(result).toMatchObject({ verdict: "gone", solid: false });
    const held = judge({ holders: unreadable, ownerDescriptorsReadable: true });
    expect(held).toMatchObject({ verdict: "held", reason: "holding", confidence: "likely" });
  });

  test("pid 1 with another start is a container's first process, seen from the machine too", () => {
    const result = judge({ payload: payload({ pid: 1 }), owner: gateway({ startTicks: 5 }), holders: nobody });
    expect(result).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
  });

  test("other ticks are proof enough, descriptors or not", () => {
    const owner = gateway({ startTicks: TICKS + 1 });
    const result = judge({ owner, holders: unreadable, ownerDescriptorsReadable: false });
    expect(result).toMatchObject({ verdict: "gone", reason: "pid-reused", confidence: "proven", solid: true });
  });

  test("exactly at its limit a lock is held, descriptors or not", () => {
    const old = payload({ createdAtMs: NOW - 17 * MINUTE });
    expect(judge({ payload: old, holders: unreadable }).verdict).toBe("held");
  });

  test("in a container: the last pid given out, and the moment it started, are still its own", () => {
    const inside = { namespace: container, holders: nobody, owner: absent } as const;
    expect(judge({ ...inside, payload: payload({ pid: 30_000 }) }).verdict).toBe("gone");
    expect(judge({ ...inside, payload: payload({ createdAtMs: NOW - 60 * MINUTE }) }).verdict).toBe("gone");
    const unsaid = { ...container, lastPid: null };
    expect(judge({ ...inside, namespace: unsaid, payload: payload({ pid: 30_001 }) }).verdict).toBe("gone");
  });
});

/** Any combination of what can be seen, sensible or not. */
const anyCase: fc.Arbitrary<LockCase> = fc
  .record({
    payload: fc.oneof(
      fc.record({
        status: fc.constant("ok" as const),
        pid: fc.constantFrom(1, 2, PID, 30_001),
        createdAtMs: fc.option(fc.constantFrom(0, NOW - 90 * MINUTE, NOW - 5 * MINUTE, NOW, NOW + 90 * MINUTE)),
        starttime: fc.option(fc.constantFrom(TICKS, TICKS + 1)),
        maxHoldMs: fc.option(fc.constantFrom(1, 17 * MINUTE)),
      }),
      fc.constant({ status: "empty" as const }),
      fc.constant({ status: "malformed" as const, why: "not JSON" }),
    ),
    mtimeMs: fc.constantFrom(0, NOW - 90 * MINUTE, NOW - 30_000, NOW - 29_999, NOW, NOW + MINUTE),
    fileUid: fc.constantFrom(0, 1000, 2000),
    uid: fc.constantFrom(0, 1000, null),
    nlink: fc.constantFrom(1, 1, 1, 2),
    unchanged: fc.boolean(),
    sharedFileSystem: fc.constantFrom(null, null, null, "NFS"),
    ownerDescriptorsReadable: fc.boolean(),
    owner: fc.oneof(
      fc.constantFrom<ProcessState>(absent, { state: "absent", zombie: true }, { state: "thread", threadOf: 9 }),
      fc.record({
        state: fc.constant("alive" as const),
        uid: fc.constantFrom(1000, null),
        foreign: fc.boolean(),
        startTicks: fc.option(fc.constantFrom(TICKS, TICKS + 1)),
        startedAtMs: fc.option(fc.constantFrom(NOW - 120 * MINUTE, NOW - 5 * MINUTE + 1000, NOW - MINUTE)),
        title: fc.constantFrom("openclaw", "node", null),
        openclaw: fc.constantFrom(true, false, null),
      }),
    ),
    unseenGateway: fc.constantFrom(null, null, null, unseen),
    holders: fc.record({
      pids: fc.subarray([1, 2, PID, 77]),
      seen: fc.constantFrom("own" as const, "none" as const),
    }),
    namespace: fc.record({
      trusted: fc.constantFrom(true, true, true, false),
      initial: fc.constantFrom(true, false, null),
      startedAtMs: fc.option(fc.constantFrom(NOW - 120 * MINUTE, NOW - 60 * MINUTE)),
      lastPid: fc.option(fc.constant(30_000)),
    }),
  })
  .map(({ payload: says, mtimeMs, fileUid, nlink, owner, holders, ...rest }) => ({
    ...lockCase({ payload: says, snapshot: { mtimeMs, uid: fileUid, nlink } }),
    ...rest,
    owner: says.status === "ok" ? owner : null,
    // A platform that cannot read descriptors names no holders.
    holders: holders.seen === "none" ? { pids: [], seen: "none" as const } : holders,
  }));

/**
 * Written from the prose of the design, not from the code: what forbids removing a lock, in its order of words.
 * "Identity is pid + start time in the same PID namespace on the same boot; EPERM, another uid, host or namespace,
 * a network file system, a link, a fresh or changing payload all mean unknown. Never by age alone."
 */
function forbidsRemoval(lock: LockCase): string | null {
  const { snapshot, owner, holders, namespace } = lock;
  const says = snapshot.payload;
  if (snapshot.nlink !== 1) return "a link";
  if (lock.sharedFileSystem !== null) return "a network file system";
  if (lock.uid === 1000 && snapshot.uid !== 1000) return "another uid";
  if (!namespace.trusted) return "another namespace";
  if (holders.pids.length > 0) return "somebody has it open";
  if (lock.unseenGateway) return "a live gateway port whose pid we cannot see voids all pid evidence";
  if (says.status !== "ok") {
    if (lock.nowMs - snapshot.mtimeMs < lock.graceMs) return "fresh";
    return lock.unchanged ? null : "changing";
  }
  if (namespace.initial === false) {
    const born = namespace.startedAtMs;
    const made = says.createdAtMs ?? snapshot.mtimeMs;
    if (born === null || made < born) return "another namespace: made before this one began";
    if (says.pid === 1) return "another namespace: pid 1 never dies in its own";
    if (owner?.state !== "alive" && namespace.lastPid !== null && says.pid > namespace.lastPid)
      return "another namespace: no such pid yet";
  }
  if (owner?.state !== "alive") return null;
  if (owner.foreign) return "EPERM";
  if (says.starttime !== null && owner.startTicks !== null)
    return says.starttime === owner.startTicks ? "the same pid and start time live" : null;
  const later = owner.startedAtMs !== null && says.createdAtMs !== null && owner.startedAtMs > says.createdAtMs;
  return later ? null : "nothing but age speaks against its owner";
}

describe("any case", () => {
  prop.prop([anyCase], { numRuns: 2000 })(
    "the operator's word counts in a container only, and there for it only",
    (lock) => {
      const [without, with_] = [judgeLock(lock), judgeLock({ ...lock, soleOwner: true })];
      if (lock.namespace.initial !== false) expect(with_).toEqual(without);
      // As if the same had been seen on a machine without containers.
      const outside = judgeLock({ ...lock, namespace: { ...lock.namespace, initial: true } });
      const first = lock.snapshot.payload.status === "ok" && lock.snapshot.payload.pid === 1;
      if (lock.namespace.initial === false && !first) expect(with_.verdict).toBe(outside.verdict);
      if (outside.verdict !== "gone" && !first) expect(with_.verdict).not.toBe("gone");
    },
  );

  prop.prop([anyCase], { numRuns: 4000 })("nothing the design forbids is gone", (lock) => {
    const { verdict } = judgeLock(lock);
    const forbidden = forbidsRemoval(lock);
    if (forbidden !== null) expect(verdict, forbidden).not.toBe("gone");
    if (lock.unseenGateway) expect(verdict).not.toBe("leaked");
  });

  prop.prop([anyCase], { numRuns: 2000 })(
    "a live owner with the same pid and start that has it open is never gone",
    (lock) => {
      const says = payload({ pid: PID });
      const owner = gateway({ foreign: lock.owner?.state === "alive" && lock.owner.foreign });
      const alive = { ...lock, owner, snapshot: { ...lock.snapshot, payload: says } };
      const { verdict } = judgeLock({ ...alive, holders: { pids: [...lock.holders.pids, PID], seen: "own" } });
      expect(verdict).not.toBe("gone");
      expect(verdict).not.toBe("leaked");
    },
  );

  prop.prop([anyCase, fc.integer({ min: 0, max: 400 * 24 * 60 * MINUTE })], { numRuns: 3000 })(
    "a lock that names its owner is never gone only because time has passed",
    (lock, later) => {
      fc.pre(lock.snapshot.payload.status === "ok");
      const before = judgeLock(lock).verdict;
      const after = judgeLock({ ...lock, nowMs: lock.nowMs + later }).verdict;
      expect(after === "gone").toBe(before === "gone");
    },
  );

  prop.prop([anyCase], { numRuns: 3000 })("a dead owner of a plain local lock is found", (lock) => {
    // The other direction: an oracle that only forbids would be content with never finding anything.
    const { verdict } = judgeLock(lock);
    if (forbidsRemoval(lock) === null && lock.owner?.state === "absent") expect(verdict).toBe("gone");
  });

  prop.prop([anyCase], { numRuns: 2000 })(
    "every verdict lists evidence, and removal without asking is proven or likely",
    (lock) => {
      const result = judgeLock(lock);
      expect(result.evidence.length).toBeGreaterThanOrEqual(2);
      for (const { what, source } of result.evidence) expect(what && source).toBeTruthy();
      if (result.verdict === "unknown") expect(result.confidence).toBe("unknown");
      if (result.verdict === "held") expect(result.report).toBe(false);
      if (result.solid && result.verdict === "gone") expect(result.report).toBe(true);
    },
  );
});

describe("a process of a nested namespace that does not let us look", () => {
  const blind = { pids: [], seen: "own", blind: true } as const;

  test.each([
    ["a dead owner", { owner: absent, holders: blind }],
    ["a reused pid", { owner: gateway({ startTicks: TICKS + 1 }), holders: blind }],
    ["no owner named", { owner: null, holders: blind, payload: { status: "empty" } as const }],
  ])("%s may still be held by it", (_name, change) => {
    expect(judgeLock(lockCase(change))).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
    const seeing = { ...change, holders: { ...blind, blind: false } };
    expect(judgeLock(lockCase(seeing)).verdict).toBe("gone");
  });

  test("what looks leaked may still be held by it: its own process 4242 is another than ours", () => {
    const bare = payload({ starttime: null });
    expect(judge({ payload: bare, holders: blind })).toMatchObject({ verdict: "unknown", reason: "other-namespace" });
    expect(judge({ payload: bare, holders: { ...blind, blind: false } }).verdict).toBe("leaked");
  });
});

describe("a gateway at work whose process cannot be seen", () => {
  const closed = { holders: nobody, snapshot: { mtimeMs: NOW - 5 * MINUTE } };
  test.each<[string, Change, string]>([
    ["a dead owner", { owner: absent, holders: nobody }, "gone"],
    ["a thread's number", { owner: { state: "thread", threadOf: 9 }, holders: nobody }, "gone"],
    ["a reused pid", { owner: gateway({ startTicks: TICKS + 1 }), holders: nobody }, "gone"],
    ["no owner named", { owner: null, holders: nobody, payload: { status: "empty" } }, "gone"],
    ["a closed descriptor", closed, "leaked"],
  ])("%s proves nothing", (_name, change, otherwise) => {
    const before = judge(change);
    expect(before.verdict).toBe(otherwise);
    expect(isVoidable(before)).toBe(true);
    expect(judge({ ...change, unseenGateway: null })).toEqual(before);
    const result = judge({ ...change, unseenGateway: unseen });
    expect(result).toMatchObject({
      verdict: "unknown",
      reason: "unseen-gateway",
      confidence: "unknown",
      report: true,
    });
    expect(isVoidable(result)).toBe(false);
  });

  test.each<[string, Change]>([
    ["a held lock", {}],
    ["an overdue one", { nowMs: NOW + 60 * MINUTE }],
    ["a lock somebody else has open", { holders: { pids: [77], seen: "own" } }],
    ["another program with the owner's pid and start", { owner: gateway({ openclaw: false }), holders: nobody }],
    ["a fresh empty lock", { owner: null, holders: nobody, payload: { status: "empty" }, snapshot: { mtimeMs: NOW } }],
  ])("%s is judged as ever", (_name, change) => {
    const { evidence: _evidence, ...before } = judge(change);
    expect(isVoidable(judge(change))).toBe(false);
    expect(judge({ ...change, unseenGateway: unseen })).toMatchObject(before);
  });

  test("the evidence says which port, what came of asking, and who has it here", () => {
    const dead: Change = { owner: absent, holders: nobody };
    const result = judge({ ...dead, unseenGateway: unseen });
    expect(evidence(result, "port on which a gateway answers")).toBe(18_789);
    expect(evidence(result, "process that has this port")).toBe("none that can be seen");
    const silent = judge({ ...dead, unseenGateway: { ...unseen, listener: "docker-proxy", answers: false } });
    expect(evidence(silent, "port on which somebody listens but does not answer")).toBe(18_789);
    expect(evidence(silent, "process that has this port")).toBe("docker-proxy");
  });
});
