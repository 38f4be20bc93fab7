import { describe, expect, test } from "vitest";
import { judgeLease, type LeaseCase } from "../../src/engine/lease-verdict.ts";
import type { Lease, LeaseOwner } from "../../src/facts/leases.ts";
import type { ProcessState } from "../../src/facts/processes.ts";

const NOW = Date.parse("2026-10-01T12:00:00Z");
const MADE = NOW - 120_000;

const gateway: Lease = {
  table: "state_leases",
  name: "gateway-owner",
  agent: null,
  owner: { pid: 42, startTime: 1000, sameHost: true },
  createdAtMs: MADE,
  expiresAtMs: NOW + 200_000,
  heartbeatAtMs: NOW - 100_000,
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
