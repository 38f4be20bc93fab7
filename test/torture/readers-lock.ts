/** The reader of locks, and what is judged of what it read. */
import { strict as assert } from "node:assert";
import path from "node:path";
import fc from "fast-check";
import type { Judgement } from "../../src/engine/verdict.ts";
import { setOwn } from "../../src/facts/json5-text.ts";
import { type LockLook, type LockSnapshot, lookAtLock, parsePayload } from "../../src/facts/lock-file.ts";
import { judgeSnapshot } from "../../src/facts/lock-owner.ts";
import type { ProcessState, ProcessTable } from "../../src/facts/processes.ts";
import { assertSound, fixtures, put, type Reader } from "./reader.ts";

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
  const stat = {
    dev: "1",
    ino: "1",
    mtimeNs: "1",
    mtimeMs: NOW - 3_600_000,
    uid: 0,
    nlink: 1,
    content: bytes.toString("latin1"),
  };
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

export const lockPayload: Reader = {
  name: "lock payload",
  share: 320,
  maxBytes: 16_384,
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
      look = lookAtLock(put(path.join(dir, "s.jsonl.lock"), bytes));
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
