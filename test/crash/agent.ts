/**
 * Run by the tests: one `repair` or `undo` that notes each change it makes to the disk and may kill itself before one.
 * The order is the JSON in VITALS_ORDER.
 */
import { appendFileSync, lstatSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";
import { runToUndo, undoRun } from "../../src/engine/undo.ts";
import { type Call, unwatched, watchChanges } from "./calls.ts";

/** What the process is to do. */
export interface Order {
  readonly act: "repair" | "undo";
  readonly stateDir: string;
  /** What to repair; by default the session locks of a 2026.5.22. */
  readonly options?: RepairOptions;
  /** What is a step: each change made through `node:fs` (default), or each hook, where SQLite makes the changes. */
  readonly by?: "change" | "hook";
  /** File that gets each step's name, one a line, and `made <inode>` when a file was made. */
  readonly steps: string;
  /**
   * Kill the process before this change (counted from 0), or, when torn, after half of what this change writes; or
   * before the first change after this hook. Without it the run goes through.
   */
  readonly kill?: { readonly at: number | string; readonly torn?: boolean };
  /** Files made at a hook, once, as another process would, replacing what is there. */
  readonly make?: Readonly<Record<string, { readonly path: string; readonly content: string }>>;
  /** Calls that this file system does not know. */
  readonly refuse?: readonly string[];
}

const SESSION_LOCKS = ["stale-lock", "lock-without-transcript"];
const order = JSON.parse(process.env["VITALS_ORDER"] ?? "") as Order;
const { act, stateDir, steps, kill, make = {}, refuse, by = "change" } = order;
const { options = { hostVersion: "2026.5.22", only: SESSION_LOCKS } } = order;
let count = 0;
let hooked = false;

const onChange = ({ step, name, args }: Call): undefined => {
  appendFileSync(steps, `${step}\n`);
  if (kill?.at === count || hooked) {
    if (kill?.torn) {
      const [fd, text] = args as [number, string];
      if (name !== "writeSync") throw new Error(`${step} writes nothing`);
      writeSync(fd, text.slice(0, text.length / 2));
    }
    process.kill(process.pid, "SIGKILL");
  }
  count += 1;
  if (refuse?.includes(name)) throw Object.assign(new Error("not on this file system"), { code: "EPERM" });
};
if (by === "change") watchChanges(onChange);

const remaining = new Map(Object.entries(make));
function onStep(hook: string): void {
  if (by === "hook") {
    appendFileSync(steps, `${hook}\n`);
    if (kill?.at === count) process.kill(process.pid, "SIGKILL");
    count += 1;
    return;
  }
  const made = remaining.get(hook);
  if (made && remaining.delete(hook))
    unwatched(() => {
      rmSync(made.path, { force: true });
      writeFileSync(made.path, made.content, { flag: "wx" });
      appendFileSync(steps, `made ${lstatSync(made.path).ino}\n`);
    });
  if (kill?.at === hook) hooked = true;
}

if (act === "repair") await repair({ ...options, stateDir, env: {}, onStep });
else undoRun(stateDir, runToUndo(stateDir)?.run ?? "", undefined, onStep);
