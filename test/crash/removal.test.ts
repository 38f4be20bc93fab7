/**
 * Our process is killed before and after every step of a removal, a put-back and an undo. Afterwards each lock exists
 * exactly once, the journal reads, a live lock is intact, and the next run finishes the job.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { repair } from "../../src/engine/repair.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import {
  deadPayload,
  identityOf,
  makeSandbox,
  onLinux,
  type Sandbox,
  startHolder,
  temporaryFolder,
} from "../engine/sandbox.ts";
import type { Order } from "./agent.ts";

const AGENT = fileURLToPath(new URL("./agent.ts", import.meta.url));
const ENGINE = fileURLToPath(new URL("../../src/engine/", import.meta.url));
/** What the process that takes the lock anew writes. Its owner is alive: this very process. */
const NEWER = JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString() });
const SHARED_MEMORY = "/dev/shm";

interface Scene {
  readonly sandbox: Sandbox;
  /** The dead owner's lock. */
  readonly file: string;
  readonly before: ReturnType<typeof identityOf>;
  /** Held by a live process all the time. */
  readonly live: string;
  readonly liveBefore: ReturnType<typeof identityOf>;
  readonly order: Omit<Order, "steps" | "killAt">;
}

interface Scenario {
  readonly name: string;
  readonly only?: boolean;
  set(): Promise<Scene>;
  /** Whether the dead lock was replaced by a newer one in this scenario. */
  readonly newer: boolean;
}

async function scene(act: Order["act"], parent?: string): Promise<Scene> {
  const sandbox = makeSandbox();
  const dir = parent === undefined ? sandbox.sessions() : path.join(temporaryFolder(parent), "coder");
  if (parent !== undefined)
    sandbox.writeConfig({ session: { store: path.join(path.dirname(dir), "{agentId}", "sessions.json") } });
  const file = sandbox.plant({ payload: await deadPayload(), dir });
  const holder = await startHolder();
  const live = path.join(dir, "live.jsonl.lock");
  const createdAt = new Date().toISOString();
  await holder.take(live, { pid: holder.pid, starttime: holder.starttime, createdAt, maxHoldMs: 1_020_000 });
  return {
    sandbox,
    file,
    before: identityOf(file),
    live,
    liveBefore: identityOf(live),
    order: { act, stateDir: sandbox.stateDir },
  };
}

const scenarios: readonly Scenario[] = [
  { name: "removal", newer: false, set: () => scene("repair") },
  {
    name: "removal while another process takes the lock anew",
    newer: true,
    async set() {
      const made = await scene("repair");
      return { ...made, order: { ...made.order, make: { move: { path: made.file, content: NEWER } } } };
    },
  },
  {
    name: "undo",
    newer: false,
    async set() {
      const made = await scene("undo");
      await repair(made.sandbox.options);
      expect(existsSync(made.file)).toBe(false);
      return made;
    },
  },
  ...(onOtherDisk()
    ? [
        { name: "removal on another file system", newer: false, set: () => scene("repair", SHARED_MEMORY) },
        {
          name: "removal on another file system while another process takes the lock anew",
          newer: true,
          async set() {
            const made = await scene("repair", SHARED_MEMORY);
            return { ...made, order: { ...made.order, make: { "move beside": { path: made.file, content: NEWER } } } };
          },
        },
      ]
    : []),
];

/** Runs the agent to its end, or until it kills itself before step `killAt`. @returns the steps it came to. */
async function run({ order }: Scene, killAt?: number): Promise<string[]> {
  const steps = path.join(temporaryFolder(), "steps");
  const full: Order = { ...order, steps, ...(killAt === undefined ? {} : { killAt }) };
  const child = spawn(process.execPath, ["--no-warnings", AGENT], {
    env: { ...process.env, VITALS_ORDER: JSON.stringify(full) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect(killAt === undefined ? code : signal).toBe(killAt === undefined ? 0 : "SIGKILL");
  return readFileSync(steps, "utf8").trimEnd().split("\n");
}

/** Every name under which a lock is somewhere, in its place or kept. */
function namesOf({ sandbox, file, live }: Scene): string[] {
  const quarantine = path.join(sandbox.stateDir, "vitals", "quarantine");
  const kept = existsSync(quarantine)
    ? readdirSync(quarantine, { recursive: true, withFileTypes: true }).map((entry) =>
        path.join(entry.parentPath, entry.name),
      )
    : [];
  const beside = readdirSync(path.dirname(file)).map((name) => path.join(path.dirname(file), name));
  return [...kept, ...beside].filter((name) => name !== live && lstatSync(name).isFile() && !name.endsWith(".jsonl"));
}

function expectIntact(made: Scene, at: string): void {
  expect(identityOf(made.live), `${at}: the live lock`).toEqual(made.liveBefore);
  expect(lstatSync(made.live).nlink).toBe(1);
  const inodes = new Set(namesOf(made).map((name) => lstatSync(name).ino));
  expect(inodes.size, `${at}: the lock exists exactly once`).toBe(1);
  const journal = path.join(made.sandbox.stateDir, "vitals", "journal.jsonl");
  if (existsSync(journal)) {
    const lines = readFileSync(journal, "utf8").split("\n").filter(Boolean);
    expect(readJournal(made.sandbox.stateDir), `${at}: every line reads`).toHaveLength(lines.length);
  }
}

/** In its place or in the quarantine, under one name only, with nothing left open in the journal. */
function expectSettled(made: Scene, at: string): string {
  expectIntact(made, at);
  const names = namesOf(made);
  expect(names, `${at}: one name`).toHaveLength(1);
  const [name = ""] = names;
  expect(lstatSync(name).nlink).toBe(1);
  for (const { repairs } of history(made.sandbox.stateDir))
    for (const { state, canUndo } of repairs) {
      expect(state, at).not.toBe("intent");
      if (state === "moved") expect(canUndo, `${at}: the history is right`).toBe(true);
    }
  return name;
}

describe.runIf(onLinux)("killed at every step", () => {
  const seen = new Set<string>();

  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      const steps = await run(await scenario.set());
      expect(steps.length).toBeGreaterThan(3);
      for (const step of steps) seen.add(step);
      for (const [index, step] of steps.entries()) {
        const at = `killed before "${step}"`;
        const made = await scenario.set();
        expect(await run(made, index), at).toEqual(steps.slice(0, index + 1));
        expectIntact(made, at);

        const swapped = scenario.newer && namesOf(made).some((name) => readFileSync(name, "utf8") === NEWER);
        if (made.order.act === "undo") {
          const past = history(made.sandbox.stateDir)[0];
          const undone = undoRun(made.sandbox.stateDir, past?.run ?? "");
          for (const { status } of undone) expect(status, at).toBe("restored");
          expect(expectSettled(made, at)).toBe(made.file);
          expect(identityOf(made.file), at).toEqual(made.before);
        } else if (swapped) {
          await repair(made.sandbox.options);
          expect(expectSettled(made, at), "a newer lock is back in its place").toBe(made.file);
          expect(readFileSync(made.file, "utf8")).toBe(NEWER);
        } else {
          const { ok } = await repair(made.sandbox.options);
          expect(ok, at).toBe(true);
          const name = expectSettled(made, at);
          expect(name).not.toBe(made.file);
          expect(identityOf(name), at).toEqual(made.before);
          const past = history(made.sandbox.stateDir).find(({ repairs }) => repairs.some(({ canUndo }) => canUndo));
          expect(undoRun(made.sandbox.stateDir, past?.run ?? "")).toMatchObject([{ status: "restored" }]);
          expect(identityOf(made.file), at).toEqual(made.before);
        }
        rmSync(made.sandbox.stateDir, { recursive: true });
      }
    }, 300_000);
  }

  test("the next fix finishes an undo that was killed", async () => {
    for (const step of ["drop the second name", "journal undone"]) {
      const made = await scenarios[2]?.set();
      if (made === undefined) throw new Error("no such scenario");
      const steps = ["link back", "drop the second name", "journal undone"];
      await run(made, steps.indexOf(step));
      // A fix that may do nothing but finish: the lock is back, so its finding is too, and nobody agrees to it.
      await repair({ ...made.sandbox.options, consent: async () => new Set() });
      expect(expectSettled(made, step)).toBe(made.file);
      expect(identityOf(made.file)).toEqual(made.before);
      expect(history(made.sandbox.stateDir)[0]?.repairs[0]?.state).toBe("undone");
    }
  });

  describe("no step is left out", () => {
    let named: string[] = [];
    beforeAll(() => {
      named = ["quarantine.ts", "put-back.ts", "settle.ts", "undo.ts"].flatMap((name) =>
        [...readFileSync(path.join(ENGINE, name), "utf8").matchAll(/onStep\("([^"]+)"\)/g)].map(
          (match) => match[1] ?? "",
        ),
      );
    });

    test("every step named in the code was killed at", () => {
      expect(named.length).toBeGreaterThan(10);
      const beside = (step: string): boolean => !onOtherDisk() && step.endsWith("beside");
      expect(named.filter((step) => !seen.has(step) && !beside(step))).toEqual([]);
    });
  });
});

function onOtherDisk(): boolean {
  try {
    return statSync(SHARED_MEMORY).dev !== statSync(process.env["TMPDIR"] ?? "/tmp").dev;
  } catch {
    return false;
  }
}
