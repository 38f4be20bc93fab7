/** A state dir with things to repair, and what has to be true of them whatever became of its journal. */
import { strict as assert } from "node:assert";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { type RepairOptions, type RepairResult, repair } from "../../src/engine/repair.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { pauses } from "../../src/facts/pauses.ts";

const CONFIG = "{\n  // mine\n  agents: { defaults: { runRetries: { min: 64, max: 160 } } },\n}\n";
const LOCKS = ["a", "b"] as const;
/** Far above every pid that was given out; a lock may name it. */
const DEAD_PID = process.platform === "linux" ? 4_194_303 : 99_998;
/** What `settled` looks for: an undo brings back the same file. */
type Identity = Readonly<Record<"ino" | "mtimeNs" | "text", string>>;

export interface DiskScene {
  readonly stateDir: string;
  readonly journal: string;
  readonly options: RepairOptions & { readonly stateDir: string };
  readonly locks: readonly { readonly file: string; readonly was: Identity }[];
  readonly config: string;
  dispose(): void;
}

export function diskScene(parent: string): DiskScene {
  Object.assign(pauses, { secondLook: 1, release: 1 });
  const root = realpathSync(mkdtempSync(path.join(parent, "vitals-torture-")));
  const stateDir = path.join(root, ".openclaw");
  const sessions = path.join(stateDir, "agents", "main", "sessions");
  mkdirSync(sessions, { recursive: true, mode: 0o700 });
  const config = path.join(stateDir, "openclaw.json");
  writeFileSync(config, CONFIG, { mode: 0o600 });
  const locks = LOCKS.map((name) => {
    const file = path.join(sessions, `${name}.jsonl.lock`);
    writeFileSync(file, JSON.stringify({ pid: DEAD_PID, createdAt: new Date().toISOString(), name }));
    writeFileSync(file.replace(/\.lock$/, ""), "{}\n");
    return { file, was: identityOf(file) };
  });
  const only = ["stale-lock", "lock-without-transcript", "retry-ceiling"];
  // A port nobody listens on: a gateway of the machine's owner is no matter here.
  const options = { stateDir, hostVersion: "2026.5.22", env: { OPENCLAW_GATEWAY_PORT: "1" }, only };
  const dispose = (): void => rmSync(root, { recursive: true, force: true });
  return { stateDir, journal: path.join(stateDir, "vitals", "journal.jsonl"), options, locks, config, dispose };
}

function identityOf(file: string): Identity {
  const { ino, mtimeNs } = lstatSync(file, { bigint: true });
  return { ino: String(ino), mtimeNs: String(mtimeNs), text: readFileSync(file, "utf8") };
}

/** Every file below the state dir with this text. */
function named({ stateDir }: DiskScene, text: string): string[] {
  return readdirSync(stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file, "utf8") === text);
}

/** Nothing is lost: each lock has a name, the old config is in its place or kept. */
export function assertKept(scene: DiskScene): void {
  for (const { file, was } of scene.locks) {
    const names = named(scene, was.text);
    const inodes = new Set(names.map((name) => String(lstatSync(name, { bigint: true }).ino)));
    assert.ok(names.length > 0, `${file} is nowhere`);
    assert.equal(inodes.size, 1, `${file} is there twice`);
  }
  assert.ok(named(scene, CONFIG).length > 0, "the old config is nowhere");
}

/** The next run finds the rest and repairs it. */
export async function assertContinues(scene: DiskScene): Promise<RepairResult> {
  const next = await repair(scene.options);
  assert.ok(next.ok, `the next run leaves ${JSON.stringify(next.remaining.map(({ message }) => message))}`);
  for (const { file, was } of scene.locks) {
    const names = named(scene, was.text);
    assert.ok(names.length === 1 && names[0] !== file, `${file} is in the quarantine, once`);
  }
  assert.notEqual(readFileSync(scene.config, "utf8"), CONFIG);
  return next;
}

/** Takes everything back that the journal knows. @returns how many repairs. */
export function undoAll({ stateDir }: DiskScene): number {
  let restored = 0;
  for (const { run } of history(stateDir))
    for (const { status, path: file, reason } of undoRun(stateDir, run)) {
      assert.equal(status, "restored", `${file}: ${reason}`);
      restored += 1;
    }
  return restored;
}

/** All is as it was before the first run. */
export function assertAsBefore(scene: DiskScene): void {
  for (const { file, was } of scene.locks) assert.deepEqual(identityOf(file), was);
  assert.equal(readFileSync(scene.config, "utf8"), CONFIG);
}

/** Of these, in their place again. */
export function assertBack(scene: DiskScene, files: ReadonlySet<string>): void {
  for (const { file, was } of scene.locks) if (files.has(file)) assert.deepEqual(identityOf(file), was);
}
