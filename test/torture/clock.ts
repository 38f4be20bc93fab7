/**
 * The wall clock is set forwards and backwards between and within runs of the real command. A lock that a live process
 * holds stays whatever the clock says, one of a dead process is removed or reported, and what was done can be told
 * and taken back in the right order.
 */
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { readJournal } from "../../src/engine/journal.ts";
import { exec } from "../hosts/harness/processes.ts";
import { BIN } from "../hosts/harness/vitals.ts";

export interface ClockTold {
  readonly jump: string;
  readonly runs: number;
  readonly liveKept: number;
  readonly deadRemoved: number;
  /** Left where they are, with a reason. */
  readonly deadReported: number;
  readonly undone: number;
  readonly problems: readonly string[];
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
const PRELOAD = new URL("./clock-preload.ts", import.meta.url).href;

/** What the clock is off by in the first run, within it, and in the second run. Milliseconds. */
interface Jump {
  readonly name: string;
  readonly first: string;
  readonly second: string;
}

export const JUMPS: readonly Jump[] = [
  { name: "a day forwards", first: "0", second: String(DAY) },
  { name: "a day backwards", first: String(DAY), second: "0" },
  { name: "an hour backwards within a run", first: `0,${-HOUR}@20`, second: `${-HOUR}` },
  { name: "an hour forwards within a run", first: `0,${HOUR}@20`, second: `${HOUR}` },
  { name: "ten years forwards", first: "0", second: String(10 * YEAR) },
  { name: "ten years backwards", first: "0", second: String(-10 * YEAR) },
  { name: "to before 1970", first: "0", second: String(-70 * YEAR) },
  { name: "before 1970 and back", first: String(-70 * YEAR), second: "0" },
  { name: "past the year 9999", first: "0", second: String(9000 * YEAR) },
  { name: "to and fro at every reading", first: `0,${DAY},${-DAY},${YEAR},${-YEAR},0@3`, second: "0" },
];

/** A live process of a host, which has the files of its locks open. It tells its start in them where it is asked to. */
const HOLDER = `
const fs = require("node:fs");
process.title = "openclaw";
const stat = fs.readFileSync("/proc/self/stat", "utf8");
const starttime = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
for (const [file, createdAt, tellsStart] of JSON.parse(process.argv[1])) {
  const lock = { pid: process.pid, createdAt, maxHoldMs: 1020000, ...(tellsStart ? { starttime } : {}) };
  fs.writeSync(fs.openSync(file, "wx", 0o600), JSON.stringify(lock));
}
console.log("ready");
setInterval(() => {}, 1e9);
`;

/** How old locks say they are, in milliseconds. */
const AGES = {
  "a minute ago": 60_000,
  yesterday: DAY,
  tomorrow: -1.5 * DAY,
  "long ago": 20 * YEAR,
  "in years": -20 * YEAR,
};

/** Lets the clock jump in each of these ways. */
export async function jumpClocks(jumps: readonly Jump[], say: (text: string) => void): Promise<ClockTold[]> {
  const told: ClockTold[] = [];
  for (const jump of jumps) {
    say(jump.name);
    const scene = new ClockScene();
    try {
      told.push(await scene.run(jump));
    } finally {
      scene.dispose();
    }
  }
  return told;
}

class ClockScene {
  readonly #root = realpathSync(mkdtempSync(path.join(os.tmpdir(), "vitals-torture-")));
  readonly #state = path.join(this.#root, ".openclaw");
  readonly #sessions = path.join(this.#state, "agents", "main", "sessions");
  readonly #problems: string[] = [];
  #holder: ChildProcess | undefined;
  #planted = 0;
  #runs = 0;

  dispose(): void {
    this.#holder?.kill("SIGKILL");
    rmSync(this.#root, { recursive: true, force: true });
  }

  async run({ name, first, second }: Jump): Promise<ClockTold> {
    mkdirSync(this.#sessions, { recursive: true, mode: 0o700 });
    writeFileSync(path.join(this.#state, "openclaw.json"), "{}\n", { mode: 0o600 });
    const live = await this.#hold();
    const dead = this.#plantDead("first");
    const runs = [await this.#fix(first, dead)];
    const more = this.#plantDead("second");
    runs.push(await this.#fix(second, more));
    for (const [file, { text, ino }] of live) {
      const kept = existsSync(file) && readFileSync(file, "utf8") === text && inode(file) === ino;
      if (!kept) this.#fail(`${file} is held by a live process and is not in its place`);
    }
    const undone = await this.#takeBack(runs, second);
    const removed = runs.flatMap((one) => one.removed);
    return {
      jump: name,
      runs: this.#runs,
      liveKept: live.size,
      deadRemoved: removed.length,
      deadReported: dead.length + more.length - removed.length,
      undone,
      problems: this.#problems,
    };
  }

  #fail(problem: string): void {
    this.#problems.push(problem.slice(0, 1_500));
  }

  /** Locks of one live process, of all ages, with its start in them and without. */
  async #hold(): Promise<Map<string, { text: string; ino: bigint }>> {
    const locks = Object.keys(AGES).flatMap((age) =>
      [true, false].map((tellsStart) => {
        const file = path.join(this.#sessions, `live ${age}${tellsStart ? "" : " without start"}.jsonl.lock`);
        return { age, file, order: [file, madeAt(age), tellsStart] };
      }),
    );
    const args = ["-e", HOLDER, JSON.stringify(locks.map(({ order }) => order))];
    const holder = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#holder = holder;
    await once(holder.stdout, "data");
    const held = new Map<string, { text: string; ino: bigint }>();
    for (const { age, file } of locks) {
      setTimes(file, age);
      held.set(file, { text: readFileSync(file, "utf8"), ino: inode(file) });
    }
    return held;
  }

  /** Locks of processes that are dead, and one without a payload, of all ages. */
  #plantDead(group: string): string[] {
    return Object.keys(AGES).flatMap((age) =>
      ["dead", "empty"].map((kind) => {
        const file = path.join(this.#sessions, `${group} ${kind} ${age}.jsonl.lock`);
        this.#planted += 1;
        const { pid } = spawnSync("/bin/true");
        const lock = { pid, createdAt: madeAt(age), maxHoldMs: 1_020_000, planted: this.#planted };
        writeFileSync(file, kind === "dead" ? JSON.stringify(lock) : "", { flag: "wx", mode: 0o600 });
        writeFileSync(file.replace(/\.lock$/, ""), "{}\n");
        setTimes(file, age);
        return file;
      }),
    );
  }

  async #vitals(clock: string, args: readonly string[]): Promise<Record<string, unknown>> {
    this.#runs += 1;
    const env = {
      PATH: process.env["PATH"],
      HOME: this.#root,
      OPENCLAW_GATEWAY_PORT: "1",
      TZ: "Europe/Berlin",
      VITALS_CLOCK: clock,
    };
    const node = ["--no-warnings", "--import", PRELOAD, BIN, ...args, "--json", "--state-dir", this.#state];
    const { code, stdout, stderr } = await exec(process.execPath, node, { env, timeoutMs: 120_000 });
    if (code !== 0 && code !== 1) this.#fail(`${args.join(" ")} with ${clock}: exit ${code} ${stdout} ${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** Each of these locks is removed, or there is a finding about it that says why it is not. */
  async #fix(
    clock: string,
    dead: readonly string[],
  ): Promise<{ readonly run: string; readonly removed: readonly string[] }> {
    const only = ["--only", "stale-lock", "--only", "lock-without-transcript", "--host-version", "2026.5.22"];
    const done = await this.#vitals(clock, ["fix", "--non-interactive", ...only]);
    const removed = dead.filter((file) => !existsSync(file));
    const remaining = (done["remaining"] ?? []) as { path?: string; verdict?: string; message: string }[];
    for (const file of dead) {
      const finding = remaining.find((one) => one.path === file);
      if (existsSync(file) && finding === undefined)
        this.#fail(`clock ${clock}: nothing is said of ${path.basename(file)}`);
    }
    for (const { path: file = "", verdict, message } of remaining)
      if (path.basename(file).startsWith("live ") && /^(?:gone|leaked|residue|overdue)$/.test(verdict ?? ""))
        this.#fail(`clock ${clock}: ${path.basename(file)} is called ${verdict}: ${message}`);
    return { run: String(done["run"]), removed };
  }

  /** Runs are told in the order in which they were made, and taken back in the other. */
  async #takeBack(
    runs: readonly { readonly run: string; readonly removed: readonly string[] }[],
    clock: string,
  ): Promise<number> {
    const { runs: told } = (await this.#vitals(clock, ["history"])) as { runs: { run: string }[] };
    const names = told.map(({ run }) => run);
    const made = runs.map(({ run }) => run);
    assert.equal(new Set(made).size, made.length);
    if (JSON.stringify(names) !== JSON.stringify(made.toReversed()))
      this.#fail(`history tells ${names}, the last is ${made.at(-1)}`);
    for (const { n, run } of readJournal(this.#state))
      if (!(n > 0) || !made.includes(run)) this.#fail(`entry ${n} of run ${run}`);
    let undone = 0;
    for (const { run, removed } of runs.toReversed()) {
      const came = await this.#vitals(clock, ["undo"]);
      if (came["run"] !== run) this.#fail(`undo took back ${came["run"]}, the last one is ${run}`);
      for (const file of removed) if (!existsSync(file)) this.#fail(`${path.basename(file)} did not come back`);
      undone += removed.length;
    }
    return undone;
  }
}

function madeAt(age: string): string {
  return new Date(Date.now() - AGES[age as keyof typeof AGES]).toISOString();
}

function setTimes(file: string, age: string): void {
  const time = new Date(Date.now() - AGES[age as keyof typeof AGES]);
  utimesSync(file, time, time);
}

function inode(file: string): bigint {
  return statSync(file, { bigint: true }).ino;
}
