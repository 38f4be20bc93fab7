import { describe, expect, test } from "vitest";
import { isRemovable, isVoidable, judgeLease, type LeaseCase } from "../../src/engine/lease-verdict.ts";
import type { UnseenGateway } from "../../src/facts/gateway-port.ts";
import type { Lease, LeaseOwner } from "../../src/facts/leases.ts";
import type { ProcessState } from "../../src/facts/processes.ts";

const NOW = Date.parse("2026-10-01T12:00:00Z");
const MADE = NOW - 120_000;

const gateway: Lease = {
  table: "state_leases",
  name: "gateway-owner",
  agent: null,
  database: null,
  owner: { pid: 42, startTime: 1000, sameHost: true },
  createdAtMs: MADE,
  expiresAtMs: NOW + 200_000,
  heartbeatAtMs: NOW - 100_000,
  key: { scope: "gateway-owner", lease_key: "global" },
  rowHash: "",
};
const agent: Lease = {
  ...gateway,
  table: "agent_database_leases",
  name: "lease-1",
  agent: "main",
  owner: { pid: 42, startTime: 1000, sameHost: null },
  expiresAtMs: null,
  heartbeatAtMs: null,
};
const alive = (change: Partial<ProcessState & { state: "alive" }> = {}): ProcessState => ({
  state: "alive",
  uid: 1000,
  foreign: false,
  startTicks: 1000,
  startedAtMs: MADE - 60_000,
  title: "openclaw-gateway",
  openclaw: true,
  ...change,
});
const unrelated = alive({ startTicks: 2000, title: "postgres", openclaw: false });
const absent: ProcessState = { state: "absent", zombie: false };
const here = { trusted: true, initial: true, startedAtMs: null, lastPid: null };

function judge(lease: Lease, owner: ProcessState | null, change: Partial<LeaseCase> = {}) {
  return judgeLease({ lease, owner, namespace: here, nowMs: NOW, ...change });
}
const owned = (lease: Lease, owner: Partial<LeaseOwner>): Lease => ({
  ...lease,
  owner: { pid: 42, startTime: 1000, sameHost: true, ...owner },
});

describe.each([
  ["gateway-owner", gateway],
  ["an agent's lease", agent],
])("%s", (_name, lease) => {
  const noStart = owned(lease, { startTime: null, sameHost: lease.owner?.sameHost ?? null });

  test.each<[string, Lease, ProcessState | null, object]>([
    ["its process runs", lease, alive(), { verdict: "held", blocks: false, confidence: "proven" }],
    ["its process is gone", lease, absent, { verdict: "gone", reason: "owner-dead", blocks: false }],
    ["its number is a thread's", lease, { state: "thread", threadOf: 7 }, { verdict: "gone", blocks: false }],
    ["its number has another start", lease, unrelated, { verdict: "gone", reason: "pid-reused", blocks: false }],
    ["no start time, OpenClaw", noStart, alive(), { verdict: "held", blocks: false, confidence: "likely" }],
    [
      "no start time, another program that started later",
      noStart,
      alive({ title: "postgres", openclaw: false, startedAtMs: MADE + 3_000 }),
      { verdict: "gone", reason: "pid-reused", blocks: true, confidence: "likely" },
    ],
    [
      "no start time, another program that started within the clocks' error",
      noStart,
      alive({ title: "postgres", openclaw: false, startedAtMs: MADE + 1_900 }),
      { verdict: "unknown", reason: "not-openclaw", blocks: true },
    ],
    [
      "no start time, another program that is older",
      noStart,
      unrelated,
      { verdict: "unknown", reason: "not-openclaw", blocks: true },
    ],
    [
      "nothing of the process can be read",
      lease,
      alive({ startTicks: null, startedAtMs: null, title: null, openclaw: null, foreign: true }),
      { verdict: "unknown", reason: "other-user", blocks: true },
    ],
    ["it names no process", { ...lease, owner: null }, null, { verdict: "unknown", reason: "no-owner", blocks: true }],
  ])("%s", (_case, row, state, expected) => {
    expect(judge(row, state)).toMatchObject(expected);
  });
});

describe("start times off Linux", () => {
  const off = (startedAtMs: number) => alive({ startTicks: null, startedAtMs });
  const started = Date.parse("2026-10-01T11:00:00.400Z");
  test.each([
    ["seconds (macOS), the same", Math.floor(started / 1000), started, "held"],
    ["seconds (macOS), another", Math.floor(started / 1000), started + 10_000, "gone"],
    ["milliseconds (Windows), the same", started, started + 700, "held"],
    ["milliseconds (Windows), another", started, started - 10_000, "gone"],
  ])("%s", (_name, startTime, startedAtMs, verdict) => {
    expect(judge(owned(gateway, { startTime }), off(startedAtMs)).verdict).toBe(verdict);
  });
});

test("another host: unknown until it ends, whatever the number is here", () => {
  const foreign = owned(gateway, { sameHost: false });
  expect(judge(foreign, null)).toMatchObject({ verdict: "unknown", reason: "other-host", blocks: true, fresh: false });
  expect(judge({ ...foreign, expiresAtMs: NOW }, null)).toMatchObject({ reason: "expired", blocks: false });
});

test("renewed within 35 s is fresh", () => {
  expect(judge({ ...gateway, heartbeatAtMs: NOW - 34_000 }, alive()).fresh).toBe(true);
  expect(judge({ ...gateway, heartbeatAtMs: NOW - 35_000 }, alive()).fresh).toBe(false);
});

test("process ids of another namespace prove nothing; of an agent's lease nothing is said at all", () => {
  const namespace = { ...here, trusted: false };
  expect(judge(gateway, absent, { namespace })).toMatchObject({ verdict: "unknown", blocks: true });
  expect(judge(agent, absent, { namespace })).toMatchObject({ verdict: "unknown", blocks: false });
});

describe("a gateway at work whose process cannot be seen", () => {
  const unseenGateway: UnseenGateway = { port: 18_789, listener: null, answers: true };
  const noStart = owned(agent, { startTime: null });
  const later = alive({ title: "postgres", openclaw: false, startedAtMs: MADE + 3_000 });
  test.each<[string, Lease, ProcessState]>([
    ["a dead owner", gateway, absent],
    ["another start", agent, unrelated],
    ["another program that started later", noStart, later],
    ["another program", noStart, unrelated],
    ["a process of which nothing is known", noStart, alive({ startedAtMs: null, openclaw: null })],
  ])("%s proves nothing; whether it blocks stays the same", (_name, lease, state) => {
    const before = judge(lease, state);
    expect(isVoidable(before)).toBe(true);
    expect(judge(lease, state, { unseenGateway: null })).toEqual(before);
    expect(judge(lease, state, { unseenGateway })).toEqual({
      ...before,
      verdict: "unknown",
      reason: "unseen-gateway",
      confidence: "unknown",
    });
  });

  test.each<[string, Lease, ProcessState | null]>([
    ["a running owner", gateway, alive()],
    ["another host's", owned(gateway, { sameHost: false }), null],
    ["an expired one", { ...gateway, expiresAtMs: NOW }, absent],
    ["one that names nobody", { ...gateway, owner: null }, null],
  ])("%s is judged as ever", (_name, lease, state) => {
    const before = judge(lease, state);
    expect(isVoidable(before)).toBe(false);
    expect(judge(lease, state, { unseenGateway })).toEqual(before);
  });
});

describe("removable, with a yes", () => {
  const noStart = owned(agent, { startTime: null, sameHost: null });
  const younger = alive({ title: "postgres", openclaw: false, startedAtMs: MADE + 3_000 });
  const removable = (lease: Lease, process: ProcessState | null, change: Partial<LeaseCase> = {}) =>
    isRemovable({ ...lease, process, unseenGateway: null, judgement: judge(lease, process, change) }, NOW);
  const state = owned(gateway, { startTime: null });

  test.each<[string, boolean, boolean]>([
    ["a number that a younger program has", removable(noStart, younger), true],
    ["a number that an older program has", removable(noStart, unrelated), true],
    ["a gateway's, likewise", removable(state, younger), true],
    ["of an OpenClaw", removable(noStart, alive()), false],
    ["what the host takes back by itself", removable(agent, unrelated), false],
    ["another user's program", removable(noStart, { ...unrelated, foreign: true } as ProcessState), false],
    [
      "a process that cannot be told",
      removable(noStart, alive({ startTicks: null, startedAtMs: null, title: null, openclaw: null })),
      false,
    ],
    ["another host's", removable(owned(gateway, { sameHost: false, startTime: null }), null), false],
    ["of no process", removable({ ...agent, owner: null }, null), false],
    ["of another namespace", removable(state, younger, { namespace: { ...here, trusted: false } }), false],
    ["renewed just now", removable({ ...state, heartbeatAtMs: NOW - 20_000 }, younger), false],
    ["made 35 s ago", removable({ ...noStart, createdAtMs: NOW - 35_000 }, unrelated), true],
    ["over in 10 s", removable({ ...state, expiresAtMs: NOW + 10_000 }, younger), true],
    ["made just now", removable({ ...noStart, createdAtMs: NOW - 20_000 }, unrelated), false],
    ["over in a few seconds", removable({ ...state, expiresAtMs: NOW + 9_000 }, younger), false],
    ["over", removable({ ...state, expiresAtMs: NOW - 1 }, younger), false],
  ])("%s", (_name, actual, expected) => {
    expect(actual).toBe(expected);
  });
});

describe("what is said beside the verdict", () => {
  const noStart = owned(gateway, { startTime: null });
  test.each<[string, Lease, ProcessState | null, object]>([
    ["expired", { ...gateway, expiresAtMs: NOW }, null, { verdict: "gone", reason: "expired", confidence: "proven" }],
    ["not yet expired", { ...gateway, expiresAtMs: NOW + 1 }, alive(), { verdict: "held", reason: "running" }],
    ["never looked up", gateway, null, { verdict: "gone", reason: "owner-dead" }],
    ["another host", owned(gateway, { sameHost: false }), null, { confidence: "unknown" }],
    ["running", gateway, alive(), { reason: "running", confidence: "proven" }],
    ["running by its name", noStart, alive(), { reason: "running", confidence: "likely" }],
    [
      "nothing known of our own process",
      gateway,
      alive({ startTicks: null, startedAtMs: null, openclaw: null }),
      { verdict: "unknown", reason: "owner-unclear", blocks: true },
    ],
    [
      "started exactly within the clocks' margin",
      noStart,
      alive({ openclaw: false, startedAtMs: MADE + 2_000 }),
      { verdict: "unknown", reason: "not-openclaw" },
    ],
    [
      "a start nobody can tell is not a later one",
      { ...noStart, createdAtMs: -10_000 },
      alive({ openclaw: false, startTicks: null, startedAtMs: null }),
      { verdict: "unknown", reason: "not-openclaw" },
    ],
  ])("%s", (_name, lease, state, expected) => {
    expect(judge(lease, state)).toMatchObject(expected);
  });

  test("a lease without a heartbeat is not fresh", () => {
    expect(judge({ ...gateway, heartbeatAtMs: null }, alive(), { nowMs: 1000 }).fresh).toBe(false);
  });

  test("another namespace is named as the reason", () => {
    const namespace = { ...here, trusted: false };
    expect(judge(gateway, absent, { namespace })).toMatchObject({ reason: "other-namespace", confidence: "unknown" });
  });

  test("start times two seconds apart off Linux are the same", () => {
    const started = Date.parse("2026-10-01T11:00:00Z");
    const off = alive({ startTicks: null, startedAtMs: started });
    expect(judge(owned(gateway, { startTime: started - 2_000 }), off).verdict).toBe("held");
    expect(judge(owned(gateway, { startTime: started - 2_001 }), off).verdict).toBe("gone");
  });
});
