/**
 * `npm run torture [-- --json] [-- --seed <n>] [-- --cases <n>] [-- --minutes <n>] [-- --only <part>]…`: a million
 * fuzzed files and lines, texts of shapes that parsers are slow at, a journal that ends at any of its bytes, clocks that
 * jump, and two `fix` loops, a real gateway and `watch` on one state dir for ten minutes. Needs a build. Exit 1 when
 * anything happened that must not. `--reader <name> --case <n>` reads one fuzzed case again.
 */
import { existsSync } from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { HOST_VERSIONS } from "../hosts/harness/hosts.ts";
import { READERS } from "./cases.ts";
import { JUMPS, jumpClocks } from "./clock.ts";
import { contend } from "./contention.ts";
import { cutJournals } from "./cut.ts";
import { fuzz } from "./fuzz.ts";
import { MANY, planMany, readManyKeys, reopenAfterMany } from "./many.ts";
import { MAX_RATIO, type Scaled, scale } from "./scaling.ts";

type Row = Readonly<Record<string, string | number>>;

/** What came of one part: its table, and what must not have happened. */
interface Part {
  readonly rows: readonly Row[];
  readonly problems: readonly string[];
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    cases: { type: "string", default: "1000000" },
    minutes: { type: "string", default: "10" },
    step: { type: "string", default: "1" },
    bytes: { type: "string", default: "50000" },
    jumps: { type: "string", default: String(JUMPS.length) },
    hosts: { type: "string", default: HOST_VERSIONS.join(",") },
    only: { type: "string", multiple: true },
    reader: { type: "string" },
    case: { type: "string" },
  },
});
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const number = (name: "seed" | "cases" | "minutes" | "step" | "bytes" | "jumps" | "case"): number => {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number`);
  return value;
};
const round = (value: number): number => Math.round(value * 10) / 10;

const PARTS: Readonly<Record<string, () => Promise<Part>>> = {
  async fuzz() {
    const seed = number("seed");
    const one = values.case === undefined ? {} : { number: number("case") };
    const only = values.reader === undefined ? {} : { only: { reader: values.reader, ...one } };
    const results = await fuzz({
      cases: number("cases"),
      seed,
      ...only,
      onReader: (name, n) => say(`${name}: ${n} cases`),
    });
    const rows = results.map(({ reader, cases, read, refused, seconds, longest, heapGrowthMiB }) => ({
      reader,
      cases,
      read,
      refused,
      seconds: round(seconds),
      "longest ms": round(longest.ms),
      "at case": longest.number,
      "heap growth MiB": round(heapGrowthMiB),
    }));
    const sum = (of: "cases" | "read" | "refused"): number => results.reduce((total, one) => total + one[of], 0);
    const total = { reader: `all, seed ${seed}`, cases: sum("cases"), read: sum("read"), refused: sum("refused") };
    return { rows: [...rows, total], problems: results.flatMap(({ problems }) => problems) };
  },

  async scaling() {
    const folder = existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
    const problems: string[] = [];
    const rows: Row[] = [];
    for (const reader of READERS) {
      say(`${reader.name}: ten times the bytes`);
      const scaled = await scale(reader, folder, number("bytes"));
      const slow = (one: Scaled): string =>
        `${reader.name}, ${one.shape}: ten times the bytes, ${(one.ratio * 10).toFixed(0)} times the time`;
      problems.push(...scaled.filter(({ ratio }) => ratio > MAX_RATIO).map(slow));
      const worst = scaled.reduce((a, b) => (a.ratio > b.ratio ? a : b));
      rows.push({
        reader: reader.name,
        shapes: scaled.length,
        "worst shape": worst.shape,
        "times slower, of 10": round(worst.ratio * 10),
        ms: round(worst.ms),
      });
    }
    return { rows, problems };
  },

  async many() {
    const rows: Row[] = [];
    const problems: string[] = [];
    for (const [what, act] of Object.entries({
      "locks planned": planMany,
      "keys in a config": async () => readManyKeys(),
      "entries of a run": async () => reopenAfterMany(),
    })) {
      say(`${MANY} ${what}`);
      const began = performance.now();
      await act().catch((error: unknown) => problems.push(`${what}: ${error}`));
      rows.push({ what, count: MANY, seconds: round((performance.now() - began) / 1000) });
    }
    return { rows, problems };
  },

  async cut() {
    const cuts = await cutJournals({ step: number("step"), say });
    const rows = cuts.map(({ way, cuts: count, lines, undone }) => ({ way, cuts: count, lines, "taken back": undone }));
    return { rows, problems: cuts.flatMap(({ problems }) => problems) };
  },

  async clock() {
    const told = await jumpClocks(JUMPS.slice(0, number("jumps")), say);
    const rows = told.map(({ problems: _problems, ...row }) => row);
    return { rows, problems: told.flatMap(({ jump, problems }) => problems.map((one) => `${jump}: ${one}`)) };
  },

  async contention() {
    const rows: Row[] = [];
    const problems: string[] = [];
    // Only the older host has session locks; on the newer one ours are all that is there.
    for (const [nth, host] of HOST_VERSIONS.filter((one) => values.hosts.split(",").includes(one)).entries()) {
      const {
        problems: found,
        moved,
        watchMiB,
        ...row
      } = await contend(host, (number("minutes") * 60) / (nth === 0 ? 1 : 5), say);
      rows.push({ ...row, moved: moved.join(" + "), watchMiB: watchMiB.join(" to ") });
      problems.push(...found.map((one) => `${host}: ${one}`));
    }
    return { rows, problems };
  },
};

/** A table as wide as its widest cells, the first column to the left. */
function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  ");
  return cells.map((row) => `${line(row).trimEnd()}\n`).join("");
}

const chosen = values.reader === undefined ? (values.only ?? Object.keys(PARTS)) : ["fuzz"];
const document: Record<string, Part & { readonly seconds: number }> = {};
for (const name of chosen) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`--only takes ${Object.keys(PARTS).join(", ")}`);
  const began = performance.now();
  document[name] = { ...(await part()), seconds: round((performance.now() - began) / 1000) };
}
const failed = Object.values(document).flatMap(({ problems }) => problems);
const text = Object.entries(document).map(([name, { rows, seconds }]) => `${name}, ${seconds} s\n${table(rows)}\n`);
process.stdout.write(
  values.json
    ? `${JSON.stringify({ seed: number("seed"), ok: failed.length === 0, ...document }, null, 2)}\n`
    : text.join(""),
);
for (const problem of failed) say(`FAILED ${problem}`);
process.exit(failed.length === 0 ? 0 : 1);
