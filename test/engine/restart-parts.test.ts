/** What surrounds a restart: why there is none, what is kept from before, and when memory counts as freed. */
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openJournal } from "../../src/engine/journal.ts";
import { defaultPolicy } from "../../src/engine/policy.ts";
import { RESTART_LIMITS } from "../../src/engine/restart.ts";
import { restartEvidence } from "../../src/engine/restart-evidence.ts";
import { provenMemory } from "../../src/engine/restart-memory.ts";
import { mayNotRestart, whyNoGateway, whyOutOfReach, withPort } from "../../src/engine/restart-refusal.ts";
import { failureText } from "../../src/engine/restart-sentences.ts";
import type { Finding, RepairRun } from "../../src/engine/types.ts";
import { type Facts, gatherFacts } from "../../src/facts/facts.ts";
import { type GatewayProcess, readRss } from "../../src/facts/gateway.ts";
import { openProcessTable } from "../../src/facts/processes.ts";
import type { GatewayProbe, LogEvent, NoGateway, VitalSample } from "../../src/facts/vital-signs.ts";
import { tempDir } from "../facts/sandbox.ts";
import { onLinux } from "./sandbox.ts";

const SUPERVISOR = { kind: "systemd", restart: "`systemctl --user restart openclaw-gateway.service`" } as const;
const GATEWAY: GatewayProcess = {
  pid: process.pid,
  startTicks: 1,
  createdAtMs: 2,
  lockPath: "/nowhere/gateway.lock",
  port: 1,
  ownsPort: true,
};

function facts(change: Partial<Facts> = {}): Facts {
  return { ...gatherFacts({ stateDir: tempDir(), hostVersion: "2026.9.6", env: {} }), ...change };
}

describe("no gateway to restart", () => {
  const unseen = { port: 18_789, listener: null, answers: false };

  test.each<[NoGateway | null, string]>([
    [{ kind: "down" }, "no gateway of this state directory runs: start it"],
    [{ kind: "several", pids: [7, 8] }, "several gateways run on this state directory (processes 7, 8): stop all but"],
    [{ kind: "unknown", lockPath: "/x" }, "cannot be told from here: restart it where it runs"],
    [{ kind: "unseen", gateway: unseen }, "the gateway on port 18789 runs in a container or as another user: restart"],
    [{ kind: "other", port: 1, pids: [], answers: true }, "on port 1 is of another state directory or user"],
    [{ kind: "updating" }, "not during an update"],
    [null, "no gateway of this state directory runs"],
  ])("is explained: %o", async (none, reason) => {
    expect(await whyNoGateway(facts({ noGateway: async () => none }), defaultPolicy)).toContain(reason);
  });
});

describe("a gateway out of reach", () => {
  test("is the one that started this very command", async () => {
    const parent = { ...GATEWAY, pid: process.ppid };
    expect(await whyOutOfReach(parent, facts(), SUPERVISOR)).toMatch(
      /^this command was started by the gateway, process \d+, and may end with it before anything is proven: run it /,
    );
  });

  test("is another user's", async () => {
    const table = await openProcessTable();
    const get = async () => ({ state: "alive", uid: 1234, foreign: true });
    const given = facts({ processes: async () => ({ ...table, uid: 1000, get }) } as unknown as Partial<Facts>);
    expect(await whyOutOfReach(GATEWAY, given, SUPERVISOR)).toBe(
      `the gateway, process ${process.pid}, belongs to another user; to restart it as that user: ${SUPERVISOR.restart}`,
    );
  });

  test.runIf(onLinux)("is one that does not listen where it is expected: nothing could prove its restart", async () => {
    const other = { ...GATEWAY, ownsPort: false };
    expect(await whyOutOfReach(other, facts(), SUPERVISOR)).toBe(
      `the gateway, process ${process.pid}, does not listen on port 1, where it is expected; to restart it: ${SUPERVISOR.restart}`,
    );
    expect(await whyOutOfReach(GATEWAY, facts(), SUPERVISOR), "its lock names the port").toBeNull();
  });
});

describe("the port of a gateway", () => {
  const probing = (gateway: GatewayProcess | null) => {
    const gatewayProbe = async () => (gateway === null ? null : ({ gateway } as GatewayProbe));
    return facts({ gatewayProbe });
  };
  const guessed = { ...GATEWAY, ownsPort: false };

  test("is the one it was seen to answer on, where its lock names none", async () => {
    const seen = { ...GATEWAY, port: 19_001 };
    expect(await withPort(guessed, probing(seen), defaultPolicy)).toEqual(seen);
    expect(await withPort(guessed, probing({ ...seen, ownsPort: false }), defaultPolicy)).toBe(guessed);
    expect(await withPort(guessed, probing({ ...seen, createdAtMs: 9 }), defaultPolicy), "another one").toBe(guessed);
    expect(await withPort(guessed, probing(null), defaultPolicy)).toBe(guessed);
    expect(await withPort(GATEWAY, probing(seen), defaultPolicy), "it is known").toBe(GATEWAY);
  });
});

describe("the wait for another restart", () => {
  test("is the policy's, and an update allows none", () => {
    const given = facts();
    const { stateDir } = given;
    const minutes = (cooldownMinutes: number) =>
      mayNotRestart(given, { ...defaultPolicy, restart: { cooldownMinutes } });
    expect(minutes(10)).toBeNull();
    const journal = openJournal(stateDir);
    const to = path.join(stateDir, "vitals", "quarantine", "r", "1-gateway-restart.json");
    const from = path.join(stateDir, "gateway.lock");
    const entry = { run: "r", n: 1, checkId: "c", fixId: "f", findingId: "f", from, to } as const;
    journal.append({ ...entry, kind: "restart", detail: {}, phase: "intent" });
    journal.close();
    expect(minutes(10)).toMatch(/^a restart was tried less than 10 minutes ago .* another one in 10 min$/);
    expect(minutes(90)).toMatch(/less than 90 minutes ago .* another one in 90 min$/);
    expect(minutes(0)).toBeNull();
    expect(mayNotRestart({ ...given, updating: true }, defaultPolicy)).toBe("not during an update");
  });
});

describe("what is kept", () => {
  afterEach(() => void vi.useRealTimers());

  const finding = { verdict: "overdue", path: "/x.lock", evidence: [{ what: "age", value: 1, source: "lock" }] };
  const run = { run: "r", findingId: "f", checkId: "vitals/rss-growth" } as RepairRun;
  const kept = async (given: Partial<Facts>) => {
    const known = { finding: finding as unknown as Finding, gateway: GATEWAY, frees: "memory", policy: defaultPolicy };
    const text = await restartEvidence({ ...known, facts: facts(given) }, run, { rssBytes: 3, uptimeMs: null });
    return { text, json: JSON.parse(text) };
  };
  const sample = (agoMs: number): VitalSample => ({
    atMs: Date.now() - agoMs,
    rssBytes: 1e9,
    spanMs: 10_000,
    maxDelayMs: 1,
    p99DelayMs: 1,
    utilization: 0.1,
    heapBytes: 1,
    externalBytes: 1,
  });

  test("is the finding's evidence, the gateway and its vital signs, of the last hour", async () => {
    const life = { pid: 7, startTicks: 1, startedAtMs: 1, hostVersion: "2026.9.6" };
    const { json } = await kept({
      gatewayProbe: async () => ({
        gateway: GATEWAY,
        atMs: 5,
        rssBytes: 6,
        health: { kind: "silent", ms: 2000, status: null },
        ready: { kind: "silent", ms: 2000, status: null, figures: null },
        silent: { state: "R", cpuMs: 990, starvedMs: 0, overMs: 1000 },
      }),
      vitalRing: async () => ({
        path: "",
        lives: [
          { ...life, samples: [sample(7_200_000)] },
          { ...life, pid: 8, samples: [sample(4_000_000), sample(20_000), sample(10_000)] },
        ],
      }),
    });
    expect(json).toMatchObject({
      v: 2,
      run: "r",
      checkId: "vitals/rss-growth",
      verdict: "overdue",
      frees: "memory",
      evidence: finding.evidence,
      gateway: { ...GATEWAY, rssBytes: 3, uptimeMs: null },
      probe: { rssBytes: 6, silent: { state: "R" } },
      log: { events: [], fromMs: null },
      ring: { lives: [{ pid: 8 }], rows: [[0], [0]].map(() => expect.any(Array)) },
    });
    expect(json.ring.rows).toHaveLength(2);
    expect(json.ring.rows[0]).toHaveLength(json.ring.columns.length);
  });

  test("holds no name of a session or lane, and stays small", async () => {
    const events: LogEvent[] = Array.from({ length: 5000 }, (_, index) => ({
      kind: "lane-wait",
      atMs: index,
      lane: "session:agent:planted:main",
      waitedMs: 2000,
      queued: null,
    }));
    const samples = Array.from({ length: 50_000 }, () => sample(1000));
    const life = { pid: 7, startTicks: 1, startedAtMs: 1, hostVersion: null, samples };
    const { text, json } = await kept({
      gatewayLog: async () => ({ files: ["/home/planted/log"], events, fromMs: 0, shared: true }),
      vitalRing: async () => ({ path: "/home/planted/ring", lives: [life] }),
    });
    expect(text).not.toContain("planted");
    expect(text.length).toBeLessThan(200_000);
    expect(json.log).toMatchObject({ dropped: 4500 });
    expect(json.log.events.at(-1)).toEqual({ kind: "lane-wait", atMs: 4999, waitedMs: 2000 });
  });

  test("waits for nobody who does not answer, and fails for nobody who cannot", async () => {
    vi.useFakeTimers();
    const never = async () => await new Promise<never>(() => {});
    const reading = kept({
      gatewayProbe: never,
      gatewayLog: async () => await Promise.reject(new Error("cannot be read")),
      vitalRing: async () => ({ path: "", lives: [] }),
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await reading).json).toMatchObject({ probe: null, log: null, ring: { rows: [] } });
  });
});

describe.runIf(onLinux)("memory after a restart", () => {
  const limits = { ...RESTART_LIMITS, settleMs: 20, settledWithinMs: 60, pollMs: 10 };
  const proof = async (before: number | null, sameProcess = false, pid = process.pid) => {
    const now = { pid, startTicks: 1, createdAtMs: 2 };
    const restarted = { status: "restarted", seconds: 12, sameProcess, now, answers: [] } as const;
    return await provenMemory(before, restarted, SUPERVISOR, limits);
  };
  const rss = () => readRss(process.pid) ?? 0;

  test("is freed by another process that needs less, and both figures are said", async () => {
    const { freed } = (await proof(rss() * 4)) as { freed: string };
    expect(freed).toMatch(/^memory: \d+ MiB before and \d+ MiB \d+ s after$/);
  });

  test("is not freed within the same process, however little it needs", async () => {
    expect(await proof(rss() * 4, true)).toEqual({
      failed: `restarted the gateway in 12 s, but within process ${process.pid}, so its memory was not freed; to restart it for good: ${SUPERVISOR.restart}`,
    });
  });

  test("is not freed by a process that needs as much", async () => {
    const { failed } = (await proof(Math.round(rss() / 2))) as { failed: string };
    expect(failed).toMatch(/now process \d+, but so far that needs as much memory: \d+ MiB before and \d+ MiB \d+ s/);
  });

  test("is not proven where it cannot be read", async () => {
    for (const given of [await proof(null), await proof(rss(), false, 4_194_305)])
      expect(given).toEqual({ failed: expect.stringContaining("cannot be read here, so it is not proven") });
  });
});

test("a gateway that was asked while it was stuck may still restart: that is said", () => {
  const answers = [{ args: [], said: "failed" }] as const;
  const text = failureText({ status: "nothing", seconds: 9, answers }, SUPERVISOR, false);
  expect(text).toContain("a request that reached it counts once it is free again, so look again later");
  expect(failureText({ status: "nothing", seconds: 9, answers }, SUPERVISOR, true)).not.toContain("look again");
  expect(failureText({ status: "nothing", seconds: 9, answers: [] }, SUPERVISOR, false)).not.toContain("look again");
});
