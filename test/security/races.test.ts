/**
 * A folder or a file becomes a link out of the state dir while we are at work: right before each call that we make. What
 * lies outside stays as it is.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { saveBaseline } from "../../src/engine/baseline-store.ts";
import { writeConfig } from "../../src/engine/config-write.ts";
import { newRunId, openQuarantine } from "../../src/engine/quarantine.ts";
import { readStoredFile } from "../../src/engine/replace-file.ts";
import { runToUndo, undoRun } from "../../src/engine/undo.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { readRegularFile } from "../../src/facts/regular-file.ts";
import { onLinux, temporaryFolder } from "../engine/sandbox.ts";
import { inventory } from "../facts/sandbox.ts";
import { mkfifo } from "./hostile-state.ts";

/** What happens before the call of this number. */
const plan = vi.hoisted(() => ({ at: null as number | null, calls: 0, swap: () => {} }));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof import("node:fs")>();
  const wrap = (real: (...args: unknown[]) => unknown) =>
    Object.assign((...args: unknown[]): unknown => {
      if (plan.at !== null && plan.calls++ === plan.at) {
        const { at } = plan;
        plan.at = null;
        plan.swap();
        plan.at = at;
      }
      return real(...args);
    }, real);
  const wrapped = Object.entries(fs).flatMap(([name, value]) =>
    typeof value === "function" && name.endsWith("Sync")
      ? [[name, wrap(value as (...args: unknown[]) => unknown)]]
      : [],
  );
  return { ...fs, ...Object.fromEntries(wrapped) };
});

afterEach(() => {
  plan.at = null;
});

const DEAD = '{"pid":4194303,"createdAt":"2026-01-01T00:00:00.000Z"}';
const [OLD, NEW] = ['{ "old": 1 }\n', '{ "new": 1 }\n'];

interface Scene {
  readonly stateDir: string;
  readonly outside: string;
  readonly lock: string;
  readonly config: string;
}

/** Outside lies a tree like the state dir, so that each step finds there what it looks for. */
function scene(root: string): Scene {
  for (const name of ["state", "outside"]) {
    mkdirSync(path.join(root, name, "sessions"), { recursive: true });
    mkdirSync(path.join(root, name, "vitals", "quarantine"), { recursive: true, mode: 0o700 });
    mkdirSync(path.join(root, name, "vitals", "baselines"), { mode: 0o700 });
    mkdirSync(path.join(root, name, "conf"));
    writeFileSync(path.join(root, name, "sessions", "s.jsonl.lock"), DEAD);
    writeFileSync(path.join(root, name, "conf", "openclaw.json"), OLD);
  }
  const stateDir = path.join(root, "state");
  const at = (...names: string[]): string => path.join(stateDir, ...names);
  return {
    stateDir,
    outside: path.join(root, "outside"),
    lock: at("sessions", "s.jsonl.lock"),
    config: at("conf", "openclaw.json"),
  };
}

async function removal({ stateDir, lock }: Scene): Promise<void> {
  const look = lookAtLock(lock);
  if (look.kind !== "file") return;
  const quarantine = openQuarantine(stateDir, newRunId());
  try {
    const meta = { checkId: "vitals/stale-lock", fixId: "stale-lock", findingId: "f" };
    await quarantine.remove({ path: lock, judged: look.snapshot, judgeAgain: async () => true, ...meta });
  } finally {
    quarantine.close();
  }
}

async function change({ stateDir, config }: Scene): Promise<void> {
  const before = readStoredFile(config);
  if (before.path !== config) return;
  const quarantine = openQuarantine(stateDir, newRunId());
  try {
    const run = { run: "r", fixId: "retry-ceiling", checkId: "vitals/retry-ceiling", findingId: "f", quarantine };
    await writeConfig({ files: [{ before, text: NEW }], locks: [], changes: [], verify: () => null }, run);
  } finally {
    quarantine.close();
  }
}

function undo({ stateDir }: Scene): void {
  const past = runToUndo(stateDir);
  if (past !== null) undoRun(stateDir, past.run);
}

async function baseline({ stateDir }: Scene): Promise<void> {
  const at = "2026-11-21T16:30:05.123Z";
  saveBaseline(stateDir, { at, host: { version: "2026.9.6" } } as Parameters<typeof saveBaseline>[1]);
}

interface Act {
  readonly name: string;
  /** What becomes a link. */
  readonly targets: readonly string[];
  readonly first?: (made: Scene) => Promise<void>;
  readonly act: (made: Scene) => void | Promise<void>;
}

const LOCK = ["sessions", "vitals", "vitals/quarantine"];
const CONFIG = ["conf", "vitals", "vitals/quarantine", "conf/openclaw.json"];
const acts: readonly Act[] = [
  { name: "a removal", targets: [...LOCK, "sessions/s.jsonl.lock"], act: removal },
  { name: "the undo of a removal", targets: LOCK, first: removal, act: undo },
  { name: "a change of the config", targets: CONFIG, act: change },
  { name: "the undo of a change", targets: CONFIG, first: change, act: undo },
  { name: "a baseline", targets: ["vitals", "vitals/baselines"], act: baseline },
];

describe.skipIf(!onLinux).each(acts)("$name", ({ targets, first, act }) => {
  test.each(targets)("%s becomes a link out, before each call", async (target) => {
    const root = temporaryFolder("/dev/shm");
    const run = async (at: number, n: number): Promise<{ calls: number; moved: boolean }> => {
      const made = scene(path.join(root, String(n)));
      await first?.(made);
      if (first !== undefined) mirror(made); // what a run has made is there outside, too
      const before = inventory(made.outside);
      const place = path.join(made.stateDir, target);
      let moved = false;
      plan.swap = () => {
        if (!existsSync(place)) return;
        renameSync(place, path.join(made.stateDir, "aside"));
        symlinkSync(path.join(made.outside, target), place);
        moved = true;
      };
      Object.assign(plan, { at, calls: 0 });
      try {
        await act(made);
      } catch {
        // refused: that is as good
      }
      const { calls } = plan;
      plan.at = null;
      expect(inventory(made.outside), `before call ${at}`).toEqual(before);
      rmSync(path.dirname(made.stateDir), { recursive: true });
      return { calls, moved };
    };
    const { calls } = await run(Number.POSITIVE_INFINITY, 0);
    expect(calls).toBeGreaterThan(10);
    let swaps = 0;
    for (let at = 0; at < calls; at += 1) if ((await run(at, at + 1)).moved) swaps += 1;
    expect(swaps).toBeGreaterThan(calls / 4);
  });
});

/** Makes names outside for whatever stands in our folder, hard links of other files. */
function mirror({ stateDir, outside }: Scene): void {
  for (const name of readdirSync(path.join(stateDir, "vitals"), { recursive: true, encoding: "utf8" })) {
    const [from, to] = [path.join(stateDir, "vitals", name), path.join(outside, "vitals", name)];
    if (existsSync(to)) continue;
    if (lstatSync(from).isDirectory()) mkdirSync(to, { mode: 0o700 });
    else writeFileSync(to, readFileSync(from));
  }
}

test.skipIf(!onLinux)(
  "a file becomes a FIFO, a link or another file's second name before each call of a reader",
  () => {
    const dir = temporaryFolder();
    const [file, secret] = [path.join(dir, "file"), path.join(dir, "secret")];
    writeFileSync(secret, "secret");
    const turns: readonly (() => void)[] = [
      () => mkfifo([file]),
      () => symlinkSync(secret, file),
      () => symlinkSync("/dev/zero", file),
    ];
    for (const [index, turn] of turns.entries())
      for (let at = 0; at < 12; at += 1) {
        writeFileSync(file, "mine");
        plan.swap = () => {
          rmSync(file);
          turn();
        };
        Object.assign(plan, { at, calls: 0 });
        let text = "";
        try {
          text = readRegularFile(file, 1000, { follow: false }).bytes.toString();
        } catch {
          // refused
        }
        plan.at = null;
        expect(["", "mine"], `${index} before call ${at}`).toContain(text);
        rmSync(file, { force: true });
      }
    expect(() => linkSync(secret, file)).not.toThrow();
  },
);
