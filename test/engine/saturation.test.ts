/** Fewer runs at once: what the log has to show, how few, and that it is written like any change of the config. */
import { mkdirSync, readFileSync, utimesSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { defaultPolicy } from "../../src/engine/policy.ts";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { planSaturation, saturationFindings } from "../../src/engine/saturation-rules.ts";
import type { Finding, Repair } from "../../src/engine/types.ts";
import { type FactOptions, type Facts, gatherFacts } from "../../src/facts/facts.ts";
import type { LogEvent } from "../../src/facts/vital-signs.ts";
import { put, tempDir } from "../facts/sandbox.ts";

const MINUTE = 60_000;
const AGENTS = "agents.defaults.maxConcurrent";
const SUBAGENTS = "agents.defaults.subagents.maxConcurrent";

interface Given extends FactOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly events?: readonly LogEvent[];
}

/** Facts of a state dir whose config was written three hours ago, with a log of these events. */
function facts({ files = { "openclaw.json": "{}" }, events = BUSY, ...options }: Given = {}): Facts {
  const stateDir = path.join(tempDir(), ".openclaw");
  mkdirSync(stateDir);
  const past = Date.now() / 1000 - 3 * 3600;
  for (const [name, text] of Object.entries(files)) {
    put(path.join(stateDir, name), text);
    utimesSync(path.join(stateDir, name), past, past);
  }
  const gatewayLog = async () => ({ files: ["/tmp/openclaw/log"], events, fromMs: null, shared: true });
  return { ...gatherFacts({ stateDir, hostVersion: "2026.5.22", env: {}, ...options }), gatewayLog };
}

type Liveness = Extract<LogEvent, { kind: "liveness" }>;

function liveness(minutesAgo: number, change: Partial<Liveness> = {}): Liveness {
  const figures = { maxDelayMs: 2400, p99DelayMs: 900, utilization: 0.99, active: 4, waiting: 0, queued: 3, work: [] };
  return { kind: "liveness", atMs: Date.now() - minutesAgo * MINUTE, ...figures, ...change };
}

const wait = (lane: string): LogEvent => ({
  kind: "lane-wait",
  atMs: Date.now() - MINUTE,
  lane,
  waitedMs: 20_000,
  queued: 4,
});

const BUSY = [liveness(10), liveness(8), liveness(6)];

/** Keys and values that would be set, by the finding's remedy. */
async function remedy(given: Given): Promise<Record<string, number>> {
  const [finding] = await saturationFindings(facts(given), defaultPolicy);
  const set = [...(finding?.fixHint ?? "").matchAll(/Set (\S+) to (\d+)/g)];
  return Object.fromEntries(set.map(([, key = "", value]) => [key, Number(value)]));
}

const config = (value: object) => ({ "openclaw.json": JSON.stringify(value) });

describe("a saturated loop", () => {
  test("is one that never rests while several runs are at work; its remedy needs a yes", async () => {
    const findings = await saturationFindings(facts(), defaultPolicy);
    expect(findings).toMatchObject([
      { severity: "warning", risk: "confirm", confidence: "likely", target: AGENTS, ocPath: AGENTS },
    ]);
    expect(findings[0]?.message).toBe(
      "The gateway never rests while several runs are at work, 4 at once at most: they make each other and every answer late.",
    );
    expect(findings[0]?.fixHint).toBe(
      `Set ${AGENTS} to 2 (runs of agents at once, now 4). Runs beyond that wait for their turn.`,
    );
    expect(Object.fromEntries(findings[0]?.evidence.map(({ what, value }) => [what, value]) ?? [])).toEqual({
      "times it was busy without a rest, with 3 runs or more": 3,
      "times it was late with one run or none": 0,
      "runs at once, at most": 4,
      "runs that waited meanwhile, at most": 3,
      "longest delay meanwhile, ms": 2400,
      "other gateways of this user write there too": true,
      "runs of agents at once": 4,
    });
  });

  test.each<[string, LogEvent[]]>([
    ["it was so twice only", BUSY.slice(1)],
    ["two runs were at work", BUSY.map((event) => ({ ...event, active: 2 }))],
    ["it was late, but had time: one block, not many runs", BUSY.map((event) => ({ ...event, utilization: 0.6 }))],
    ["the line does not say how many", BUSY.map((event) => ({ ...event, active: null }))],
    ["it is as busy with one run", [...BUSY, liveness(5, { active: 1 }), liveness(3, { active: 0 })]],
    ["it is as late with one run", [...BUSY, liveness(5, { active: 1, utilization: 0.5 }), liveness(3, { active: 1 })]],
    ["it was more than an hour ago", BUSY.map((event) => ({ ...event, atMs: event.atMs - 61 * MINUTE }))],
    ["work waits, and the loop is fine", [wait("main"), wait("main"), wait("main")]],
  ])("is not seen when %s", async (_why, events) => {
    expect(await saturationFindings(facts({ events }), defaultPolicy)).toEqual([]);
  });

  test("is not seen in what was logged before the config was changed", async () => {
    const given = facts();
    utimesSync(path.join(given.stateDir, "openclaw.json"), new Date(), new Date(Date.now() - 7 * MINUTE));
    expect(await saturationFindings(given, defaultPolicy)).toEqual([]);
  });

  test("of a config that cannot be read is no finding of this kind", async () => {
    expect(await saturationFindings(facts({ files: { "openclaw.json": "{" } }), defaultPolicy)).toEqual([]);
  });
});

describe("how few", () => {
  const full = (lane: string) => [...BUSY, wait(lane)];

  test.each<[string, Given, Record<string, number>]>([
    ["half of what was at work", { files: config({ agents: { defaults: { maxConcurrent: 12 } } }) }, { [AGENTS]: 2 }],
    [
      "half of what is allowed, where that was at work",
      {
        files: config({ agents: { defaults: { maxConcurrent: 6 } } }),
        events: BUSY.map((e) => ({ ...e, active: 14 })),
      },
      { [AGENTS]: 3 },
    ],
    ["the lane that is full", { events: full("subagent") }, { [SUBAGENTS]: 4 }],
    [
      "all that are full, in one write",
      { events: [...full("subagent"), wait("main")] },
      { [AGENTS]: 2, [SUBAGENTS]: 4 },
    ],
    [
      "sub-agents, where agents are few already",
      { files: config({ agents: { defaults: { maxConcurrent: 2 } } }) },
      { [SUBAGENTS]: 2 },
    ],
    [
      "cron jobs on a host that lets them be set",
      { files: config({ cron: { maxConcurrentRuns: 3 } }), events: full("cron-nested") },
      { "cron.maxConcurrentRuns": 1 },
    ],
    ["not a lane without a key", { events: full("session:agent:main:main") }, { [AGENTS]: 2 }],
    ["nothing, where one cron job runs at a time", { events: full("cron") }, {}],
    [
      "nothing, where two are allowed: one that is stuck must not keep all others waiting",
      { files: config({ agents: { defaults: { maxConcurrent: 2, subagents: { maxConcurrent: 2 } } } }) },
      {},
    ],
  ])("%s", async (_what, given, expected) => {
    expect(await remedy(given)).toEqual(expected);
  });

  test("is counted from what 2026.9.6 takes by itself: by processors, and cron jobs not at all", async () => {
    const hostVersion = "2026.9.6";
    const width = Math.max(8, 4 * os.availableParallelism());
    expect(await remedy({ hostVersion, events: full("main") })).toEqual({ [AGENTS]: Math.floor(width / 2) });
    expect(await remedy({ hostVersion, events: full("cron") })).toEqual({ [AGENTS]: 2 });
  });
});

describe("the repair", () => {
  const planned = async (given: Given) => {
    const before = facts(given);
    const [draft] = await saturationFindings(before, defaultPolicy);
    if (draft === undefined) throw new Error("there is no finding");
    const fix = { id: "event-loop-delay", risk: "confirm", summary: "Fewer runs at once." } as const;
    const finding = { ...draft, id: "f", checkId: "vitals/event-loop-delay", source: "", docsUrl: "", fix } as Finding;
    return { before, plan: await planSaturation(finding, before, defaultPolicy) };
  };

  async function applied(plan: Repair, { stateDir }: Facts) {
    const quarantine = openQuarantine(stateDir, "r");
    try {
      return await plan.apply({ run: "r", fixId: "f", checkId: "c", findingId: "f", quarantine });
    } finally {
      quarantine.close();
    }
  }

  test.each([
    ["2026.5.22", "a running gateway heeds it from the next run on"],
    ["2026.9.6", "a running gateway takes it over at once"],
  ])("sets the key, is a finding no more, and says when %s heeds it", async (hostVersion, heeds) => {
    const files = { "openclaw.json": "{\n  agents: { defaults: { maxConcurrent: 6 } }, // all\n}\n" };
    const { before, plan } = await planned({ files, hostVersion });
    if ("skip" in plan) throw new Error(plan.skip);
    expect(plan).toMatchObject({ risk: "confirm", effects: [{ kind: "config", action: "set to 2", target: AGENTS }] });
    expect(await applied(plan, before)).toEqual({ status: "repaired", changes: [`set ${AGENTS} to 2`, heeds] });
    expect(readFileSync(before.configPath, "utf8")).toBe(files["openclaw.json"].replace("6", "2"));
    const after = { ...before.fresh(), gatewayLog: before.gatewayLog };
    expect(await saturationFindings(after, defaultPolicy)).toEqual([]);
  });

  test("changes the included file that owns the key", async () => {
    const files = {
      "openclaw.json": '{ agents: { $include: "./agents.json5" } }',
      "agents.json5": "{ defaults: { maxConcurrent: 8 } } // ours",
    };
    const { before, plan } = await planned({ files });
    if ("skip" in plan) throw new Error(plan.skip);
    expect(plan.diffs.map((diff) => path.basename(diff.path))).toEqual(["agents.json5"]);
    expect(await applied(plan, before)).toMatchObject({ status: "repaired" });
    expect(readFileSync(path.join(before.stateDir, "agents.json5"), "utf8")).toContain("maxConcurrent: 2 } } // ours");
  });

  test("leaves a config alone that is not to be written", async () => {
    const { plan } = await planned({ env: { OPENCLAW_NIX_MODE: "1" } });
    expect(plan).toEqual({ skip: expect.stringContaining("read-only here (OPENCLAW_NIX_MODE)") });
  });
});
