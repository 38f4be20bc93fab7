/**
 * Run by the tests: one `repair` or `undo` that notes its steps and may kill itself at one of them.
 * The order is the JSON in VITALS_ORDER.
 */
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";
import { runToUndo, undoRun } from "../../src/engine/undo.ts";

/** What the process is to do. */
export interface Order {
  readonly act: "repair" | "undo";
  readonly stateDir: string;
  /** What to repair; by default the session locks of a 2026.5.22. */
  readonly options?: RepairOptions;
  /** File that gets each step's name, one a line. */
  readonly steps: string;
  /** Kill the process before this step (counted from 0); without it the run goes through. */
  readonly killAt?: number;
  /** Files made at a step, as another process would, replacing what is there. */
  readonly make?: Readonly<Record<string, { readonly path: string; readonly content: string }>>;
}

const SESSION_LOCKS = ["stale-lock", "lock-without-transcript"];
const order = JSON.parse(process.env["VITALS_ORDER"] ?? "") as Order;
const { act, stateDir, steps, killAt, make = {} } = order;
const { options = { hostVersion: "2026.5.22", only: SESSION_LOCKS } } = order;
let count = 0;

function onStep(step: string): void {
  const made = make[step];
  if (made) {
    rmSync(made.path, { force: true });
    writeFileSync(made.path, made.content, { flag: "wx" });
  }
  appendFileSync(steps, `${step}\n`);
  if (count === killAt) process.kill(process.pid, "SIGKILL");
  count += 1;
}

if (act === "repair") await repair({ ...options, stateDir, env: {}, onStep });
else undoRun(stateDir, runToUndo(stateDir)?.run ?? "", undefined, onStep);
