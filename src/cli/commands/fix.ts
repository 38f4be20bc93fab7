import { runChecks } from "../../engine/diagnose.ts";
import { carryOut, prepareRepairs } from "../../engine/repair.ts";
import { withInterrupts } from "../interrupts.ts";
import { type Command, EXIT } from "../main.ts";
import { watching, withProgress } from "../progress.ts";
import { painter } from "../terminal.ts";

/** Repairs what the flags allow, without a question. */
const fix: Command = async (given, terminal) =>
  await withInterrupts(terminal, EXIT.interrupted, async ({ leave, finish, signal }) => {
    const options = { ...given, env: terminal.env, signal };
    const human = options.format === "human";
    const spinner = human && !options.quiet && !options.nonInteractive;
    const prepared = await withProgress(terminal, "Looking at this OpenClaw", spinner, (say) =>
      leave(async () => {
        const onWatch = (leftMs: number): void => say(watching(leftMs));
        return await prepareRepairs(await runChecks({ ...options, onWatch }), options);
      }),
    );
    const result = await finish(() => carryOut(prepared, prepared.allowed, options), false);
    const code = signal.aborted ? EXIT.interrupted : result.ok ? EXIT.clean : EXIT.findings;
    if (options.format === "json") return { code, document: result, text: "" };
    if (options.format !== "human") {
      const { renderAfterFix } = await import("../../report/formats.ts");
      // What is left is looked at anew: these formats tell of a whole diagnosis, with times and vital signs.
      const left = await runChecks(options, prepared.before.facts.fresh());
      return { code, document: result, text: await renderAfterFix(result, left, options.format) };
    }
    if (options.quiet && result.ok) return { code, document: result, text: "" };
    const { renderRepairs } = await import("../../report/human.ts");
    return { code, document: result, text: renderRepairs(result, painter(terminal.stdout, options.color)) };
  });

export default fix;
