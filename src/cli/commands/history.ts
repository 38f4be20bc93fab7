import { ownPlaces } from "../../engine/own-places.ts";
import { history } from "../../engine/undo.ts";
import { locate } from "../../facts/installation.ts";
import { renderHistory } from "../../report/human.ts";
import { type Command, EXIT } from "../main.ts";
import { painter } from "../terminal.ts";

const showHistory: Command = async (options, terminal) => {
  const { stateDir, configPath } = locate({ ...options, env: terminal.env });
  const runs = history(stateDir, ownPlaces(stateDir, { configPath, env: terminal.env }));
  const text = renderHistory(runs, stateDir, painter(terminal.stdout, options.color));
  return { code: EXIT.clean, document: { schemaVersion: 1, ok: true, stateDir, runs }, text };
};

export default showHistory;
