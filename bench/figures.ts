/** The figures this project promises, each measured against something beside it in the same run. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { median } from "../src/engine/baseline-statistics.ts";
import { packageFile } from "../src/package.ts";
import { createHome, type Home } from "../test/hosts/harness/home.ts";
import { ensureHost } from "../test/hosts/harness/hosts.ts";
import { setPluginEnabled } from "../test/hosts/harness/install.ts";
import { deadPid, plantLock } from "../test/hosts/harness/plant.ts";
import { withPlugin } from "../test/hosts/harness/vitals.ts";
import { compare, type Figure, type Program, timed } from "./paired.ts";
import { type BenchState, benchFolder, makeState, type StateShape } from "./states.ts";

const BIN = packageFile("dist/src/cli/bin.js");
const LOCK_CHECKS = ["--only", "stale-lock", "--only", "lock-without-transcript"];
const PEAK_RUNS = 3;
const MB = 1_048_576;

const program = (name: string): string => packageFile(`bench/programs/${name}.mjs`);
const lockCheck = ({ args, renew }: BenchState): Program => ({
  args: [BIN, "check", "--json", ...LOCK_CHECKS, ...args],
  prepare: renew,
});
const nothing: Program = { args: ["-e", "0"] };

/** A figure of its own kind, not of times. */
export interface Amount {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: number;
  readonly holds?: boolean;
}

export interface Measured {
  readonly figures: readonly Figure[];
  readonly amounts?: readonly Amount[];
}

/** What a run before each agent command costs. */
export async function startUp(pairs: number): Promise<Measured> {
  const state = await makeState({ sessions: 1_000, locks: 20, agents: 4, dead: "half" });
  try {
    const about = { subject: "check of 1,000 sessions with 20 locks", reference: "node -e 0" };
    return { figures: [await compare({ name: "start-up", ...about, limit: 2 }, lockCheck(state), nothing, pairs)] };
  } finally {
    state.dispose();
  }
}

/** How the cost grows with the number of locks, in time and memory. */
export async function scale(pairs: number): Promise<Measured> {
  const figures: Figure[] = [];
  let peak = 0;
  for (const locks of [1_000, 10_000, 100_000]) {
    const state = await makeState({ sessions: locks, locks, agents: 200, dead: "half" });
    try {
      const name = `scale: ${locks.toLocaleString("en")} locks`;
      const about = { name, subject: "check, half of them dead", reference: "a program that lists and reads them" };
      const reference = { args: [program("list-and-read"), state.dir] };
      const limit = locks < 10_000 ? {} : { limit: 1.5 };
      figures.push(await compare({ ...about, ...limit }, lockCheck(state), reference, pairs));
      peak = await peakMemory(lockCheck(state));
    } finally {
      state.dispose();
    }
  }
  const steps = figures.slice(1).map((figure, n): Amount => {
    const value = figure.subjectMs.median / (figures[n]?.subjectMs.median ?? 0);
    return { name: `${figure.name} against a tenth of them`, value, unit: "×", limit: 11, holds: value <= 11 };
  });
  const value = peak / MB;
  return {
    figures,
    amounts: [...steps, { name: "peak memory of 100,000 locks", value, unit: "MB", limit: 150, holds: value <= 150 }],
  };
}

/** The most memory a program had, in bytes: the middle of some runs. */
async function peakMemory(of: Program): Promise<number> {
  const folder = benchFolder();
  const file = path.join(folder, "peak");
  const peaks: number[] = [];
  try {
    for (let run = 0; run < PEAK_RUNS; run += 1) {
      const env = { PATH: process.env["PATH"], VITALS_BENCH_PEAK: file };
      await timed({ ...of, args: ["--import", program("peak-memory"), ...of.args], env });
      peaks.push(Number(readFileSync(file, "utf8")));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return median(peaks);
}

/** What it costs to move a lock so that nothing can be lost, against to move it. */
export async function repair(pairs: number): Promise<Measured> {
  const shape: StateShape = { sessions: 1_000, locks: 1_000, agents: 5, dead: "all" };
  // On a disk: in memory a sync costs nothing.
  const root = (): string => mkdtempSync(path.join(realpathSync(os.tmpdir()), "vitals-bench-"));
  const onFresh = (args: (state: BenchState) => readonly string[]): Program & { dispose(): void } => {
    let state: BenchState | undefined;
    const current: string[] = [];
    return {
      args: current,
      async prepare() {
        state?.dispose();
        state = await makeState(shape, root());
        current.splice(0, current.length, ...args(state));
      },
      dispose: () => state?.dispose(),
    };
  };
  const subject = onFresh((state) => [BIN, "fix", "--json", "--non-interactive", ...LOCK_CHECKS, ...state.args]);
  const reference = onFresh((state) => [program("rename-and-sync"), state.dir]);
  try {
    const about = { subject: "fix of 1,000 dead locks", reference: "a rename and a sync for each" };
    const figure = await compare({ name: "repair", ...about, limit: 2.5 }, subject, reference, pairs);
    return { figures: [figure, await afterMany(pairs)] };
  } finally {
    subject.dispose();
    reference.dispose();
  }
}

/** What was repaired stays in the journal as long as it can be undone; it must not weigh on the next repair. */
async function afterMany(pairs: number): Promise<Figure> {
  const after = async (locks: number) => await makeState({ sessions: 1_000, locks, agents: 5, dead: "all" });
  const [many, none] = await Promise.all([after(1_000), after(0)]);
  const fix = (state: BenchState): Program => ({
    args: [BIN, "fix", "--json", "--non-interactive", ...LOCK_CHECKS, ...state.args],
    prepare: state.plant,
  });
  try {
    await timed(fix(many));
    const about = { subject: "fix of one lock after 1,000 others", reference: "as the first one" };
    return await compare({ name: "repair after many", ...about }, fix(many), fix(none), pairs);
  } finally {
    many.dispose();
    none.dispose();
  }
}

/** Our repair against the host's own doctor, and what we add to that one. */
export async function doctor(pairs: number): Promise<Measured> {
  const host = await ensureHost("2026.5.22");
  const install = async (): Promise<Home> => await withPlugin(await createHome(host, { config: WITH_CHANNEL }));
  const [on, off] = await Promise.all([install(), install()]);
  try {
    await setPluginEnabled(off, false);
    const figures = [
      await compare(
        { name: "against the built-in", subject: "fix", reference: "openclaw doctor --fix", limit: 1 / 30 },
        { args: [BIN, "fix", "--json", "--non-interactive", "--state-dir", off.stateDir], prepare: () => plant(off) },
        hostDoctor(off),
        pairs,
      ),
      await compare(
        { name: "our share", subject: "doctor --fix with us", reference: "doctor --fix without us", limit: 1.03 },
        hostDoctor(on),
        hostDoctor(off),
        pairs * 2 + 1, // they differ less than runs of one of them do
      ),
    ];
    return { figures };
  } finally {
    await Promise.all([on.dispose(), off.dispose()]);
  }
}

/**
 * Of channels and enabled plugins the doctor makes sure that they are installed, which takes it some time as soon as there
 * is one. Whoever talks to an agent has a channel; without it the host's time for the first plugin would count as ours.
 */
const WITH_CHANNEL = { channels: { telegram: { enabled: true, botToken: "1:bench" } } };

function hostDoctor(home: Home): Program {
  const args = [home.host.entry, "doctor", "--fix", "--non-interactive"];
  return { args, env: home.env, prepare: () => plant(home) };
}

/** Locks of a dead process, as before each run. */
async function plant(home: Home): Promise<void> {
  const pid = await deadPid();
  for (let n = 0; n < 20; n += 1) {
    const lock = {
      sessionId: `bench-${n}`,
      payload: { pid, createdAt: new Date(Date.now() - 3_600_000).toISOString() },
    };
    await plantLock(home, { ...lock, transcript: true, ageMs: 3_600_000 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error; // the run before left it, as one that only looks does
    });
  }
}

/** A gateway's log is read from its end, however long it is. */
export async function longLog(pairs: number): Promise<Measured> {
  const state = await makeState(
    { sessions: 1, locks: 0, agents: 1, dead: "all" },
    mkdtempSync(path.join(realpathSync(os.tmpdir()), "vitals-bench-")),
  );
  try {
    const part = logPart();
    const [short, long] = [await writeLog(state, "short", part, 1), await writeLog(state, "long", part, 103)];
    const look = (config: string): Program => ({
      args: [BIN, "check", "--json", "--only", "event-loop-delay", "--only", "rss-growth"].concat(
        ["--state-dir", state.dir],
        ["--config", config],
      ),
    });
    const about = { subject: "check beside a log of 1 GiB", reference: "beside one of 10 MiB" };
    return { figures: [await compare({ name: "long log", ...about, limit: 1.2 }, look(long), look(short), pairs)] };
  } finally {
    state.dispose();
  }
}

/** 10 MiB of a real gateway's lines, the last ones written just now. */
function logPart(): string {
  const lines = readFileSync(packageFile("test/fixtures/gateway-log/openclaw-5.22.jsonl"), "utf8").trim().split("\n");
  const many = Array.from({ length: Math.ceil((10 * MB) / lines.join("\n").length) }, () => lines).flat();
  const start = Date.now() - many.length * 100;
  return `${many.map((line, n) => line.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, new Date(start + n * 100).toISOString())).join("\n")}\n`;
}

/** @returns a config that names this log. */
async function writeLog(state: BenchState, name: string, part: string, times: number): Promise<string> {
  const log = path.join(state.dir, "logs", `${name}.log`);
  mkdirSync(path.dirname(log), { recursive: true });
  const file = await open(log, "w");
  for (let time = 0; time < times; time += 1) await file.write(part);
  await file.close();
  if (times > 1 && statSync(log).size < 2 ** 30) throw new Error(`${log} is shorter than 1 GiB`);
  const config = path.join(state.dir, `${name}.json`);
  writeFileSync(config, JSON.stringify({ meta: { lastTouchedVersion: "2026.5.22" }, logging: { file: log } }));
  return config;
}
