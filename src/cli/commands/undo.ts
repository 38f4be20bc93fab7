import { type PastRepair, runToUndo, undoRun } from "../../engine/undo.ts";
import { locate } from "../../facts/installation.ts";
import { renderUndone } from "../../report/human.ts";
import { type Command, EXIT } from "../main.ts";
import { canAsk, painter } from "../terminal.ts";

const undo: Command = async (options, terminal) => {
  const { stateDir } = locate({ ...options, env: terminal.env });
  const past = runToUndo(stateDir, options.operands[0]);
  const base = { schemaVersion: 1, stateDir };
  if (past === null)
    return { code: EXIT.clean, document: { ...base, ok: true, run: null, undone: [] }, text: "Nothing to undo.\n" };
  const chosen = past.repairs.filter((repair) => repair.canUndo && (options.repairs?.includes(repair.n) ?? true));
  if (options.format === "human" && !options.yes && chosen.length > 0 && canAsk(terminal, options.nonInteractive)) {
    const { askYesNo } = await import("../consent.ts");
    if (!(await askYesNo(terminal, question(past.run, chosen))))
      return { code: EXIT.clean, document: null, text: "Nothing was changed.\n" };
  }
  const undone = undoRun(stateDir, past.run, options.repairs);
  const ok = undone.every((one) => one.status === "restored");
  const text =
    undone.length === 0
      ? "Nothing to undo.\n"
      : renderUndone(undone, stateDir, painter(terminal.stdout, options.color));
  return { code: ok ? EXIT.clean : EXIT.findings, document: { ...base, ok, run: past.run, undone }, text };
};

function question(run: string, chosen: readonly PastRepair[]): string {
  const many = (one: string, more: string): string => (chosen.length === 1 ? one : `${chosen.length} ${more}`);
  if (chosen.every(({ kind }) => kind === "file"))
    return `Put back ${many("the lock", "locks")} of run ${run}? Their sessions will be locked again.`;
  if (chosen.every(({ kind }) => kind === "row"))
    return `Put back ${many("the row", "rows")} of run ${run} in the database? What they blocked will be blocked again.`;
  return `Take back ${many("the repair", "repairs")} of run ${run}? All will be as it was before.`;
}

export default undo;
