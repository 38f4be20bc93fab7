import { runChecks } from "../../engine/diagnose.ts";
import { withInterrupts } from "../interrupts.ts";
import { type Command, EXIT } from "../main.ts";
import { watching, withProgress } from "../progress.ts";
import { painter } from "../terminal.ts";

const check: Command = async (options, terminal) => {
  const { format } = options;
  const spinner = format === "human" && !options.quiet && !options.nonInteractive;
  const run = await withInterrupts(terminal, EXIT.interrupted, ({ leave, heed, signal: watchSignal }) =>
    withProgress(terminal, "Looking at this OpenClaw", spinner, (say) => {
      const onWatch = (leftMs: number): void => say(`${watching(leftMs)} (Ctrl-C: enough)`);
      const look = () => runChecks({ ...options, env: terminal.env, watchSignal, onWatch });
      return options.watchForMs === undefined ? leave(look) : heed(look);
    }),
  );
  const { diagnosis } = run;
  const code = diagnosis.ok ? EXIT.clean : EXIT.findings;
  if (format === "json") return { code, document: diagnosis, text: "" };
  if (format !== "human") {
    const { renderShared } = await import("../../report/formats.ts");
    return { code, document: diagnosis, text: await renderShared(run, format) };
  }
  if (options.quiet && diagnosis.ok) return { code, document: diagnosis, text: "" };
  const { renderDiagnosis } = await import("../../report/human.ts");
  return { code, document: diagnosis, text: renderDiagnosis(diagnosis, painter(terminal.stdout, options.color)) };
};

export default check;
