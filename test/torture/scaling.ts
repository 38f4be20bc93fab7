/**
 * What ten times as many bytes cost, of the shapes that parsers are slow at: read once, against a tenth of them read
 * ten times. Both have the same bytes in all, so what is linear has a ratio of one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import type { Reader } from "./reader.ts";

/** A text of about so many bytes. */
export interface Shape {
  readonly name: string;
  make(bytes: number): Buffer;
}

export interface Scaled {
  readonly reader: string;
  readonly shape: string;
  /** Median of the ratios of the pairs. 10 is quadratic. */
  readonly ratio: number;
  /** Of the large one, the median. Milliseconds. */
  readonly ms: number;
}

/** Ten times as many bytes may take thirty times as long: a hundred times is quadratic. */
export const MAX_RATIO = 3;
const PAIRS = 5;
/** Of what is over in less, most is the memory that is taken for it, and no square of it matters to anybody. Milliseconds. */
const LEAST_MS = 5;

/** So many times this part between these ends. */
function shape(name: string, part: string, before = "", after = ""): Shape {
  return {
    name,
    make(bytes) {
      const times = Math.max(1, Math.floor((bytes - before.length - after.length) / Buffer.byteLength(part)));
      return Buffer.from(before + part.repeat(times) + after);
    },
  };
}

/** A number in each of the parts, so that no two are the same. */
function counted(name: string, part: (n: number) => string, before: string, after: string): Shape {
  return {
    name,
    make(bytes) {
      const parts: string[] = [];
      for (let n = 0, left = bytes; left > 0; n += 1) left -= parts[parts.push(part(n)) - 1]?.length ?? 0;
      return Buffer.from(before + parts.join("") + after);
    },
  };
}

const LOG_HEAD = '{"0":"{\\"subsystem\\":\\"diagnostic\\"}","time":"2026-11-21T08:00:00.000Z","message":"';

/** For every reader. */
export const SHAPES: readonly Shape[] = [
  shape("open braces", '{"a":'),
  shape("open brackets", "["),
  shape("closed brackets", "[]", "[", "]"),
  shape("backslashes", "\\", '{"a":"'),
  shape("escaped characters", "\\u0041", '{"a":"', '"}'),
  shape("one long string", "a", '{"pid":1,"a":"', '"}'),
  shape("one long number", "9", '{"pid":', "}"),
  shape("quotes", '"'),
  shape("spaces", " "),
  shape("spaces in an object", " ", '{"pid":1', "}"),
  shape("line breaks", "\n"),
  shape("NUL", "\u0000"),
  shape("commas", ","),
  shape("one long word", "a"),
  shape("block comments", "/**/", "", "{}"),
  shape("open comments", "/*"),
  shape("line comments", "//\n", "", "{}"),
  shape("the same key again", '"a":1,', "{", '"b":2}'),
  counted("many keys", (n) => `"k${n}":1,`, "{", '"b":2}'),
  counted("many lines that are objects", (n) => `{"v":1,"life":"l${n}","pid":1,"at":1}\n`, "", ""),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the config
  shape("references", "${A}", '{"a":"', '"}'),
  shape("open references", "${", '{"a":"', '"}'),
  shape("escaped references", "$${A}", '{"a":"', '"}'),
  shape("references without an end", "${A", '{"a":"', '"}'),
  shape("prototypes", '"__proto__":{"a":1},', "{", '"b":2}'),
  shape("log: figures", " eventLoopDelayMaxMs=1", `${LOG_HEAD}liveness warning:`, '"}'),
  shape("log: digits", "1", `${LOG_HEAD}liveness heartbeat delayed: overdue=`, '"}'),
  shape("log: lanes", " waitedMs=1", `${LOG_HEAD}lane wait exceeded: lane=`, '"}'),
  shape("log: work", "(processing/model_call,q=1,age=1", `${LOG_HEAD}liveness warning: work=[`, '"}'),
  shape("log: brackets", "(processing", `${LOG_HEAD}liveness warning: work=[`, '"}'),
  shape("log: times", '"time":"', "{"),
  shape("log: lines", `${LOG_HEAD}gateway ready"}\n`),
  shape("journal: one run", `${JSON.stringify({ ...journalLine(1), n: 1 })}\n`),
  counted("journal: many repairs", (n) => `${JSON.stringify(journalLine(n))}\n`, "", ""),
  counted("cron: jobs", (n) => `{"id":"j${n}","payload":{"kind":"agentTurn"}},`, '{"version":1,"jobs":[', "{}]}"),
  counted(
    "profiles",
    (n) => `"p${n}":{"type":"api_key","provider":"p${n % 7}","key":"x"},`,
    '{"profiles":{',
    '"b":2}}',
  ),
  shape("yaml: list in list", "- "),
  shape("yaml: anchors", "&a ", "a: "),
  counted("yaml: keys", (n) => `k${n}: 1\n`, "", ""),
  shape("yaml: comments", "#\n"),
];

function journalLine(n: number): object {
  const ids = { checkId: "vitals/x", fixId: "x", findingId: "0", from: `/nowhere/${n}`, to: `/nowhere/to/${n}` };
  const file = { dev: "1", ino: "1", size: 1, mtimeNs: "1", sha256: "0" };
  return { v: 1, at: "2026-11-21T08:00:00.000Z", run: `run-${n % 100}`, n, ...ids, file, phase: "kept" };
}

/**
 * Measures every shape with one reader.
 * @param folder where files are made
 * @param bytes of the small ones
 */
export async function scale(reader: Reader, folder: string, bytes: number): Promise<Scaled[]> {
  const results: Scaled[] = [];
  for (const one of SHAPES) {
    const dir = mkdtempSync(path.join(folder, "vitals-torture-"));
    const time = async (made: Buffer, times: number): Promise<number> => {
      const began = performance.now();
      for (let n = 0; n < times; n += 1) await reader.read(made, dir);
      return performance.now() - began;
    };
    const least = Math.min(bytes, Math.floor((reader.maxBytes ?? Number.POSITIVE_INFINITY) / 10));
    const [small, large] = [one.make(least), one.make(10 * least)];
    await time(small, 10);
    await time(large, 1);
    const pairs: { readonly ratio: number; readonly ms: number }[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const before = await time(small, 10);
      const ms = await time(large, 1);
      pairs.push({ ratio: ms / Math.max(before, LEAST_MS), ms });
    }
    rmSync(dir, { recursive: true, force: true });
    const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0;
    results.push({
      reader: reader.name,
      shape: one.name,
      ratio: median(pairs.map(({ ratio }) => ratio)),
      ms: median(pairs.map(({ ms }) => ms)),
    });
  }
  return results;
}
