/**
 * What the host's doctor loads early (doctor-contract-api.js leads here). It may be imported by other
 * commands too, so it acts only when the command is `doctor`. No top-level await: the host requires this graph.
 */
import { newRunId } from "../engine/quarantine.ts";
import { announceAtExit } from "./closing-section.ts";
import { doctorCommand } from "./command.ts";
import { startEarlyRepair } from "./early-repair.ts";
import { registerHealthChecks } from "./health-checks.ts";

/** The host counts a contract module only when it exports one of its known functions; the config stays as it is. */
export function normalizeCompatibilityConfig<T>({ cfg }: { readonly cfg: T }): { config: T; changes: string[] } {
  return { config: cfg, changes: [] };
}

const command = doctorCommand(process.argv);
if (command !== null) {
  // The host repairs check by check; for `undo` it is one run.
  const run = newRunId();
  const early = command.repairs && !command.data ? startEarlyRepair(run) : undefined;
  registerHealthChecks(command, run, early);
  if (!command.repairs && !command.data) announceAtExit();
}
