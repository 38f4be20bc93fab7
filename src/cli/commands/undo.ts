import { ownPlaces } from "../../engine/own-places.ts";
import { runToUndo, undoRun } from "../../engine/undo.ts";
import { locate } from "../../facts/installation.ts";
import { renderUndone, undoQuestion } from "../../report/human.ts";
import { type Command, EXIT } from "../main.ts";
import { canAsk, painter } from "../terminal.ts";

const undo: Command = async (options, terminal) => {
  const { stateDir, configPath } = locate({ ...options, env: terminal.env });
  const own = ownPlaces(stateDir, { configPath, env: terminal.env });
  const past = runToUndo(stateDir, options.operands[0], own);
  const base = { schemaVersion: 1, stateDir };
  if (past === null)
    return { code: EXIT.clean, document: { ...base, ok: true, run: null, undone: [] }, text: "Nothing to undo.\n" };
  const chosen = past.repairs.filter((repair) => repair.canUndo && (options.repairs?.includes(repair.n) ?? true));
  if (options.format === "human" && !options.yes && chosen.length > 0 && canAsk(terminal, options.nonInteractive)) {
    const { askYesNo } = await import("../consent.ts");
    if (!(await askYesNo(terminal, undoQuestion(past.run, chosen))))
      return { code: EXIT.clean, document: null, text: "Nothing was changed.\n" };
  }
  const undone = undoRun(stateDir, past.run, options.repairs, undefined, own);
  const ok = undone.every((one) => one.status === "restored");
  const text =
    undone.length === 0
      ? "Nothing to undo.\n"
      : renderUndone(undone, stateDir, painter(terminal.stdout, options.color));
  return { code: ok ? EXIT.clean : EXIT.findings, document: { ...base, ok, run: past.run, undone }, text };
};

export default undo;
