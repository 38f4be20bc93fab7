import { errorText } from "./errors.ts";
import type { Journal } from "./journal.ts";
import type { ChangeEntry } from "./journal-entry.ts";
import type { StepHook } from "./put-back.ts";
import type { RepairOutcome } from "./types.ts";

/**
 * A change that moves no file, as the journal will know it. `keepAs` is the name under which what undo needs is kept:
 * the journal's `to` is that name, with the repair's number, in the folder of the run.
 */
export type Change = Pick<ChangeEntry, "kind" | "from" | "detail" | "checkId" | "fixId" | "findingId"> & {
  readonly keepAs: string;
};

/** A change with its place in the journal. */
export type PlannedChange = Omit<Change, "keepAs"> & Pick<ChangeEntry, "run" | "n" | "to">;

/** Makes the change; calls the hook before each step. The folder of `to` is there, `to` is not. */
export type Act = (change: PlannedChange, onStep: StepHook) => Promise<RepairOutcome> | RepairOutcome;

/**
 * Makes a change between two lines of the journal: the first is on the disk before `act` begins. `act` says itself
 * whether anything was changed: what it calls `skipped` or `failed` is journaled as `kept`; what it throws too.
 */
export async function makeChange(
  journal: Journal,
  plan: PlannedChange,
  act: Act,
  onStep: StepHook,
): Promise<RepairOutcome> {
  onStep("journal intent");
  journal.append({ ...plan, phase: "intent" });
  let outcome: RepairOutcome;
  try {
    onStep("change");
    outcome = await act(plan, onStep);
    onStep("changed");
  } catch (error) {
    outcome = { status: "failed", reason: errorText(error) };
  }
  if (outcome.status === "repaired") journal.append({ ...plan, phase: "done" });
  else journal.append({ ...plan, phase: "kept", reason: outcome.reason });
  onStep("journal end");
  return outcome;
}
