import { errorText } from "./errors.ts";
import type { Journal } from "./journal.ts";
import type { ChangeEntry } from "./journal-entry.ts";
import type { StepHook } from "./put-back.ts";
import type { RepairOutcome } from "./types.ts";

/** A change that moves no file, as the journal will know it. */
export type Change = Pick<ChangeEntry, "kind" | "from" | "to" | "detail" | "checkId" | "fixId" | "findingId">;

/**
 * Makes a change between two lines of the journal: the first is on the disk before `act` begins. `act` says itself
 * whether anything was changed: what it calls `skipped` or `failed` is journaled as `kept`; what it throws too.
 */
export async function makeChange(
  journal: Journal,
  plan: Change & { readonly run: string; readonly n: number },
  act: () => Promise<RepairOutcome> | RepairOutcome,
  onStep: StepHook,
): Promise<RepairOutcome> {
  onStep("journal intent");
  journal.append({ ...plan, phase: "intent" });
  let outcome: RepairOutcome;
  try {
    onStep("change");
    outcome = await act();
    onStep("changed");
  } catch (error) {
    outcome = { status: "failed", reason: errorText(error) };
  }
  if (outcome.status === "repaired") journal.append({ ...plan, phase: "done" });
  else journal.append({ ...plan, phase: "kept", reason: outcome.reason });
  onStep("journal end");
  return outcome;
}
