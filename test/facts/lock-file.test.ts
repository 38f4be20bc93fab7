import { chmodSync, existsSync, linkSync, mkdirSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { x } from "tinyexec";
import { describe, expect, onTestFinished, test } from "vitest";
import { type LockSnapshot, lookAtLock, parsePayload, sameLock } from "../../src/facts/lock-file.ts";
import { hasPermissions, moduleUrl, payload, put, runUnprivileged, tempDir } from "./sandbox.ts";

const parse = (text: string | Uint8Array) => parsePayload(Buffer.from(text));
const posix = test.skipIf(process.platform === "win32");

describe("parsePayload", () => {
  test("reads what 2026.5.22 writes", () => {
    const text = '{"pid":4242,"createdAt":"2026-05-22T10:00:00.000Z","maxHoldMs":1020000,"starttime":338046}';
    expect(parse(text)).toEqual({
      status: "ok",
      pid: 4242,
      createdAtMs: Date.UTC(2026, 4, 22, 10),
      starttime: 338046,
      maxHoldMs: 1_020_000,
    });
  });

  test("reads what 2026.4.15 writes, without maxHoldMs and, off Linux, without starttime", () => {
    expect(parse('{\n  "pid": 7,\n  "createdAt": "2026-04-15T00:00:00.000Z"\n}')).toEqual({
      status: "ok",
      pid: 7,
      createdAtMs: Date.UTC(2026, 3, 15),
      starttime: null,
      maxHoldMs: null,
    });
  });

  test.each(["0", "-1", "1.5", '"7"', String(2 ** 40), "null", "true", "[7]", '{"valueOf":7}', "1e400"])(
    "a pid of %s makes the payload malformed",
    (pid) => {
      expect(parse(`{"pid":${pid},"createdAt":"2026-05-22T10:00:00.000Z"}`)).toEqual({
        status: "malformed",
        why: "no valid pid",
      });
    },
  );

  test.each(["", " ", "\n\n\t ", "\uFEFF", "\uFEFF \n"])("%j is empty", (text) => {
    expect(parse(text)).toEqual({ status: "empty" });
  });

  test.each([
    ["not JSON", "{pid:7}"],
    ["not JSON", '{"pid":7'],
    ["not JSON", "\0\0\0\0"],
    ["not a JSON object", '[{"pid":7}]'],
    ["not a JSON object", "7"],
    ["not a JSON object", "null"],
    ["no valid pid", "{}"],
    ["no valid pid", '{"__proto__":{"pid":7}}'],
    ["no valid pid", '{"constructor":{"prototype":{"pid":7}}}'],
  ])("%s: %s", (why, text) => {
    expect(parse(text)).toEqual({ status: "malformed", why });
    expect(({} as { pid?: unknown }).pid).toBeUndefined();
  });

  test("bytes that are no UTF-8 are malformed", () => {
    expect(parse(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))).toEqual({ status: "malformed", why: "not UTF-8 text" });
  });

  test.each([
    ['"yesterday"', null],
    ['""', null],
    ["1747908000000", null],
    ["null", null],
    ["{}", null],
    ['"2099-01-01T00:00:00.000Z"', Date.UTC(2099, 0, 1)],
  ])("createdAt %s is read as %s and never spoils the pid", (createdAt, expected) => {
    expect(parse(`{"pid":7,"createdAt":${createdAt}}`)).toMatchObject({ status: "ok", pid: 7, createdAtMs: expected });
  });

  test("without createdAt there is no time", () => {
    expect(parse('{"pid":7}')).toMatchObject({ status: "ok", createdAtMs: null });
  });

  test.each(["-1", "1.5", '"9"', "null"])("starttime and maxHoldMs of %s are not taken", (value) => {
    expect(parse(`{"pid":7,"starttime":${value},"maxHoldMs":${value}}`)).toMatchObject({
      status: "ok",
      starttime: null,
      maxHoldMs: null,
    });
  });

  test("a hold of 0 is none, a start of 0 is one", () => {
    expect(parse('{"pid":1,"starttime":0,"maxHoldMs":0}')).toMatchObject({ starttime: 0, maxHoldMs: null });
  });
});

describe("lookAtLock", () => {
  test("a regular file, with its identity", () => {
    const file = put(path.join(tempDir(), "a.jsonl.lock"), payload(4242));
    const look = lookAtLock(file);
    expect(look).toMatchObject({ kind: "file", snapshot: { nlink: 1, payload: { status: "ok", pid: 4242 } } });
    linkSync(file, `${file}.other`);
    expect(lookAtLock(file)).toMatchObject({ kind: "file", snapshot: { nlink: 2 } });
  });

  test("what is not there, also when a file stands where its folder should be", () => {
    const dir = tempDir();
    put(path.join(dir, "file"));
    expect(lookAtLock(path.join(dir, "none"))).toEqual({ kind: "missing" });
    expect(lookAtLock(path.join(dir, "file", "lock"))).toEqual({ kind: "missing" });
  });

  posix("links are seen, not followed", () => {
    const dir = tempDir();
    const target = put(path.join(dir, "target"), payload(1));
    for (const to of [target, path.join(dir, "nowhere"), path.join(dir, "loop"), dir]) {
      const link = path.join(dir, "loop");
      rmSync(link, { force: true });
      symlinkSync(to, link);
      expect(lookAtLock(link)).toEqual({ kind: "link" });
    }
  });

  test("a directory", () => {
    expect(lookAtLock(tempDir())).toEqual({ kind: "directory" });
  });

  posix("a FIFO does not block", async () => {
    const fifo = path.join(tempDir(), "fifo");
    await x("mkfifo", [fifo]);
    expect(existsSync(fifo)).toBe(true);
    expect(lookAtLock(fifo)).toEqual({ kind: "special" });
  });

  posix("a socket", async () => {
    const socket = path.join(tempDir(), "s");
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    onTestFinished(() => void server.close());
    expect(lookAtLock(socket)).toEqual({ kind: "special" });
  });

  test.skipIf(!hasPermissions)("a file nobody may read", async () => {
    const dir = tempDir();
    chmodSync(dir, 0o755);
    const file = put(path.join(dir, "closed"), payload(1));
    chmodSync(file, 0);
    const { stdout } = await runUnprivileged(
      `import { lookAtLock } from ${JSON.stringify(moduleUrl("src/facts/lock-file.ts"))};
       console.log(JSON.stringify(lookAtLock(process.argv[1])));`,
      [file],
    );
    expect(JSON.parse(stdout)).toEqual({ kind: "unreadable", why: "EACCES" });
  });

  test("2 GB are not read", () => {
    const file = put(path.join(tempDir(), "huge"), payload(4242));
    truncateSync(file, 2 ** 31);
    const start = performance.now();
    expect(lookAtLock(file)).toMatchObject({
      kind: "file",
      snapshot: { size: 2 ** 31, payload: { status: "malformed", why: `${2 ** 31} bytes long` } },
    });
    expect(performance.now() - start).toBeLessThan(500);
  });

  test("16 KiB are still read, a byte more is not", () => {
    const file = path.join(tempDir(), "a");
    const text = payload(4242);
    put(file, text.padEnd(16_384));
    expect(lookAtLock(file)).toMatchObject({ snapshot: { payload: { status: "ok" } } });
    put(file, text.padEnd(16_385));
    expect(lookAtLock(file)).toMatchObject({ snapshot: { payload: { status: "malformed" } } });
  });
});

describe("sameLock", () => {
  const lock: LockSnapshot = {
    dev: "1",
    ino: "2",
    size: 3,
    mtimeNs: "4",
    mtimeMs: 0,
    uid: 0,
    nlink: 1,
    content: "5",
    payload: { status: "empty" },
  };

  test("two looks at one file show the same lock, a rewrite with the same content another", () => {
    const file = put(path.join(tempDir(), "a"), payload(7, { createdAt: "2026-05-22T10:00:00.000Z" }));
    const [first, second] = [lookAtLock(file), lookAtLock(file)];
    if (first.kind !== "file" || second.kind !== "file") throw new Error("no file");
    expect(sameLock(first.snapshot, second.snapshot)).toBe(true);
    rmSync(file);
    mkdirSync(path.join(path.dirname(file), "x")); // takes the inode that became free
    put(file, payload(7, { createdAt: "2026-05-22T10:00:00.000Z" }));
    const third = lookAtLock(file);
    if (third.kind !== "file") throw new Error("no file");
    expect(third.snapshot.content).toBe(first.snapshot.content);
    expect(sameLock(first.snapshot, third.snapshot)).toBe(false);
  });

  test.each([{ dev: "9" }, { ino: "9" }, { size: 9 }, { mtimeNs: "9" }, { content: "9" }])("%j differs", (change) => {
    expect(sameLock(lock, { ...lock, ...change })).toBe(false);
  });

  test("the number of links does not count: a move may pass through one", () => {
    expect(sameLock(lock, { ...lock, nlink: 2 })).toBe(true);
  });
});
