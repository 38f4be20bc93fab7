import { inOrder, type PlannedRepair, type RepairWatcher } from "../../engine/apply.ts";
import { runChecks } from "../../engine/diagnose.ts";
import { carryOut, type PreparedRepairs, prepareRepairs, type RepairOptions } from "../../engine/repair.ts";
import { renderEnd, renderGuide, renderOutcome, renderPlan } from "../../report/guided.ts";
import { askWhich, askYesNo } from "../consent.ts";
import { type Interrupts, withInterrupts } from "../interrupts.ts";
import { type Command, type CommandResult, EXIT } from "../main.ts";
import type { CliOptions } from "../options.ts";
import { openSpinner, watching, withProgress } from "../progress.ts";
import { columnsOf, painter, type Terminal } from "../terminal.ts";
import { wrap } from "../wrap.ts";

/** Looks, offers the repairs, and makes those that were chosen. Needs a person on a terminal. */
const guided: Command = async (options, terminal) =>
  await withInterrupts(terminal, EXIT.interrupted, async (interrupts) => {
    const prepared = await withProgress(terminal, "Looking at this OpenClaw", !options.quiet, (say) =>
      interrupts.leave(() => prepare({ ...options, onWatch: (leftMs) => say(watching(leftMs)) }, terminal)),
    );
    const { diagnosis } = prepared.before;
    const paint = painter(terminal.stdout, options.color);
    const { finished, skipped, planned } = prepared;
    const asides = (options.only ?? []).length > 0;
    const found = renderGuide({ diagnosis, finished, skipped, offered: planned.length, asides }, paint);
    const code = diagnosis.ok ? EXIT.clean : EXIT.findings;
    if (planned.length === 0) return { code, document: diagnosis, text: options.quiet && diagnosis.ok ? "" : found };
    say(terminal, `${found}\n`);
    const chosen = await interrupts.leave(() => choose(prepared, options, terminal));
    if (chosen === null) return { code, document: diagnosis, text: "Nothing was changed.\n" };
    return await repairChosen(prepared, chosen, { options, terminal, interrupts });
  });

export default guided;

async function prepare(options: RepairOptions, terminal: Terminal): Promise<PreparedRepairs> {
  const all = { ...options, env: terminal.env };
  return await prepareRepairs(await runChecks(all), all);
}

/** What somebody chose and said yes to, having seen exactly what will be done; null for nothing. */
async function choose(
  { before, planned, allowed }: PreparedRepairs,
  { color }: CliOptions,
  terminal: Terminal,
): Promise<readonly PlannedRepair[] | null> {
  const chosen = inOrder(await askWhich(terminal, planned, allowed));
  if (chosen.length === 0) return null;
  const paint = painter(terminal.stdout, color);
  say(terminal, renderPlan("This will be done:", chosen, before.facts.stateDir, paint));
  // What cannot be taken back is not begun by a key pressed too often.
  const final = chosen.some(({ repair }) => repair.final || repair.risk === "disruptive");
  return (await askYesNo(terminal, "Do this now?", !final)) ? chosen : null;
}

interface Session {
  readonly options: CliOptions;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
}

async function repairChosen(
  prepared: PreparedRepairs,
  chosen: readonly PlannedRepair[],
  { options, terminal, interrupts }: Session,
): Promise<CommandResult> {
  const paint = painter(terminal.stdout, options.color);
  const { signal } = interrupts;
  const spinner = await openSpinner(terminal);
  const { stateDir } = prepared.before.facts;
  let turn = 0;
  const watcher: RepairWatcher = {
    begin: ({ repair }) => {
      turn += 1;
      const patience = repair.risk === "disruptive" ? ", which can take minutes" : "";
      spinner.say(`Repair ${turn} of ${chosen.length}${patience}`);
    },
    end(planned, outcome) {
      spinner.stop();
      say(terminal, renderOutcome(planned, outcome, stateDir, paint));
    },
    lookAgain: () => spinner.say("Looking again"),
  };
  const all = { ...options, env: terminal.env, watcher, signal };
  const result = await interrupts
    .finish(() => carryOut(prepared, new Set(chosen), all, true), true)
    .finally(() => spinner.stop());
  const code = signal.aborted ? EXIT.interrupted : result.ok ? EXIT.clean : EXIT.findings;
  return { code, document: result, text: renderEnd(result, signal.aborted, paint) };
}

function say({ stdout }: Terminal, text: string): void {
  stdout.write(wrap(text, columnsOf(stdout)));
}
