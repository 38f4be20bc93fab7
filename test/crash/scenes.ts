/** The situations in which our process is killed, and what starts it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished } from "vitest";
import {
  deadPayload,
  type Holder,
  identityOf,
  makeSandbox,
  type Payload,
  quarantined,
  type Sandbox,
  startHolder,
  temporaryFolder,
} from "../engine/sandbox.ts";
import type { Order } from "./agent.ts";

const AGENT = fileURLToPath(new URL("./agent.ts", import.meta.url));
/** What processes that take the lock anew write. Their owner is alive: this very process. */
export const NEWER = JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString() });
export const NEWEST = `${NEWER}\n`;

/** What the scenes of one test share: a dead owner, and a live one that holds a lock in each. */
export interface Cast {
  readonly dead: Payload;
  readonly holder: Holder;
  /** Where the agents keep their compiled modules: they are started hundreds of times. */
  readonly cache: string;
}

export interface Scene {
  readonly sandbox: Sandbox;
  /** Place of the dead owner's lock. */
  readonly file: string;
  /** The lock that an undo brings back there. */
  readonly before: ReturnType<typeof identityOf>;
  /** Held by a live process all the time. */
  readonly live: string;
  readonly liveBefore: ReturnType<typeof identityOf>;
  readonly order: Omit<Order, "steps" | "kill">;
  /** Inodes of the locks that took its place before the agent starts. */
  readonly made: readonly string[];
  /** Content of a lock that another run keeps in the quarantine. */
  readonly kept?: string;
  /** Lines of the journal that were torn before. */
  readonly torn: number;
  readonly cache: Cast["cache"];
}

export interface Scenario {
  readonly name: string;
  /** The file system knows no hard links: a kill between copy and removal leaves both. */
  readonly copies?: boolean;
  set(cast: Cast): Promise<Scene>;
}

export interface Killed {
  /** Changes it came to; the last one was not made, or half of it. */
  readonly steps: string[];
  /** Inodes of the locks that took the place of ours, in their order. */
  readonly made: string[];
}

export async function castOf(): Promise<Cast> {
  return { dead: await deadPayload(), holder: await startHolder(), cache: temporaryFolder() };
}

async function removal({ dead, holder, cache }: Cast, parent?: string): Promise<Scene> {
  const sandbox = makeSandbox();
  const dir = parent === undefined ? sandbox.sessions() : path.join(temporaryFolder(parent), "coder");
  if (parent !== undefined)
    sandbox.writeConfig({ session: { store: path.join(path.dirname(dir), "{agentId}", "sessions.json") } });
  const file = sandbox.plant({ payload: dead, dir });
  const live = path.join(dir, "live.jsonl.lock");
  const createdAt = new Date().toISOString();
  await holder.take(live, { pid: holder.pid, starttime: holder.starttime, createdAt, maxHoldMs: 1_020_000 });
  return {
    sandbox,
    file,
    before: identityOf(file),
    live,
    liveBefore: identityOf(live),
    order: { act: "repair", stateDir: sandbox.stateDir },
    made: [],
    torn: 0,
    cache,
  };
}

/** The lock is taken anew right before the move: a live lock is moved by mistake. */
async function taken(cast: Cast, { at = "move", parent = "" } = {}): Promise<Scene> {
  const made = await removal(cast, ...(parent === "" ? [] : [parent]));
  return { ...made, order: { ...made.order, make: { [at]: { path: made.file, content: NEWER } } } };
}

/** And once more before the first one is back. */
async function takenTwice(cast: Cast): Promise<Scene> {
  const made = await taken(cast);
  const make = { ...made.order.make, "link back": { path: made.file, content: NEWEST } };
  return { ...made, order: { ...made.order, make } };
}

async function removed(cast: Cast): Promise<Scene> {
  const made = await removal(cast);
  await repairAnew(made);
  expect(existsSync(made.file)).toBe(false);
  return { ...made, order: { ...made.order, act: "undo" } };
}

/** A live lock was moved by mistake, and its place was taken until now. */
async function stuck(cast: Cast): Promise<Scene> {
  const made = await takenTwice(cast);
  await run(made);
  rmSync(made.file);
  const [kept = ""] = quarantined(made.sandbox.stateDir);
  return { ...made, before: identityOf(kept), order: { act: "undo", stateDir: made.sandbox.stateDir } };
}

/** The agent was killed after this hook; the next process finds what it left. */
async function interrupted(made: Scene, at: string, act: Order["act"], torn = false): Promise<Scene> {
  const { made: inodes } = await run(made, { at, torn });
  const { make: _make, ...order } = made.order;
  return { ...made, order: { ...order, act }, made: inodes, torn: torn ? 1 : 0 };
}

/** The journal is full: a segment of it holds a repair that can be undone, another nothing that anybody needs. */
async function fullJournal(cast: Cast): Promise<Scene> {
  const made = await removal(cast);
  const aside = `${made.file}.aside`;
  renameSync(made.file, aside);
  const other = made.sandbox.plant({
    session: "other",
    raw: `${JSON.stringify(cast.dead)} `,
    dir: path.dirname(made.file),
  });
  const kept = readFileSync(other, "utf8");
  await repairAnew(made);
  expect(existsSync(other)).toBe(false);
  renameSync(aside, made.file);
  const segment = (name: string): string => path.join(made.sandbox.stateDir, "vitals", name);
  const line = readFileSync(segment("journal.jsonl"), "utf8").split("\n")[0] ?? "";
  const past = (run: string): string =>
    `${JSON.stringify({ ...JSON.parse(line), run, to: "/nowhere", phase: "undone", reason: "x".repeat(4096) })}\n`;
  renameSync(segment("journal.jsonl"), segment("journal.2-00000000.jsonl"));
  writeFileSync(segment("journal.1-00000000.jsonl"), past("first"));
  writeFileSync(segment("journal.jsonl"), past("second").repeat(256));
  expect(statSync(segment("journal.jsonl")).size).toBeGreaterThan(1_048_576);
  return { ...made, kept };
}

export const scenarios: readonly Scenario[] = [
  { name: "removal", set: removal },
  { name: "removal while another process takes the lock anew", set: (cast) => taken(cast) },
  { name: "removal while two others take the lock anew", set: takenTwice },
  {
    name: "removal while another process takes the lock anew, without hard links",
    copies: true,
    async set(cast) {
      const made = await taken(cast);
      return { ...made, order: { ...made.order, refuse: ["linkSync"] } };
    },
  },
  { name: "removal with a full journal", set: fullJournal },
  { name: "undo", set: removed },
  { name: "undo of a live lock that was kept", set: stuck },
  {
    name: "repair after a removal that was killed before its last line",
    set: async (cast) => interrupted(await removal(cast), "journal moved", "repair"),
  },
  {
    name: "repair after a removal that was killed within its last line",
    set: async (cast) => interrupted(await removal(cast), "journal moved", "repair", true),
  },
  {
    name: "repair after a removal that was killed with a live lock in the quarantine",
    set: async (cast) => interrupted(await taken(cast), "verify", "repair"),
  },
  {
    name: "repair after a removal that was killed with a live lock in the quarantine and another in its place",
    set: async (cast) => interrupted(await takenTwice(cast), "link back", "repair"),
  },
  {
    name: "repair after an undo that was killed",
    set: async (cast) => interrupted(await removed(cast), "drop the second name", "repair"),
  },
  {
    name: "undo after an undo that was killed",
    set: async (cast) => interrupted(await removed(cast), "drop the second name", "undo"),
  },
  { name: "removal on another file system", set: (cast) => removal(cast, otherDisk()) },
  {
    name: "removal on another file system while another process takes the lock anew",
    set: (cast) => taken(cast, { at: "move beside", parent: otherDisk() }),
  },
];

/** A folder on another file system than the state dirs. */
function otherDisk(): string {
  const dev = (folder: string): number | undefined => statSync(folder, { throwIfNoEntry: false })?.dev;
  const found = ["/dev/shm", "/tmp", "/var/tmp"].find((folder) => ![undefined, dev(os.tmpdir())].includes(dev(folder)));
  if (found === undefined)
    throw new Error("TMPDIR, /dev/shm, /tmp and /var/tmp are one file system: point TMPDIR elsewhere");
  return found;
}

/** A repair in a process of its own, which knows nothing of the processes and files of the scene before. */
export async function repairAnew(made: Scene): Promise<void> {
  await run({ ...made, order: { act: "repair", stateDir: made.sandbox.stateDir } });
}

/** Runs the agent to its end, or until it kills itself. */
export async function run({ order, cache }: Pick<Scene, "order" | "cache">, kill?: Order["kill"]): Promise<Killed> {
  const steps = path.join(temporaryFolder(), "steps");
  writeFileSync(steps, ""); // a run may find nothing to do
  const full: Order = { ...order, steps, ...(kill === undefined ? {} : { kill }) };
  const child = spawn(process.execPath, ["--no-warnings", AGENT], {
    env: { ...process.env, NODE_COMPILE_CACHE: cache, VITALS_ORDER: JSON.stringify(full) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect(kill === undefined ? code : signal).toBe(kill === undefined ? 0 : "SIGKILL");
  const lines = readFileSync(steps, "utf8").split("\n").filter(Boolean);
  return {
    steps: lines.filter((line) => !line.startsWith("made ")),
    made: lines.flatMap((line) => (line.startsWith("made ") ? [line.slice("made ".length)] : [])),
  };
}
