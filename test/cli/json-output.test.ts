import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { writeJson } from "../../src/cli/json-output.ts";

/** A reader that takes its time; it keeps what it was given. */
function slowReader(takes = Number.POSITIVE_INFINITY) {
  const pieces: string[] = [];
  const stream = new Writable({
    highWaterMark: 16,
    decodeStrings: false,
    write(piece: string, _encoding, done) {
      pieces.push(piece);
      if (pieces.length >= takes) stream.destroy();
      setImmediate(done);
    },
  });
  return { stream, pieces };
}

const findings = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: String(n), text: 'a "quoted" \n one' }));

test.each([
  ["a short document", { ok: true, findings: findings(3), none: undefined }],
  ["a long list in the middle", { ok: true, findings: findings(1000), none: undefined, last: { a: 1 } }],
  ["a long list at the end", { ok: false, findings: findings(257) }],
  ["two long lists with an empty one", { a: findings(600), b: [], c: findings(512) }],
  ["a long list of what JSON does not have", { a: Array.from({ length: 300 }, () => undefined), ok: true }],
  ["a list by itself", findings(300)],
  ["null", null],
  ["what has its own way to JSON", { toJSON: () => ({ mine: true }), findings: findings(300) }],
])("%s is what JSON.stringify makes of it, and a line end", async (_, document) => {
  const { stream, pieces } = slowReader();
  await writeJson(stream, document);
  stream.end();
  expect(pieces.join("")).toBe(`${JSON.stringify(document)}\n`);
});

test("a long document is handed over in pieces, each when the one before was taken", async () => {
  const { stream, pieces } = slowReader();
  await writeJson(stream, { findings: findings(10_000) });
  expect(pieces.length).toBeGreaterThan(30);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(pieces.join("").length / 20);
});

test("a reader that goes away ends it", async () => {
  const { stream, pieces } = slowReader(3);
  await writeJson(stream, { findings: findings(10_000) });
  expect(pieces).toHaveLength(3);
});
