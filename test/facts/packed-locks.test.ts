import type { BigIntStats } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ListedFolder } from "../../src/facts/found-lock.ts";
import { type LockSnapshot, payloadOf, sameLock, snapshotOf } from "../../src/facts/lock-file.ts";
import { lookedAtAgain, PackedLock } from "../../src/facts/packed-lock.ts";
import { isPackable, PackedLocks } from "../../src/facts/packed-locks.ts";

const folder = {
  inside: "/state/agents/coder/sessions/",
  agent: "coder",
  sharedFileSystem: "NFS",
  listed: new ListedFolder("/nowhere", null),
};

const NS_PER_MS = 1_000_000n;

function statOf(numbers: { dev: bigint; ino: bigint; mtimeNs: bigint; size?: bigint; uid?: bigint; nlink?: bigint }) {
  const { size = 20n, uid = 1000n, nlink = 1n, mtimeNs, ...identity } = numbers;
  return { ...identity, mtimeNs, mtimeMs: mtimeNs / NS_PER_MS, size, uid, nlink } as BigIntStats;
}

function plain({ dev, ino, size, mtimeNs, mtimeMs, uid, nlink, content, payload }: LockSnapshot): LockSnapshot {
  return { dev, ino, size, mtimeNs, mtimeMs, uid, nlink, content, payload };
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const stats = fc.record({
  dev: int64,
  ino: int64,
  mtimeNs: int64,
  size: fc.bigInt({ min: 0n, max: 16_384n }),
  uid: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
  nlink: fc.bigInt({ min: 1n, max: 2n ** 32n - 1n }),
});
const count = fc.option(fc.nat(), { nil: undefined });
const contents = fc.record({
  pid: fc.integer({ min: 1, max: 4_194_304 }),
  createdAt: fc.option(
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    { nil: undefined },
  ),
  starttime: count,
  maxHoldMs: count,
  said: fc.string({ unit: "binary" }),
});

describe("packed locks", () => {
  test("whatever is packed is told as it was read, in whatever order it is asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(stats, contents), { minLength: 1, maxLength: 200 }), (made) => {
        const packed = new PackedLocks();
        const read = made.map(([numbers, said]) => ({
          stat: statOf(numbers),
          bytes: Buffer.from(JSON.stringify(said)),
        }));
        const locks = read.map(({ stat, bytes }, n) => {
          const payload = payloadOf(stat, bytes);
          if (!isPackable(stat, payload)) throw new Error(`not packable: ${bytes}`);
          return new PackedLock(packed, packed.add(stat, payload, bytes), folder, `s${n}.jsonl.lock`, n % 2 === 0);
        });
        for (const [n, lock] of [...locks.entries()].reverse()) {
          const { stat, bytes } = read[n] as (typeof read)[number];
          const expected = snapshotOf(stat, bytes);
          expect(plain(lock.look.snapshot)).toStrictEqual(expected);
          expect(sameLock(lock.look.snapshot, expected)).toBe(true);
          expect(lock).toMatchObject({
            path: `/state/agents/coder/sessions/s${n}.jsonl.lock`,
            session: `s${n}`,
            agent: "coder",
            hasTranscript: n % 2 === 0,
            unchanged: true,
            sharedFileSystem: "NFS",
            listed: folder.listed,
            judgement: null,
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  test("what would lose something is not packed", () => {
    const stat = statOf({ dev: 1n, ino: 2n, mtimeNs: 3n });
    const packable = (text: string, of = stat): boolean => isPackable(of, payloadOf(of, Buffer.from(text)));
    expect(packable('{"pid":7}')).toBe(true);
    expect(packable('{"pid":7,"port":18789}'), "a port has no room").toBe(false);
    expect(packable(""), "no owner").toBe(false);
    expect(packable("{"), "no JSON").toBe(false);
    expect(packable('{"pid":7}', statOf({ dev: 1n, ino: 2n ** 63n, mtimeNs: 3n })), "no 64-bit integer").toBe(false);
    expect(packable('{"pid":7}', statOf({ dev: 1n, ino: 2n, mtimeNs: 3n, size: 16_385n })), "too large").toBe(false);
  });

  test("a later look takes the place of the first, and all else stays", () => {
    const stat = statOf({ dev: 1n, ino: 2n, mtimeNs: 3n });
    const bytes = Buffer.from('{"pid":7}');
    const payload = payloadOf(stat, bytes);
    if (!isPackable(stat, payload)) throw new Error("not packable");
    const packed = new PackedLocks();
    const lock = new PackedLock(packed, packed.add(stat, payload, bytes), folder, "a.jsonl.lock", true);
    const plainLock = { path: lock.path, look: lock.look, unchanged: false, sharedFileSystem: null };
    for (const one of [lock, plainLock]) {
      const again = lookedAtAgain(one, { kind: "missing" });
      expect(again).toMatchObject({ path: one.path, look: { kind: "missing" }, unchanged: one.unchanged });
      expect(one.look.kind, "the first is as it was").toBe("file");
    }
    expect(lookedAtAgain(lock, { kind: "link" })).toMatchObject({ agent: "coder", session: "a", hasTranscript: true });
  });
});
