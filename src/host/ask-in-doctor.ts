import type { PlannedRepair } from "../engine/apply.ts";
import type { PreparedRepairs, RepairOptions, RepairResult } from "../engine/repair.ts";
import type { DoctorCommand } from "./command.ts";

/** After a Ctrl-C at one of our questions the doctor goes on, and we ask no more. */
let silenced = false;
/** After one in the middle of a repair we do no more either. */
let stopped: AbortSignal | undefined;

/** Repairs under the host's doctor. What needs a person is asked for once per check, where one can answer. */
export async function repairInDoctor(command: DoctorCommand | null, given: RepairOptions): Promise<RepairResult> {
  const { runChecks } = await import("../engine/diagnose.ts");
  const { carryOut, prepareRepairs } = await import("../engine/repair.ts");
  const { canAsk } = await import("../cli/terminal.ts");
  const flags = { yes: command?.yes ?? false, force: command?.force ?? false };
  const options = { ...given, ...flags, signal: stopped };
  const prepared = await prepareRepairs(await runChecks(options), options);
  const risky = prepared.planned.filter((one) => !prepared.allowed.has(one));
  const asks = risky.length > 0 && !flags.yes && !options.dryRun && !silenced;
  if (!asks || !canAsk(process, command?.nonInteractive ?? true))
    return await carryOut(prepared, prepared.allowed, options);
  const { withInterrupts } = await import("../cli/interrupts.ts");
  const agreed = new Set([...prepared.allowed, ...(await ask(prepared, risky))]);
  return await withInterrupts(process, 130, async ({ finish, signal }) => {
    const result = await finish(() => carryOut(prepared, agreed, { ...options, signal }, true), true);
    if (signal.aborted) [silenced, stopped] = [true, signal];
    return result;
  });
}

async function ask({ before }: PreparedRepairs, risky: readonly PlannedRepair[]): Promise<Iterable<PlannedRepair>> {
  const [{ askWhich }, { Interrupted }, { renderPlan }, { columnsOf, painter }, { wrap }] = await Promise.all([
    import("../cli/consent.ts"),
    import("../cli/interrupts.ts"),
    import("../report/guided.ts"),
    import("../cli/terminal.ts"),
    import("../cli/wrap.ts"),
  ]);
  const { stdout } = process;
  const paint = painter(stdout, true);
  stdout.write(
    wrap(renderPlan("Vitals can do this, if you want it:", risky, before.facts.stateDir, paint), columnsOf(stdout)),
  );
  try {
    return await askWhich(process, risky, new Set());
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    silenced = true;
    stdout.write("None of these was done. The doctor goes on; Ctrl-C now ends it.\n");
    return [];
  }
}
