import { runChecks } from "../../engine/diagnose.ts";
import { untilInterrupted } from "../interrupt.ts";
import { type Command, EXIT } from "../main.ts";
import { withProgress } from "../progress.ts";
import { painter } from "../terminal.ts";

const check: Command = async (options, terminal) => {
  const { format } = options;
  const spinner = format === "human" && !options.quiet;
  const run = await withProgress(terminal, "Looking at this OpenClaw", spinner, (say) =>
    untilInterrupted(options.watchForMs !== undefined, (watchSignal) =>
      runChecks({
        ...options,
        env: terminal.env,
        watchSignal,
        onWatch: (leftMs) => say(`Watching the gateway, ${Math.ceil(leftMs / 1000)} s left (Ctrl-C: enough)`),
      }),
    ),
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
