/**
 * What is said of a gateway's event loop, from which sources, and how bad that is.
 * Long because each source is tried alone and with the others, since one may contradict another.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { durationText } from "../../src/engine/duration-text.ts";
import { findBlocks } from "../../src/engine/loop-blocks.ts";
import { loopFindings } from "../../src/engine/loop-findings.ts";
import { secondLook } from "../../src/engine/loop-now.ts";
import type { FindingDraft } from "../../src/engine/types.ts";
import {
  answered,
  HOUR,
  lateHeartbeat,
  liveness,
  MINUTE,
  NOW,
  probe,
  sample,
  scene,
  silent,
  watch,
} from "./loop-scenes.ts";

const LEAST = 1_000;

function find(given: Parameters<typeof scene>[0]): FindingDraft | undefined {
  const facts = scene(given);
  const findings = loopFindings(facts, LEAST, facts.watch?.toMs ?? NOW);
  expect(findings.length).toBeLessThanOrEqual(1);
  return findings[0];
}

describe("now", () => {
  const blocked = { health: silent(), ready: silent() };
  test.each([
    ["busy", { state: "R", cpuMs: 3_900, starvedMs: 90, overMs: 4_000 }, "keeps the processor busy"],
    [
      "busy, and shares its processor",
      { state: "R", cpuMs: 1_000, starvedMs: 3_000, overMs: 4_000 },
      "keeps the processor busy",
    ],
    ["waits for a disk", { state: "D", cpuMs: 0, starvedMs: 0, overMs: 4_000 }, "waits, for a disk"],
    ["waits in a call", { state: "S", cpuMs: 10, starvedMs: 3, overMs: 4_000 }, "waits, for a disk or for another"],
    [
      "busy, where nobody counts its waiting",
      { state: "R", cpuMs: 1_000, starvedMs: null, overMs: 4_000 },
      "keeps the",
    ],
    ["stopped", { state: "T", cpuMs: 0, starvedMs: 0, overMs: 4_000 }, "its process was stopped"],
    ["nobody says", undefined, "something in it lets nothing else run"],
  ])("a loop that is blocked: %s", (_, silentProcess, why) => {
    const looked = probe({ ...blocked, ...(silentProcess && { silent: silentProcess }) });
    const finding = find({ probe: looked, watch: watch([-1_500]) });
    expect(finding).toMatchObject({
      severity: "error",
      identity: "now",
      confidence: "proven",
      path: "/state/gateway.lock",
    });
    expect(finding?.message).toContain("takes connections, but has not answered for 5.5 s: ");
    expect(finding?.message).toContain(why);
    expect(finding?.risk).toBeUndefined();
  });

  test.each([
    ["by its processor time", { state: "R", cpuMs: 670, starvedMs: null, overMs: 4_001 }, 0],
    ["by the queue it stood in", { state: "S", cpuMs: 900, starvedMs: 3_001, overMs: 4_000 }, 0],
    ["by the queue in the second look", { state: "R", cpuMs: 3_900, starvedMs: 0, overMs: 4_000 }, 1_400],
  ])("one that the machine does not let run is not called blocked so soon: %s", (_, process, starvedMs) => {
    const looked = probe({ ...blocked, silent: process });
    expect(find({ probe: looked, watch: watch([-1_500], starvedMs) })).toMatchObject({
      severity: "info",
      identity: "inconclusive",
      message: expect.stringContaining("hardly given any processor time"),
    });
    expect(find({ probe: looked, watch: watch([-60_000], starvedMs && 58_000) })).toMatchObject({
      severity: "warning",
      confidence: "likely",
      risk: null,
      message: expect.stringContaining("the machine gives it hardly any processor time"),
    });
  });

  test("one that answers after the first look stood still just now, and is not to be restarted", () => {
    expect(find({ probe: probe(blocked), watch: watch([700, 3, 3, 3]) })).toMatchObject({
      severity: "warning",
      message: "The gateway (process 77) stood still just now, for 4.7 s at least: nothing was answered meanwhile.",
      risk: null,
    });
  });

  test("short blocks back to back are found by how much of the time they take", () => {
    const finding = find({ probe: probe({ health: answered(1_350) }), watch: watch([1_310, 1_290, 2_800]) });
    expect(finding).toMatchObject({ severity: "warning", identity: "now" });
    expect(finding?.message).toContain("again and again: 3 of 3 requests waited too long, up to 2.8 s");
    expect(finding?.risk).toBeUndefined();
  });

  test.each([
    ["two late answers of many, as in ordinary turns", [1_900, 2_400, 3, 200, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3], 0],
    ["three that are little of the time", [1_000, ...Array(20).fill(3), 1_000, 3, 1_000], 0],
    ["a machine that gives it no processor", [4_000, 4_000, 4_000], 3_600],
  ])("no finding to act on: %s", (_, waits, starvedMs) => {
    const finding = find({ probe: probe({ health: answered(1_200) }), watch: watch(waits, starvedMs) });
    expect(finding?.severity).toBe("info");
  });

  test.each([
    [999, undefined],
    [1_000, "info"],
    [2_999, "info"],
    [3_000, "warning"],
  ])("one late answer of %i ms: %s", (ms, severity) => {
    expect(find({ probe: probe(), watch: watch([3, ms, 3, 3]) })?.severity).toBe(severity);
  });

  test.each([
    [0, "warning"],
    [700, "warning"],
    [701, "info"],
    [2_700, "info"],
  ])("one late answer of 3.7 s, for %i ms of which there was no processor: %s", (starvedMs, severity) => {
    const late = watch([3, 3_700, 3, 3]);
    const probes = late.probes.map((one) => (one.ms === 3_700 ? { ...one, starvedMs } : one));
    expect(find({ probe: probe(), watch: { ...late, probes } })?.severity).toBe(severity);
  });

  test.each([
    [4_999, "warning"],
    [5_000, "error"],
  ])("no answer for %i ms: %s", (ms, severity) => {
    expect(
      find({ probe: probe({ health: silent(4_000), ready: silent(4_000) }), watch: watch([4_000 - ms]) })?.severity,
    ).toBe(severity);
  });

  test.each([
    [100, 4_000, 1_200, "error"],
    [3_000, 4_000, 1_200, "error"],
    [10_000, 4_000, 6_200, "error"],
    [60_000, 4_000, 8_000, "info"],
  ])("with a threshold of %i ms: silent for %i ms and looked at for %i ms more is %s", (least, ms, forMs, severity) => {
    const looked = probe({ health: silent(ms), ready: silent(ms) });
    expect(secondLook(looked, { era: "jsonl", recorded: true }, least)?.forMs).toBe(forMs);
    const [finding] = loopFindings({ ...scene({ watch: watch([-forMs]) }), probe: looked }, least, NOW);
    expect(finding?.severity).toBe(severity);
    expect(finding?.message).toMatch(/has not answered for \d/);
  });

  test.each([
    ["silent", { ...blocked, ageMs: 119_000 }, [-1_500]],
    ["its port closed", { health: { kind: "closed", ms: 1, status: null } as const, ageMs: 10_000 }, undefined],
    ["late", { health: answered(2_500), ageMs: 60_000 }, [2_000, 2_000, 2_000]],
  ])("one that has just been started is not blocked: %s", (_, parts, waits) => {
    expect(find({ probe: probe(parts), ...(waits && { watch: watch(waits) }) })).toMatchObject({
      severity: "info",
      risk: null,
      message: expect.stringContaining("started less than two minutes ago"),
    });
  });

  test("a start after a restart is another finding than the block it was for", () => {
    expect(find({ probe: probe({ ...blocked, ageMs: 20_000 }), watch: watch([-1_500]) })?.identity).toBe("starting");
  });

  test("a gateway whose lock is of the future, after a clock was set back, is not one that starts", () => {
    const looked = probe({ ...blocked, ageMs: -HOUR });
    expect(find({ probe: looked, watch: watch([-1_500]) })).toMatchObject({ severity: "error", identity: "now" });
  });

  test("a start that takes longer than any is blocked all the same", () => {
    expect(find({ probe: probe({ ...blocked, ageMs: 100_000 }), watch: watch([-30_000]) })?.severity).toBe("error");
  });

  test("a gateway that takes no connections, and one that is not to be found, are no blocked ones", () => {
    const closed = find({ probe: probe({ health: { kind: "closed", ms: 1, status: null } }) });
    expect(closed).toMatchObject({ severity: "warning", risk: null });
    expect(closed?.message).toContain("takes no connections on its port 18789");
    const unasked = find({ probe: probe({ health: { kind: "unasked", ms: 0, status: null } }) });
    expect(unasked).toMatchObject({ severity: "info", confidence: "unknown", risk: null });
    const other = probe({ health: { kind: "other", ms: 5, status: 404 } });
    expect(find({ probe: other })?.severity).toBe("info");
    expect(find({ probe: other, watch: watch([3, 3, 3]) })?.message).toContain(
      "nothing on port 18789 is seen to be it",
    );
  });

  test("the past goes with it as evidence, in one finding", () => {
    const finding = find({ probe: probe(blocked), watch: watch([-1_500]), samples: [sample(MINUTE, 12_000)] });
    expect(finding?.identity).toBe("now");
    expect(finding?.evidence.map(({ value }) => value)).toContain("12 s");
    expect(
      finding?.evidence.filter(({ source }) => source === "requests"),
      "what the message says",
    ).toEqual([]);
  });
});

describe("before", () => {
  test("a healthy gateway with a sampler is not worth a word", () => {
    expect(find({})).toBeUndefined();
  });

  test("three sources that saw the same block tell of one", () => {
    const finding = find({
      samples: [sample(10 * MINUTE, 137_036), sample(9 * MINUTE, 22)],
      events: [
        lateHeartbeat(10 * MINUTE - 20, 126_206),
        liveness(10 * MINUTE - 20, 137_036, ["processing/model_call"]),
      ],
    });
    expect(finding).toMatchObject({ severity: "warning", identity: "history", risk: null, confidence: "proven" });
    expect(finding?.message).toBe(
      "The gateway stood still 10 min ago, for 2 min 17 s; nothing was answered meanwhile.",
    );
    expect(finding?.evidence).toEqual([
      {
        what: "stood still until 2026-06-01T11:50:00.020Z",
        value: "2 min 17 s, while running processing/model_call",
        source: "log, sampler, late heartbeat",
      },
    ]);
  });

  test("the longest delay counts, whatever the 99th percentile says", () => {
    expect(find({ events: [liveness(5 * MINUTE, 137_036)] })?.message).toContain("for 2 min 17 s");
  });

  test("an interval without a processor for most of its longest delay is the machine's, not the gateway's", () => {
    const starved = (starvedMs: number) => find({ samples: [{ ...sample(MINUTE, 24_000), starvedMs }] })?.severity;
    expect([18_000, 18_001, 23_500, 30_000].map(starved)).toEqual(["warning", "info", undefined, undefined]);
  });

  test("only a late heartbeat leaves a doubt: the machine may have been asleep", () => {
    const finding = find({ events: [lateHeartbeat(5 * MINUTE, 40_000)] });
    expect(finding).toMatchObject({ confidence: "likely" });
    expect(finding?.message).toContain("unless the machine was asleep then");
  });

  test("a laptop that slept, by the sampler's own account of its loop, is a note at most", () => {
    const slept = sample(5 * MINUTE, 8 * HOUR, 0.001);
    const finding = find({ samples: [slept], events: [lateHeartbeat(5 * MINUTE, 8 * HOUR)] });
    expect(finding).toMatchObject({ severity: "info", confidence: "likely" });
    expect(finding?.message).toContain("unless the machine was asleep then");
    const blocked = find({ samples: [slept, sample(MINUTE, 12_000)] });
    expect(blocked).toMatchObject({ severity: "warning", confidence: "proven" });
    const merged = { ...sample(5 * MINUTE, 12_000, 13 / 600), spanMs: 600_000 };
    expect(find({ samples: [merged] })?.severity, "merged with ten quiet minutes").toBe("warning");
  });

  test.each([
    [10.5 * HOUR, "info"],
    [7 * HOUR, "warning"],
    [4.5 * HOUR, "info"],
    [2 * HOUR, "warning"],
  ])("a heartbeat late by two minutes, %d ms ago, between two times of sleep or in one: %s", (agoMs, severity) => {
    const slept = [4, 10].map((hours) => sample(hours * HOUR, HOUR, 0.001));
    expect(find({ samples: slept, events: [lateHeartbeat(agoMs, 120_000)] })?.severity).toBe(severity);
  });

  const every = (ms: number, times: number, size: number, utilization = 0.5) =>
    Array.from({ length: times }, (_, n) => sample(n * ms + 5_000, size, utilization));

  test.each([
    ["one of 10 s within the hour", [sample(HOUR, 10_000)], "warning"],
    ["one a little shorter", [sample(HOUR, 9_999)], "info"],
    ["one of 10 s, an hour ago and more", [sample(HOUR + 1, 10_000)], "info"],
    ["one of a minute, yesterday", [sample(23 * HOUR, 60_000)], "warning"],
    ["one of a minute, before that", [sample(25 * HOUR, 60_000)], "info"],
    ["one of an hour, eight days ago", [sample(8 * 24 * HOUR, HOUR)], undefined],
    ["5 s every 10 s", every(10_000, 3, 5_000), "warning"],
    ["5 s twice", every(10_000, 2, 5_000), "info"],
    ["3 s three times in eleven minutes", every(5.5 * MINUTE, 3, 3_000), "info"],
    ["1.5 s back to back for a minute", every(10_000, 6, 1_506, 0.998), "warning"],
    ["1.5 s back to back for 50 s", every(10_000, 5, 1_506, 0.998), "info"],
    ["1.5 s in each of six intervals with rests between", every(10_000, 6, 1_506, 0.6), "info"],
    ["a single one at the threshold", [sample(MINUTE, 1_000)], "info"],
    ["a single one below", [sample(MINUTE, 999)], undefined],
  ])("%s: %s", (_, samples, severity) => {
    expect(find({ samples })?.severity).toBe(severity);
  });

  test("stalls of a start are set apart, but not of any length", () => {
    const young = { ageMs: 10 * MINUTE };
    const start = find({ probe: probe(young), samples: [], events: [liveness(9 * MINUTE, 23_152)] });
    expect(start).toMatchObject({ severity: "info", identity: "inconclusive" });
    expect(find({ probe: probe(young), samples: [], events: [liveness(7 * MINUTE, 23_152)] })?.severity).toBe(
      "warning",
    );
    const long = find({ probe: probe(young), samples: [], events: [liveness(9 * MINUTE, 30_001)] });
    expect(long?.severity).toBe("warning");
  });

  test("`/readyz` of 2026.5.22 covers the start, and so tells only of what no start takes", () => {
    expect(find({ probe: probe({ maxDelayMs: 23_152 }) })).toBeUndefined();
    expect(find({ probe: probe({ maxDelayMs: 137_036 }) })?.severity).toBe("warning");
    expect(find({ probe: probe({ maxDelayMs: 5_041 }), era: "sqlite" })?.message).toContain("for 5 s");
  });

  test("without a sampler it is said that nothing is known, and what to run", () => {
    const finding = find({ samples: [] });
    expect(finding).toMatchObject({ severity: "info", identity: "inconclusive", confidence: "unknown", risk: null });
    expect(finding?.fixHint).toContain("`openclaw-vitals check --only event-loop-delay --watch-for 2m`");
    expect(find({ samples: [], watch: watch([3, 3, 3, 3]) }), "watched for an answer").toBeUndefined();
  });

  test("what the sampler recorded of an earlier gateway with the same number says nothing of this one", () => {
    const { ring, ...rest } = scene();
    const earlier = ring.lives.map((life) => ({ ...life, startTicks: 4 }));
    const [finding] = loopFindings({ ...rest, ring: { ...ring, lives: earlier } }, LEAST, NOW);
    expect(finding?.message).toContain("the sampler of this plugin does not run in it");
  });

  test("a clock that was set back: what is said to come yet does not count, a moment ahead is now", () => {
    expect(find({ samples: [sample(-HOUR, 137_000)] })).toBeUndefined();
    expect(find({ samples: [sample(-2_000, 137_000)] })?.message).toContain("stood still 0 ms ago, for 2 min 17 s");
  });

  test("a gateway that is gone leaves what its sampler saw", () => {
    expect(find({ probe: null, samples: [sample(MINUTE, 137_000)] })?.severity).toBe("warning");
    expect(find({ probe: null })).toBeUndefined();
  });
});

describe("whatever is seen", () => {
  const below = fc.integer({ min: 1, max: 999 });
  const ago = fc.integer({ min: 0, max: 3_000_000 });

  test("a healthy series is never a finding", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(ago, below), { minLength: 1 }),
        fc.array(fc.tuple(ago, below)),
        fc.array(below),
        (samples, events, waits) =>
          find({
            samples: samples.map(([at, ms]) => sample(at, ms)),
            events: events.map(([at, ms]) => liveness(at, ms)),
            ...(waits.length > 0 && { watch: watch(waits) }),
          }) === undefined,
      ),
    );
  });

  test("a block of minutes in any source is found", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("sampler", "log", "heartbeat", "readyz", "requests"),
        fc.integer({ min: 60_001, max: 600_000 }),
        fc.integer({ min: 0, max: 2_400_000 }),
        (source, ms, at) => {
          const quiet = sample(at + 30_000, 22);
          const given = {
            sampler: { samples: [quiet, sample(at, ms)] },
            log: { events: [liveness(at, ms)] },
            heartbeat: { events: [lateHeartbeat(at, ms)] },
            readyz: { probe: probe({ maxDelayMs: ms }) },
            requests: { watch: watch([3, ms, 3]) },
          }[source];
          const finding = find(given);
          return finding?.severity === "warning" && finding.message.includes(durationText(ms));
        },
      ),
    );
  });

  test("no block is counted twice, however many sources saw it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 300_000 }), ago, (ms, at) => {
        const finding = find({ samples: [sample(at, ms)], events: [liveness(at, ms), lateHeartbeat(at, ms)] });
        return !finding?.message.includes("at least");
      }),
    );
  });
});

test("what is set apart is not lost", () => {
  const { blocks, start } = findBlocks(
    scene({
      probe: probe({ ageMs: HOUR }),
      samples: [sample(HOUR - MINUTE, 20_000), sample(HOUR - 3 * MINUTE, 20_000)],
    }),
    LEAST,
  );
  expect([start.length, blocks.length]).toEqual([1, 1]);
});
