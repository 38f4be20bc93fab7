/** Readers that take a file: it is written to memory, so that each costs little. */
import { strict as assert } from "node:assert";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { UserError } from "../../src/engine/errors.ts";
import { readJournal } from "../../src/engine/journal.ts";
import type { JournalEntry } from "../../src/engine/journal-entry.ts";
import { cooldownLeft } from "../../src/engine/restart-kind.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { readConfigGraph } from "../../src/facts/config-graph.ts";
import { readCronJobs } from "../../src/facts/cron-jobs.ts";
import { linesFromEnd } from "../../src/facts/file-tail.ts";
import { readGatewayLog } from "../../src/facts/gateway-log.ts";
import { renderHistory } from "../../src/report/human.ts";
import { assertSound, fixtures, put, type Reader } from "./reader.ts";

// ---- configs with their includes

/** Paths that checks ask for. */
const PATHS = [
  [],
  ["agents"],
  ["agents", "defaults", "runRetries", "max"],
  ["agents", "list", 0],
  ["a"],
  ["__proto__"],
];

const configFile: Reader = {
  name: "config file",
  share: 30,
  samples: fixtures("config", /\.json5?$/),
  made: fc.jsonValue({ maxDepth: 2 }).map((value) => {
    const text = JSON.stringify({ a: value }); // which knows no minus zero
    const dropped = (key: string, one: unknown): unknown => (key === "__proto__" ? undefined : one);
    return { text, says: JSON.parse(text, dropped) as unknown };
  }),
  read(bytes, dir) {
    put(path.join(dir, "config", "self.json"), '{ $include: "./openclaw.json", b: [1] }');
    const file = put(path.join(dir, "config", "openclaw.json"), bytes);
    const graph = readConfigGraph(file, { HOME: dir });
    assertSound(graph.raw, { finite: false });
    assertSound(graph.value, { finite: false });
    assert.ok(graph.exists && !Object.hasOwn(graph.value, "__proto__"));
    for (const steps of PATHS) {
      const owner = graph.ownerOf(steps);
      const place = graph.placeFor(steps);
      if (owner !== null) assert.ok(owner.line > 0 && owner.column > 0 && place !== null);
    }
    if (graph.problem === null) return { says: graph.raw };
    assert.ok(graph.problem.message !== "" && graph.problem.remedy !== "");
    return null;
  },
};

// ---- logs

const logFile: Reader = {
  name: "log file",
  share: 30,
  samples: fixtures("gateway-log").map((file) => file.subarray(0, 30_000)),
  made: fc.array(fc.nat({ max: 1e6 }), { maxLength: 20 }).map((all) => ({
    text: all.map((ms) => `${logLineOf(ms)}\n`).join(""),
    says: [...new Set(all)].sort((a, b) => a - b),
  })),
  read(bytes, dir) {
    const file = put(path.join(dir, "openclaw.log"), bytes);
    const all = [...linesFromEnd(file, { left: 1e9 })];
    for (const line of all) assert.ok(line !== "" && line.length <= 65_536 && !line.includes("\n"));
    const budget = { left: Math.floor(bytes.length / 2) };
    const half = [...linesFromEnd(file, budget)];
    assert.ok(
      budget.left >= 0 &&
        half.length <= all.length &&
        half.every((line, n) => n === half.length - 1 || line === all[n]),
    );
    const log = readGatewayLog({ files: [file], shared: false }, 0);
    assertSound(log);
    for (const [n, { atMs }] of log.events.entries()) assert.ok(n === 0 || atMs >= (log.events[n - 1]?.atMs ?? 0));
    return { says: log.events.map((event) => ("overdueMs" in event ? event.overdueMs : event.kind)).sort(byNumber) };
  },
};

function logLineOf(ms: number): string {
  const text = `liveness heartbeat delayed: overdue=${ms}ms`;
  return JSON.stringify({ 0: '{"subsystem":"diagnostic"}', 1: text, time: "2026-11-21T08:00:00.000Z", message: text });
}

function byNumber(a: unknown, b: unknown): number {
  return Number(a) - Number(b);
}

// ---- journals

/** Stands for the state dir of the case. */
const STATE = "/STATE";
const hash = "ab".repeat(32);
const file = { dev: "1", ino: "2", size: 3, mtimeNs: "4", sha256: hash };
const entryBase = fc.record({
  run: fc.constantFrom("20261121T120000Z-aaaaaa", "20261121T120001Z-bbbbbb", "__proto__"),
  n: fc.integer({ min: 1, max: 3 }),
  from: fc.constantFrom(`${STATE}/agents/a/sessions/s.jsonl.lock`, `${STATE}/openclaw.json`),
  to: fc.constantFrom(`${STATE}/vitals/quarantine/r/1-s.jsonl.lock`, `${STATE}/vitals/quarantine/r/2-openclaw.json`),
});
const ids = { v: 1, at: "2026-11-21T12:00:00.000Z", checkId: "vitals/stale-lock", fixId: "stale-lock", findingId: "0" };
const move = fc
  .tuple(entryBase, fc.constantFrom("intent", "moved", "kept", "stuck", "undone"))
  .map(([base, phase]) => ({ ...ids, ...base, file, phase }));
const change = fc
  .tuple(
    entryBase,
    fc.constantFrom("intent", "done", "kept", "undone"),
    fc.constantFrom("config", "row", "restart", "cron"),
  )
  .map(([base, phase, kind]) => ({ ...ids, ...base, kind, phase, detail: { path: "a.b", before: hash, after: hash } }));
const entries = fc.array(fc.oneof(move, move, change), { maxLength: 8 });
const linesOf = (all: readonly object[]): string => all.map((one) => `${JSON.stringify(one)}\n`).join("");

const journal: Reader = {
  name: "journal",
  share: 45,
  samples: fc.sample(entries, { seed: 2, numRuns: 30 }).map((all) => Buffer.from(linesOf(all))),
  made: fc.tuple(entries, fc.nat({ max: 200 })).map(([all, torn]) => {
    // A writer that died within a line spoils no other.
    const cut = JSON.stringify({ ...ids, run: "torn", n: 1 }).slice(0, torn);
    return {
      text: `${linesOf(all)}${cut === "" ? "" : `${cut}\n`}${linesOf(all.slice(0, 1))}`,
      // A run is named by a word that can stand in a file name.
      says: [...all, ...all.slice(0, 1)].filter(({ run }) => /^\d/.test(run)),
    };
  }),
  read(bytes, dir) {
    const stateDir = path.join(dir, "state");
    for (const name of ["vitals", "agents"]) rmSync(path.join(stateDir, name), { recursive: true, force: true });
    const text = bytes.toString("latin1").replaceAll(STATE, stateDir);
    put(path.join(stateDir, "vitals", "journal.jsonl"), Buffer.from(text, "latin1"));
    put(path.join(stateDir, "vitals", "quarantine", "r", "1-s.jsonl.lock"), "{}");
    mkdirSync(path.join(stateDir, "agents", "a", "sessions"), { recursive: true });
    const read = readJournal(stateDir);
    assertSound(read, { finite: false }); // figures that no file has fit no file
    const runs = history(stateDir);
    assert.deepEqual(new Set(runs.map(({ run }) => run)), new Set(read.map(({ run }) => run)));
    assert.equal(typeof renderHistory(runs, stateDir, (_style, text) => text), "string");
    JSON.stringify(runs);
    assert.ok(cooldownLeft(read, 10) >= 0);
    if (read.length > 0 && read.every((entry) => isWithin(stateDir, entry)))
      for (const { run } of runs) allowed(() => undoRun(stateDir, run));
    return { says: JSON.parse(JSON.stringify(read).replaceAll(stateDir, STATE)) };
  },
};

/** What an undo may touch here is the folder of the case and nothing else. */
function isWithin(stateDir: string, { from, to }: JournalEntry): boolean {
  return [from, to].every((one) => path.resolve(one).startsWith(`${stateDir}${path.sep}`));
}

function allowed(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

// ---- cron stores

const job = fc.record({
  // One that begins as a flag does is none.
  id: fc.stringMatching(/^[\w.:][\w.:-]{0,39}$/),
  enabled: fc.boolean(),
  seconds: fc.option(fc.nat()),
});

const cronStore: Reader = {
  name: "cron store",
  share: 40,
  samples: fixtures("unbounded-timeout", /json$/),
  made: fc.array(job, { maxLength: 6 }).map((all) => ({
    text: JSON.stringify({
      version: 1,
      jobs: all.map(({ id, enabled, seconds }) => ({
        id,
        enabled,
        payload: { kind: "agentTurn", ...(seconds === null ? {} : { timeoutSeconds: seconds }) },
      })),
    }),
    says: all.map(({ id, enabled, seconds }) => ({ id, enabled, kind: "agentTurn", timeoutSeconds: seconds })),
  })),
  async read(bytes, dir) {
    const store = put(path.join(dir, "cron.json"), bytes);
    const { jobs, problems } = await readCronJobs({ stateDir: path.join(dir, "none"), store });
    assertSound(jobs);
    for (const { id, kind } of jobs) assert.ok(/^[\w.:-]{1,200}$/.test(id) && typeof kind === "string");
    return problems.length === 0 ? { says: jobs } : null;
  },
};

export const FILE_READERS: readonly Reader[] = [configFile, logFile, journal, cronStore];
