/** Readers that take a text: what most of the million cases go through. */
import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import JSON5 from "json5";
import type { Judgement } from "../../src/engine/verdict.ts";
import { type Json5Node, nodeValue, parseJson5, placesOf, setOwn } from "../../src/facts/json5-text.ts";
import { type LockLook, type LockSnapshot, lookAtLock, parsePayload } from "../../src/facts/lock-file.ts";
import { judgeSnapshot } from "../../src/facts/lock-owner.ts";
import { lineTime, readLogLine } from "../../src/facts/log-line.ts";
import type { ProcessState, ProcessTable } from "../../src/facts/processes.ts";
import { parseRing, type RingLife, sampleLine } from "../../src/facts/vital-ring.ts";
import { retain, ringText } from "../../src/host/vital-ring-retention.ts";
import { documents } from "../engine/json5-documents.ts";
import { assertSound, fixtures, lines, type Reader } from "./reader.ts";

const NOW = Date.parse("2026-11-21T12:00:00.000Z");
const MAX_PID = 4_194_304;
const time = fc.integer({ min: 0, max: NOW }).map((ms) => new Date(ms).toISOString());
const odd = fc.constantFrom("__proto__", "constructor", "toString", "a b", "", "\ud800", "\u0000");

/** An object's JSON with members of others between its own, laid out in one way or another. */
function jsonOf<T extends object>(own: fc.Arbitrary<T>): fc.Arbitrary<{ readonly text: string; readonly value: T }> {
  const extra = fc.array(fc.tuple(odd, fc.jsonValue({ maxDepth: 1 })), { maxLength: 2 });
  return fc
    .tuple(own, extra, fc.constantFrom(0, 2, "\t"), fc.constantFrom("", "\n", " \r\n"))
    .map(([value, members, indent, end]) => {
      const whole = {};
      for (const [key, member] of members) setOwn(whole, key, member);
      for (const [key, member] of Object.entries(value)) setOwn(whole, key, member);
      return { text: JSON.stringify(whole, null, indent) + end, value };
    });
}

// ---- locks

const payload = fc.record(
  {
    pid: fc.integer({ min: 1, max: process.platform === "linux" ? MAX_PID : 2_147_483_647 }),
    createdAt: time,
    starttime: fc.nat(),
    maxHoldMs: fc.integer({ min: 1, max: 1e12 }),
    port: fc.integer({ min: 1, max: 65_535 }),
  },
  { requiredKeys: ["pid"] },
);

/** Whoever is asked for is like that. */
function tableOf(state: ProcessState, open: boolean): ProcessTable {
  return {
    uid: 0,
    namespace: () => ({ trusted: true, initial: true, startedAtMs: null, lastPid: null }),
    get: async () => state,
    holders: async ({ owner }) => ({ pids: open && owner ? [owner] : [], seen: "own" }),
    canReadDescriptors: () => true,
  };
}

const ALIVE = { state: "alive", uid: 0, foreign: false, title: "openclaw", openclaw: true } as const;
const TABLES = {
  absent: tableOf({ state: "absent", zombie: false }, false),
  holding: tableOf({ ...ALIVE, startTicks: 1, startedAtMs: NOW - 1_000 }, true),
  running: tableOf({ ...ALIVE, startTicks: null, startedAtMs: null }, false),
};

function snapshotOf(bytes: Buffer): LockSnapshot {
  const stat = { dev: "1", ino: "1", mtimeNs: "1", mtimeMs: NOW - 3_600_000, uid: 0, nlink: 1, sha256: "" };
  return { ...stat, size: bytes.length, payload: parsePayload(bytes) };
}

async function judge(bytes: Buffer, look: LockLook, table: ProcessTable): Promise<Judgement> {
  const lock = { path: "/s.jsonl.lock", look, unchanged: true, sharedFileSystem: null };
  const judged = await judgeSnapshot(lock, table, { graceSeconds: 30 }, async () => null);
  assert.ok(judged, "a regular file is judged");
  for (const { what, value } of judged.evidence) {
    const isPlain = value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value);
    assert.ok(isPlain && !/NaN|Invalid/.test(String(value)), `evidence "${what}" of ${bytes.length} bytes: ${value}`);
  }
  return judged;
}

const lockPayload: Reader = {
  name: "lock payload",
  share: 320,
  samples: ["stale-lock", "lock-without-transcript", "gateway-lock", "config-lock"].flatMap((name) => fixtures(name)),
  made: jsonOf(payload).map(({ text, value }) => ({
    text,
    says: {
      status: "ok",
      pid: value.pid,
      createdAtMs: value.createdAt === undefined ? null : Date.parse(value.createdAt),
      starttime: value.starttime ?? null,
      maxHoldMs: value.maxHoldMs ?? null,
      ...(value.port === undefined ? {} : { port: value.port }),
    },
  })),
  async read(bytes, dir) {
    let look: LockLook = { kind: "file", snapshot: snapshotOf(bytes) };
    if (bytes.length % 16 === 0) {
      const file = path.join(dir, "s.jsonl.lock");
      writeFileSync(file, bytes);
      look = lookAtLock(file);
    }
    assert.equal(look.kind, "file");
    const { payload: said } = (look as { snapshot: LockSnapshot }).snapshot;
    assertSound(said);
    const [absent, holding, running] = await Promise.all([
      judge(bytes, look, TABLES.absent),
      judge(bytes, look, TABLES.holding),
      judge(bytes, look, TABLES.running),
    ]);
    if (said.status !== "ok") {
      assert.ok(said.status === "empty" || said.why !== "");
      return null;
    }
    assert.ok(Number.isInteger(said.pid) && said.pid > 0);
    assert.equal(absent.verdict, "gone");
    assert.match(holding.verdict, /^(?:held|overdue)$/, "a process has it open");
    assert.match(running.verdict, /^(?:held|leaked)$/, "nothing says that its owner is another process");
    return { says: said };
  },
};

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

export const TEXT_READERS: readonly Reader[] = [lockPayload, configText, logLine, ringFile];
