import { diagnose } from "../../engine/diagnose.ts";
import { withInterrupts } from "../interrupts.ts";
import { type Command, EXIT } from "../main.ts";
import { withProgress } from "../progress.ts";
import { painter } from "../terminal.ts";

const check: Command = async (options, terminal) => {
  const spinner = options.format === "human" && !options.quiet && !options.nonInteractive;
  const diagnosis = await withInterrupts(terminal, EXIT.interrupted, ({ leave }) =>
    withProgress(terminal, "Looking at this OpenClaw", spinner, () =>
      leave(() => diagnose({ ...options, env: terminal.env })),
    ),
  );
  const code = diagnosis.ok ? EXIT.clean : EXIT.findings;
  if (options.format === "json" || (options.quiet && diagnosis.ok)) return { code, document: diagnosis, text: "" };
  const { renderDiagnosis } = await import("../../report/human.ts");
  return { code, document: diagnosis, text: renderDiagnosis(diagnosis, painter(terminal.stdout, options.color)) };
};

export default check;
