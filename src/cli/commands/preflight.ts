import { UserError } from "../../engine/errors.ts";
import { preflight } from "../../engine/preflight.ts";
import { type Command, EXIT } from "../main.ts";
import { withProgress } from "../progress.ts";
import { painter } from "../terminal.ts";

const showPreflight: Command = async (options, terminal) => {
  const { to } = options;
  if (to === undefined)
    throw new UserError(
      "`preflight` has to know where to.",
      "Name the version: openclaw-vitals preflight --to 2026.9.6",
    );
  const spinner = options.format === "human" && !options.quiet && !options.nonInteractive;
  const result = await withProgress(terminal, `Looking at the way to OpenClaw ${to}`, spinner, () =>
    preflight({ ...options, to, env: terminal.env }),
  );
  const code = result.ok ? EXIT.clean : EXIT.findings;
  if (options.format === "json" || (options.quiet && result.ok)) return { code, document: result, text: "" };
  const { renderPreflight } = await import("../../report/preflight-text.ts");
  return { code, document: result, text: renderPreflight(result, painter(terminal.stdout, options.color)) };
};

export default showPreflight;
