/**
 * Public API. Options are named as the flags of the command.
 *
 * @example
 * import { diagnose, repair, undo } from "openclaw-vitals";
 * const { findings } = await diagnose({ stateDir: "/home/me/.openclaw" });
 */
export { type DiagnoseOptions, type Diagnosis, diagnose } from "./engine/diagnose.ts";
export { UserError } from "./engine/errors.ts";
export { type RepairOptions, type RepairResult, repair } from "./engine/repair.ts";
export type { SilencedFinding } from "./engine/silence.ts";
export type { Confidence, Evidence, Finding, RepairReport, Risk, Severity, Verdict } from "./engine/types.ts";
export { history, type PastRun, type UndoneRepair } from "./engine/undo.ts";

import type { UndoneRepair } from "./engine/undo.ts";

/**
 * Puts back what a run of `repair` moved away: the run named, else the last with something left to undo.
 * @returns what became of each repair; empty when there was nothing to undo.
 * @throws UserError when there is no such state dir, run or repair.
 */
export async function undo(
  options: { stateDir?: string; run?: string; only?: readonly number[] } = {},
): Promise<UndoneRepair[]> {
  const [{ locate }, { ownPlaces }, { runToUndo, undoRun }] = await Promise.all([
    import("./facts/installation.ts"),
    import("./engine/own-places.ts"),
    import("./engine/undo.ts"),
  ]);
  const { stateDir, configPath } = locate({ stateDir: options.stateDir, env: process.env });
  const own = ownPlaces(stateDir, { configPath });
  const run = runToUndo(stateDir, options.run, own);
  return run === null ? [] : undoRun(stateDir, run.run, options.only, undefined, own);
}
