/** Readers that take a text: what most of the million cases go through. */
import { strict as assert } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import JSON5 from "json5";
import { type Json5Node, nodeValue, parseJson5, placesOf } from "../../src/facts/json5-text.ts";
import { lineTime, readLogLine } from "../../src/facts/log-line.ts";
import { parseRing, type RingLife, sampleLine } from "../../src/facts/vital-ring.ts";
import { retain, ringText } from "../../src/host/vital-ring-retention.ts";
import { documents } from "../engine/json5-documents.ts";
import { assertSound, fixtures, lines, type Reader } from "./reader.ts";

const NOW = Date.parse("2026-11-21T12:00:00.000Z");
const time = fc.integer({ min: 0, max: NOW }).map((ms) => new Date(ms).toISOString());
const odd = fc.constantFrom("__proto__", "constructor", "toString", "a b", "", "\ud800", "\u0000");

// ---- configs

/** Every part lies within the part it belongs to, and none overlaps the next. */
function assertPlaces(node: Json5Node, start: number, end: number): void {
  assert.ok(start <= node.start && node.start <= node.end && node.end <= end, "a value outside of its entry");
  if (node.kind === "scalar") return;
  let at = node.start + 1;
  for (const entry of node.entries) {
    assert.ok(at <= entry.start && entry.keyEnd <= entry.end, "an entry outside of its object");
    assertPlaces(entry.value, entry.keyEnd, entry.end);
    at = entry.end;
  }
  assert.ok(at <= node.end);
}

const configText: Reader = {
  name: "config text",
  share: 200,
  samples: [...fixtures("config", /\.json5?$/), ...fixtures("retry-ceiling", /json5$/)],
  made: fc.oneof(
    documents.map(({ text }) => ({ text, says: JSON5.parse<unknown>(text) })),
    fc.jsonValue({ noUnicodeString: false }).map((value) => {
      const text = JSON.stringify(value); // which knows no minus zero
      return { text, says: JSON.parse(text) as unknown };
    }),
  ),
  read(bytes) {
    const text = bytes.toString("utf8");
    try {
      const { root, value, comments } = parseJson5(text);
      assert.ok(isDeepStrictEqual(nodeValue(root), value));
      assertPlaces(root, 0, text.length);
      for (const { start, end } of comments) assert.ok(start < end && end <= text.length);
      const { line, column } = placesOf(text)(root.end);
      assert.ok(line > 0 && column > 0);
      assertSound(value, { finite: false });
      return { says: value };
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      if (error instanceof RangeError && error.message === "nested too deeply") return null;
      throw error;
    }
  },
};

// ---- log lines

const figure = fc.nat({ max: 1_000_000 });
const messages = fc.oneof(
  figure.map((ms) => ({
    text: `liveness heartbeat delayed: overdue=${ms}ms`,
    says: { kind: "heartbeat-delayed", overdueMs: ms },
  })),
  fc.tuple(figure, fc.constantFrom("main", "cron")).map(([ms, lane]) => ({
    text: `lane wait exceeded: lane=${lane} waitedMs=${ms} queueAhead=1 queueBehind=2`,
    says: { kind: "lane-wait", lane, waitedMs: ms, queued: 2 },
  })),
  figure.map((seconds) => ({
    text: `stuck session: sessionId=a state=processing age=${seconds}s queueDepth=0`,
    says: { kind: "stuck-session", state: "stuck", ageMs: seconds * 1000 },
  })),
);
/** All the words an event may hold: what users chose must not get through. */
const WORDS = /^[a-z_/-]{1,60}$/;

const logLine: Reader = {
  name: "log line",
  share: 200,
  samples: lines(fixtures("gateway-log")),
  made: fc.tuple(messages, time, fc.boolean()).map(([{ text, says }, at, old]) => {
    const writer = '{"subsystem":"diagnostic"}';
    const line = old ? { 0: writer, 1: text, _meta: { date: at } } : { 0: writer, 1: text, time: at, message: text };
    return { text: JSON.stringify(line), says: { ...says, atMs: Date.parse(at) } };
  }),
  read(bytes) {
    const line = bytes.toString("utf8");
    const atMs = lineTime(line);
    assert.ok(atMs === null || Number.isFinite(atMs));
    const found = readLogLine(line);
    if (found === null) return null;
    assertSound(found);
    for (const value of Object.values(found.event).flat())
      if (typeof value === "string") assert.match(value, WORDS, "a text of the log came through");
      else assert.ok(value === null || value >= 0 || value === found.event.atMs, `a figure of ${value}`);
    return { says: found.event };
  },
};

// ---- the sampler's file

const tenth = fc.nat({ max: 600_000 }).map((n) => n / 10);
const sample = fc.record({
  spanMs: tenth,
  maxDelayMs: tenth,
  p99DelayMs: tenth,
  utilization: fc.nat({ max: 10_000 }).map((n) => n / 10_000),
  rssBytes: fc.nat(),
  heapBytes: fc.nat(),
  externalBytes: fc.nat(),
});
const life = fc.record({
  pid: fc.nat(),
  startTicks: fc.option(fc.nat()),
  startedAtMs: fc.nat(),
  hostVersion: fc.option(odd),
  samples: fc.array(sample, { maxLength: 4 }).map((all) => all.map((one, n) => ({ atMs: NOW + n, ...one }))),
});
const lives = fc
  .array(life, { maxLength: 3 })
  .map((all) => all.map((one, n): RingLife => ({ id: `life-${n}`, ...one })));
/** Less would leave samples out. Bytes. */
const ALL = Number.MAX_SAFE_INTEGER;

const ringFile: Reader = {
  name: "ring file",
  share: 100,
  samples: fc.sample(lives, { seed: 1, numRuns: 20 }).map((all) => Buffer.from(ringText(all, ALL))),
  made: lives.map((all) => ({ text: ringText(all, ALL), says: all })),
  read(bytes) {
    const read = parseRing(bytes.toString("utf8"));
    assertSound(read);
    assert.equal(new Set(read.map(({ id }) => id)).size, read.length, "one life, one entry");
    for (const { samples } of read)
      for (const [n, { atMs }] of samples.entries())
        assert.ok(n === 0 || atMs > (samples[n - 1]?.atMs ?? 0), "in order");
    // What is written back, with its figures rounded, reads as it was written.
    const again = parseRing(ringText(read, ALL));
    assert.deepEqual(parseRing(ringText(again, ALL)), again);
    const kept = retain(read, NOW);
    assertSound(kept);
    assert.deepEqual(retain(kept, NOW), kept, "keeping twice is keeping once");
    for (const one of kept)
      for (const at of one.samples) assert.ok(sampleLine(one.id, at).length < 10_000 + one.id.length);
    return { says: read };
  },
};

export const TEXT_READERS: readonly Reader[] = [configText, logLine, ringFile];
