import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, truncateSync, writeSync } from "node:fs";
import path from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { linesFromEnd } from "../../src/facts/file-tail.ts";
import { put, tempDir } from "./sandbox.ts";

const read = (content: string | Uint8Array, bytes = 1_000_000) => {
  const budget = { left: bytes };
  const lines = [...linesFromEnd(put(path.join(tempDir(), "log"), content), budget)];
  return { lines, used: bytes - budget.left };
};

test("lines come last first, without their ends", () => {
  expect(read("one\ntwo\r\nthree\n").lines).toEqual(["three", "two", "one"]);
  expect(read("one\ntwo").lines).toEqual(["two", "one"]);
  expect(read("\n\none\n\n").lines).toEqual(["one"]);
  expect(read("").lines).toEqual([]);
  expect(read("\uFEFF").lines).toEqual([]);
  expect(read("\uFEFFone\ntwo\n").lines).toEqual(["two", "one"]);
});

test("characters and lines that lie across two readings stay whole", () => {
  const lines = Array.from({ length: 9_000 }, (_, n) => `${n} ${"ü€😀".repeat(n % 7)}`);
  expect(read(`${lines.join("\n")}\n`).lines).toEqual(lines.toReversed());
});

test("a line the budget cuts is left out", () => {
  expect(read("first line\nsecond\nthird\n", 15)).toEqual({ lines: ["third", "second"], used: 15 });
  expect(read("first line\nsecond\nthird\n", 0)).toEqual({ lines: [], used: 0 });
});

test("an overlong line is passed over, those around it are not", () => {
  const long = "x".repeat(300_000);
  expect(read(`one\n${long}\ntwo\n`).lines).toEqual(["two", "one"]);
  expect(read(`${long}\ntwo\n${long}`).lines).toEqual(["two"]);
  expect(read(`one\n${"x".repeat(65_537)}\n`).lines).toEqual(["one"]);
  expect(read(`one\n${"x".repeat(65_536)}\n`).lines).toHaveLength(2);
});

test("only as much is read as is taken", () => {
  const budget = { left: 1_000_000 };
  const file = put(path.join(tempDir(), "log"), `${"line\n".repeat(100_000)}last\n`);
  expect(linesFromEnd(file, budget).next().value).toBe("last");
  expect(1_000_000 - budget.left).toBe(65_536);
});

test("100 MiB and 1 GiB cost the same", () => {
  const used = [100, 1024].map((mebibytes) => {
    const file = path.join(tempDir(), "log");
    const fd = openSync(file, "w");
    ftruncateSync(fd, mebibytes * 1_048_576); // a hole: it takes no room
    writeSync(fd, "\nlast but one\nlast\n", mebibytes * 1_048_576);
    closeSync(fd);
    const budget = { left: 1_048_576 };
    expect([...linesFromEnd(file, budget)]).toEqual(["last", "last but one"]);
    truncateSync(file, 0);
    return 1_048_576 - budget.left;
  });
  expect(used).toEqual([1_048_576, 1_048_576]);
});

describe("what is no readable file has no lines", () => {
  test("nothing, a folder", () => {
    const dir = tempDir();
    expect([...linesFromEnd(path.join(dir, "none"), { left: 9 })]).toEqual([]);
    expect([...linesFromEnd(dir, { left: 9 })]).toEqual([]);
  });
  test.skipIf(process.platform === "win32")("a FIFO, without waiting for a writer", () => {
    const fifo = path.join(tempDir(), "fifo");
    expect(spawnSync("mkfifo", [fifo]).status).toBe(0);
    expect([...linesFromEnd(fifo, { left: 9 })]).toEqual([]);
  });
});

property.prop([fc.uint8Array({ maxLength: 4_000 }), fc.nat(5_000)], { numRuns: 100 })(
  "whatever the bytes, no more is read than allowed",
  (bytes, allowed) => {
    const { lines, used } = read(bytes, allowed);
    expect(used).toBe(Math.min(bytes.length, allowed));
    expect(Buffer.byteLength(lines.join(""))).toBeLessThanOrEqual(used * 3); // bad UTF-8 is replaced by 3 bytes
  },
);
