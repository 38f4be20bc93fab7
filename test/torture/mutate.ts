/** What can become of a file's bytes. */
import type { Random } from "./random.ts";

/** Larger cases say nothing that these do not; the costs of size are measured apart (`scaling.ts`). Bytes. */
const MAX_BYTES = 65_536;

/** Puts what parsers trip over into the middle of something. */
const SNIPPETS: readonly Buffer[] = [
  ...[
    '"__proto__":{"polluted":1},',
    "__proto__:{polluted:1},",
    '{"__proto__":{"polluted":1}}',
    '"constructor":{"prototype":{"polluted":1}},',
    '"prototype":null,',
    '"hasOwnProperty":1,',
    '"toString":"x",',
    '"\\ud800"',
    "\\udfff",
    "\\u0000",
    "\u0000",
    "\uFEFF",
    "\u2028",
    "\u2029",
    "\u202e",
    "\x1b[2J",
    "\r",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "/*",
    "*/",
    "//",
    "#",
    "'",
    '"',
    "`",
    "\\",
    "\\\\",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the config
    "${HOME}",
    "$${X}",
    "${",
    '"$include":"./self.json",',
    '"$include":["a","b"],',
    "NaN",
    "-Infinity",
    "0x7fffffffffffffff",
    "1e400",
    "-0",
    "1e21",
    "99999999999999999999999999",
    "9007199254740993",
    "4294967296",
    "-1",
    "0.1",
    "5e-324",
    "null",
    "true",
    "{}",
    "[]",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a",
    "!!js/function ",
    "---\n",
    "../../../../etc/passwd",
    "CON",
    "😀",
  ].map((text) => Buffer.from(text)),
  // A surrogate as if it were a character, an overlong slash, a byte that begins nothing, an end that is missing.
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xff]),
  Buffer.from([0xf0, 0x9f]),
  Buffer.from([0xff, 0xfe]),
];
const NESTS = ["[", '{"a":', "{a:", '{"__proto__":', "[[{", "- ", '[{"jobs":', "(", "/*"].map((text) =>
  Buffer.from(text),
);
const LONG = ["a", "\\", '"', " ", "0", "9", "\n", ",", "é", "\ud83d\ude00", "{}", "=", "-"].map((text) =>
  Buffer.from(text),
);
const NUMBERS = [
  "1e309",
  "-1",
  "0",
  "18446744073709551616",
  "1.5",
  `1${"0".repeat(400)}`,
  "1e-400",
  "8640000000000001",
  "2147483648",
];

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random.below(bytes.length + 1)),
  insert,
  insert,
  insert,
  overwrite,
  deleteRange,
  duplicate,
  splice,
  nest,
  lengthen,
  replaceNumber,
  replaceNumber,
  (bytes) => Buffer.concat([Buffer.from("\uFEFF"), bytes]),
];

/** One to six of these, one after the other. `others` are what parts may be taken from. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let result = bytes;
  for (let left = 1 + random.below(random.once(4) ? 6 : 2); left > 0; left -= 1)
    result = random.pick(MUTATIONS)(result, random, others).subarray(0, MAX_BYTES);
  return result;
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let left = 1 + random.below(8); left > 0 && copy.length > 0; left -= 1) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  }
  return copy;
}

function insertAt(bytes: Buffer, at: number, what: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);
}

function insert(bytes: Buffer, random: Random): Buffer {
  return insertAt(bytes, random.below(bytes.length + 1), random.pick(SNIPPETS));
}

function overwrite(bytes: Buffer, random: Random): Buffer {
  const what = random.pick(SNIPPETS);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at + what.length)]);
}

function deleteRange(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64))]);
}

function duplicate(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const part = bytes.subarray(at, at + 1 + random.below(256));
  const times = random.once(50) ? 500 : 1 + random.below(4);
  return insertAt(bytes, at, Buffer.concat(Array.from({ length: times }, () => part)));
}

function splice(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const other = random.pick(others);
  return Buffer.concat([
    bytes.subarray(0, random.below(bytes.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
}

function nest(bytes: Buffer, random: Random): Buffer {
  const depth = random.once(40) ? 8_000 : 1 + random.below(random.once(4) ? 400 : 12);
  return insertAt(bytes, random.below(bytes.length + 1), repeat(random.pick(NESTS), depth));
}

function lengthen(bytes: Buffer, random: Random): Buffer {
  const times = random.once(40) ? 60_000 : 1 + random.below(random.once(8) ? 4_000 : 40);
  return insertAt(bytes, random.below(bytes.length + 1), repeat(random.pick(LONG), times));
}

function repeat(part: Buffer, times: number): Buffer {
  return Buffer.alloc(Math.min(part.length * times, MAX_BYTES), part);
}

function replaceNumber(bytes: Buffer, random: Random): Buffer {
  const text = bytes.toString("latin1");
  const numbers = [...text.slice(0, 8192).matchAll(/\d+(?:\.\d+)?/g)];
  if (numbers.length === 0) return bytes;
  const { 0: found, index } = random.pick(numbers);
  return Buffer.from(text.slice(0, index) + random.pick(NUMBERS) + text.slice(index + found.length), "latin1");
}
