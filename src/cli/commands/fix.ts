import { runChecks } from "../../engine/diagnose.ts";
import { repairFindings } from "../../engine/repair.ts";
import { type Command, EXIT } from "../main.ts";
import { withProgress } from "../progress.ts";
import { canAsk, painter } from "../terminal.ts";

const fix: Command = async (given, terminal) => {
  const options = { ...given, env: terminal.env };
  const human = options.format === "human";
  const asks = human && !options.yes && canAsk(terminal, options.nonInteractive);
  const before = await withProgress(terminal, "Looking at this OpenClaw", human && !options.quiet, (say) =>
    runChecks({ ...options, onWatch: (leftMs) => say(`Watching the gateway, ${Math.ceil(leftMs / 1000)} s left`) }),
  );
  const consent = asks ? (await import("../consent.ts")).askWhich : undefined;
  const result = await repairFindings(before, {
    ...options,
    ...(consent === undefined ? {} : { consent: (planned, allowed) => consent(terminal, planned, allowed) }),
  });
  const code = result.ok ? EXIT.clean : EXIT.findings;
  if (options.format === "json") return { code, document: result, text: "" };
  if (options.format !== "human") {
    const { renderAfterFix } = await import("../../report/formats.ts");
    // What is left is looked at anew: these formats tell of a whole diagnosis, with times and vital signs.
    const left = await runChecks(options, before.facts.fresh());
    return { code, document: result, text: await renderAfterFix(result, left, options.format) };
  }
  if (options.quiet && result.ok) return { code, document: result, text: "" };
  const { renderRepairs } = await import("../../report/human.ts");
  return { code, document: result, text: renderRepairs(result, painter(terminal.stdout, options.color)) };
};

export default fix;
