import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { gatherFacts } from "../../src/facts/facts.ts";
import {
  lifeLine,
  MAX_RING_BYTES,
  parseRing,
  type RingLife,
  readVitalRing,
  sampleLine,
  vitalRingPath,
} from "../../src/facts/vital-ring.ts";
import type { VitalSample } from "../../src/facts/vital-signs.ts";
import { put, tempDir } from "./sandbox.ts";

function sample(atMs: number): VitalSample {
  return {
    atMs,
    spanMs: 10_012.3,
    maxDelayMs: 1504.7,
    p99DelayMs: 2.5,
    utilization: 0.0123,
    rssBytes: 312_345_678,
    heapBytes: 123_456_789,
    externalBytes: 12_345_678,
  };
}

const head = { pid: 42, startTicks: 1234, startedAtMs: 1000, hostVersion: "2026.9.6" };
const lines = (one: RingLife): string => lifeLine(one) + one.samples.map((of) => sampleLine(one.id, of)).join("");
const first: RingLife = { id: "aa", ...head, samples: [sample(1), sample(2)] };
const second: RingLife = { id: "bb", ...head, startTicks: null, hostVersion: null, samples: [sample(3)] };

describe("lines", () => {
  test("lives in their order, with what was recorded", () => {
    expect(parseRing(lines(first) + lines(second))).toEqual([first, second]);
  });

  test("two gateways may write at once", () => {
    const mixed = lifeLine(first) + lifeLine(second) + sampleLine("bb", sample(3)) + sampleLine("aa", sample(1));
    expect(parseRing(mixed + sampleLine("aa", sample(2)))).toEqual([first, second]);
  });

  test("cut at any byte: everything before the cut is there", () => {
    const text = lines(first);
    const ends = [lifeLine(first), sampleLine("aa", sample(1)), sampleLine("aa", sample(2))].map(
      (_line, n, all) => all.slice(0, n + 1).join("").length - 1, // the last new-line may be missing
    );
    for (let cut = 0; cut <= text.length; cut += 1) {
      const whole = ends.filter((end) => cut >= end).length;
      const expected = whole === 0 ? [] : [{ ...first, samples: first.samples.slice(0, whole - 1) }];
      expect(parseRing(text.slice(0, cut))).toEqual(expected);
      // The next gateway writes on.
      expect(parseRing(text.slice(0, cut) + lines(second))).toEqual([...expected, second]);
    }
  });

  test("garbage is left out, and takes no line with it", () => {
    const garbage = [
      "not JSON",
      "null",
      "[1,2]",
      "12",
      "\0\0\0\0",
      '{"l":"aa","t":"now"}',
      '{"l":"aa","t":5,"d":-1,"max":0,"p99":0,"u":0,"rss":0,"heap":0,"ext":0}',
      '{"l":"aa","t":5,"d":1,"max":1e999,"p99":0,"u":0,"rss":0,"heap":0,"ext":0}',
      '{"l":"zz","t":5,"d":1,"max":0,"p99":0,"u":0,"rss":0,"heap":0,"ext":0}',
      '{"v":2,"life":"cc","pid":1,"ticks":1,"at":1,"host":null}',
      '{"v":1,"life":"cc","pid":"1","ticks":1,"at":1,"host":null}',
      '{"v":1,"life":"aa","pid":77,"ticks":1,"at":1,"host":null}',
    ];
    const [a = "", b = "", c = ""] = lines(first).split("\n\n");
    for (const bad of garbage) expect(parseRing([a, b, c].join(`\n${bad}\n`))).toEqual([first]);
    expect(parseRing(garbage.join("\n")).flatMap(({ samples }) => samples)).toEqual([]);
  });

  test("samples out of order are put in order, and one that came twice counts once", () => {
    const text = lifeLine(first) + [2, 1, 2].map((at) => sampleLine("aa", sample(at))).join("");
    expect(parseRing(text)).toEqual([first]);
  });
});

describe("the reader", () => {
  test("as a fact", async () => {
    const stateDir = tempDir();
    put(vitalRingPath(stateDir), lines(first));
    const facts = gatherFacts({ stateDir, env: { HOME: stateDir, PATH: "" } });
    const { id: _id, ...life } = first;
    expect(await facts.vitalRing()).toEqual({
      path: path.join(stateDir, "vitals", "vital-signs.jsonl"),
      lives: [life],
    });
    expect(facts.problems()).toEqual([]);
  });

  test("no file is no problem", () => {
    const stateDir = tempDir();
    expect(readVitalRing(stateDir)).toEqual({ path: vitalRingPath(stateDir), lives: [], problem: null });
    put(path.join(stateDir, "vitals"), "a file where the folder should be");
    expect(readVitalRing(stateDir)).toMatchObject({ lives: [], problem: null });
  });

  test("a link is not followed, and what is no file is not read; both are said", async () => {
    const stateDir = tempDir();
    mkdirSync(path.join(stateDir, "vitals"));
    symlinkSync(put(path.join(stateDir, "other"), lines(first)), vitalRingPath(stateDir));
    expect(readVitalRing(stateDir)).toMatchObject({ lives: [], problem: expect.stringContaining("it is a link") });
    const facts = gatherFacts({ stateDir, env: { HOME: stateDir, PATH: "" } });
    expect((await facts.vitalRing()).lives).toEqual([]);
    expect(facts.problems()).toEqual([expect.stringContaining("it is a link")]);
    const other = tempDir();
    mkdirSync(vitalRingPath(other), { recursive: true });
    expect(readVitalRing(other)).toMatchObject({ lives: [], problem: expect.stringContaining("cannot be read") });
  });

  test("of a file that is too large only the end", () => {
    const stateDir = tempDir();
    put(vitalRingPath(stateDir), lines(second) + "x".repeat(MAX_RING_BYTES) + lines(first));
    expect(readVitalRing(stateDir).lives).toHaveLength(1);
  });
});
