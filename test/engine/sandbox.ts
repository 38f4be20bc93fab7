import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { RepairOptions } from "../../src/engine/repair.ts";
import { isTaken } from "../facts/sandbox.ts";

export const SESSION = "b68174ac-1d06-4f19-a8f7-f055b2fa51af";
/** The checks that look at session locks; others have something of their own to say about a host. */
export const SESSION_LOCK_CHECKS = ["stale-lock", "lock-without-transcript"] as const;
/** Descriptors, start ticks and process titles are read like this on Linux only. */
export const onLinux = process.platform === "linux";
export const asRoot = process.getuid?.() === 0;

/** A lock's payload as a host writes it. */
export interface Payload {
  pid: number;
  createdAt?: string;
  starttime?: number;
  maxHoldMs?: number;
}

export interface PlantOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly payload?: Payload;
  /** Written as it is, instead of a payload. */
  readonly raw?: string | Uint8Array;
  /** Default true. */
  readonly transcript?: boolean;
  /** Sets the lock's times back. */
  readonly ageMs?: number;
  /** Folder of the sessions; default that of the agent in the state dir. */
  readonly dir?: string;
  readonly mode?: number;
}

/** A state dir of its own, removed after the test. */
export interface Sandbox {
  readonly stateDir: string;
  /** Hermetic options: the checks of session locks, a known host version, nothing of the real environment. */
  readonly options: RepairOptions & { readonly stateDir: string };
  sessions(agent?: string): string;
  /** Plants a lock and returns its path. */
  plant(options?: PlantOptions): string;
  writeConfig(config: object): void;
}

/** A temporary folder with a real path, removed after the test. */
export function temporaryFolder(parent = os.tmpdir()): string {
  const dir = realpathSync(mkdtempSync(path.join(parent, "vitals-test-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A state dir in a temporary folder. */
export function makeSandbox(): Sandbox {
  const stateDir = path.join(temporaryFolder(), ".openclaw");
  mkdirSync(path.join(stateDir, "agents"), { recursive: true, mode: 0o700 });
  const sandbox: Sandbox = {
    stateDir,
    // A port nobody listens on: a gateway of the machine's owner on the host's default one is no matter here.
    options: { stateDir, hostVersion: "2026.5.22", env: { OPENCLAW_GATEWAY_PORT: "1" }, only: SESSION_LOCK_CHECKS },
    sessions: (agent = "coder") => path.join(stateDir, "agents", agent, "sessions"),
    plant({ agent, session = SESSION, payload, raw, transcript = true, ageMs, mode = 0o600, dir } = {}) {
      const folder = dir ?? sandbox.sessions(agent);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const file = path.join(folder, `${session}.jsonl.lock`);
      if (transcript) writeFileSync(path.join(folder, `${session}.jsonl`), '{"type":"session"}\n', { mode: 0o600 });
      const text = raw ?? `${JSON.stringify(payload, null, 2)}\n`;
      writeFileSync(file, text, { flag: "wx", mode });
      if (ageMs !== undefined) setAge(file, ageMs);
      return file;
    },
    writeConfig: (config) => writeFileSync(path.join(stateDir, "openclaw.json"), JSON.stringify(config)),
  };
  return sandbox;
}

/** A payload recorded on a real host (test/fixtures), with these fields in place of its own. */
export function recorded(name: string, replace: Partial<Payload>): Payload {
  const file = fileURLToPath(new URL(`../fixtures/${name}.json`, import.meta.url));
  const { starttime, ...rest } = { ...(JSON.parse(readFileSync(file, "utf8")) as Payload), ...replace };
  return starttime === undefined ? rest : { ...rest, starttime };
}

export function setAge(file: string, ageMs: number): void {
  const time = new Date(Date.now() - ageMs);
  utimesSync(file, time, time);
}

/** Field 22 of /proc/<pid>/stat. */
export function startTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
}

/** A process that ran, was killed and collected, as a lock names it. */
export async function killedProcess(): Promise<{ pid: number; starttime?: number }> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e9)"], { stdio: "ignore" });
  await once(child, "spawn");
  const pid = child.pid as number;
  const owner = onLinux ? { pid, starttime: startTicks(pid) } : { pid };
  child.kill("SIGKILL");
  await once(child, "exit");
  return owner;
}

let dead: ReturnType<typeof killedProcess> | undefined;

/** A process that was killed a while ago: the same one again while nobody else has got its number. */
export async function deadProcess(): ReturnType<typeof killedProcess> {
  if (dead === undefined || isTaken((await dead).pid)) dead = killedProcess();
  return await dead;
}

/** The payload of a lock whose owner was killed a while ago. */
export async function deadPayload(fixture = "stale-lock/2026.5.22"): Promise<Payload> {
  const { pid, starttime } = await deadProcess();
  const { starttime: _recorded, ...rest } = recorded(fixture, { pid });
  return starttime === undefined ? rest : { ...rest, starttime };
}

/** A live process that takes locks as a host does, and does what it is told. */
export interface Holder {
  readonly pid: number;
  readonly starttime: number;
  /** When it was ready, by its own clock. */
  readonly readyAt: number;
  /** Creates a lock, exclusively, with the descriptor left open. */
  take(file: string, payload: Payload): Promise<void>;
  /** Closes the descriptor, the file stays. */
  letGo(file: string): Promise<void>;
  kill(): Promise<void>;
}

const HOLDER = `
const fs = require("node:fs");
process.title = process.argv[1];
const open = new Map();
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const [what, file, text] = JSON.parse(line);
  if (what === "take") {
    const fd = fs.openSync(file, "wx", 0o600);
    fs.writeSync(fd, text);
    open.set(file, fd);
  } else {
    fs.closeSync(open.get(file));
    open.delete(file);
  }
  console.log("done");
});
console.log("ready");
`;

/** Starts a process with this title; it ends with the test. */
export async function startHolder(title = "openclaw"): Promise<Holder> {
  const child = spawn(process.execPath, ["-e", HOLDER, title], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const tell = async (...words: readonly string[]): Promise<void> => {
    child.stdin.write(`${JSON.stringify(words)}\n`);
    const { value } = await lines.next();
    if (value !== "done") throw new Error(`the holder ended at ${words.join(" ")}`);
  };
  return {
    pid: child.pid as number,
    starttime: onLinux ? startTicks(child.pid as number) : 0,
    readyAt: Date.now(),
    take: (file, payload) => tell("take", file, `${JSON.stringify(payload, null, 2)}\n`),
    letGo: (file) => tell("close", file),
    kill: () => killChild(child),
  };
}

async function killChild(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** Everything below a folder: path → kind, mode, inode, times and content. Two equal trees: nothing was changed. */
export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const walk = (dir: string): void => {
    for (const name of readdirSync(dir).sort()) {
      const file = path.join(dir, name);
      const stat = lstatSync(file, { bigint: true });
      const content = stat.isFile() ? readFileSync(file).toString("base64") : "";
      tree[path.relative(root, file)] = [stat.mode, stat.ino, stat.mtimeNs, stat.size, content].join(" ");
      if (stat.isDirectory()) walk(file);
    }
  };
  if (existsSync(root)) walk(root);
  return tree;
}

/** What an undo must bring back: the same file with the same content. */
export function identityOf(file: string): { ino: bigint; mode: bigint; mtimeNs: bigint; content: string } {
  const { ino, mode, mtimeNs } = lstatSync(file, { bigint: true });
  return { ino, mode, mtimeNs, content: readFileSync(file).toString("base64") };
}

/** Every file in the quarantine of a state dir. */
export function quarantined(stateDir: string): string[] {
  const root = path.join(stateDir, "vitals", "quarantine");
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name));
}
