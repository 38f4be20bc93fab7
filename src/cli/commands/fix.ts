import { runChecks } from "../../engine/diagnose.ts";
import { carryOut, prepareRepairs } from "../../engine/repair.ts";
import { withInterrupts } from "../interrupts.ts";
import { type Command, EXIT } from "../main.ts";
import { withProgress } from "../progress.ts";
import { painter } from "../terminal.ts";

/** Repairs what the flags allow, without a question. */
const fix: Command = async (given, terminal) =>
  await withInterrupts(terminal, EXIT.interrupted, async ({ leave, finish, signal }) => {
    const options = { ...given, env: terminal.env, signal };
    const human = options.format === "human";
    const spinner = human && !options.quiet && !options.nonInteractive;
    const prepared = await withProgress(terminal, "Looking at this OpenClaw", spinner, () =>
      leave(async () => await prepareRepairs(await runChecks(options), options)),
    );
    const result = await finish(() => carryOut(prepared, prepared.allowed, options), false);
    const code = signal.aborted ? EXIT.interrupted : result.ok ? EXIT.clean : EXIT.findings;
    if (!human || (options.quiet && result.ok)) return { code, document: result, text: "" };
    const { renderRepairs } = await import("../../report/human.ts");
    return { code, document: result, text: renderRepairs(result, painter(terminal.stdout, options.color)) };
  });

export default fix;
