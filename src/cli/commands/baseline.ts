import { compareBaselines } from "../../engine/baseline-compare.ts";
import { measureBaseline } from "../../engine/baseline-measure.ts";
import {
  baselineFolder,
  baselineName,
  chooseBaseline,
  readBaselines,
  saveBaseline,
} from "../../engine/baseline-store.ts";
import { policyFor } from "../../engine/diagnose.ts";
import { UserError } from "../../engine/errors.ts";
import { type Facts, gatherFacts } from "../../facts/facts.ts";
import { type Command, EXIT } from "../main.ts";
import type { CliOptions } from "../options.ts";
import { withProgress } from "../progress.ts";
import { painter, plain, type Terminal } from "../terminal.ts";

/** Measures an OpenClaw before and after an update. Keeps what it measured in a folder of its own. */
const baseline: Command = async (options, terminal) => {
  const [action, named] = options.operands;
  if (action !== "save" && action !== "compare")
    throw new UserError(
      action === undefined ? "`baseline` needs `save` or `compare`." : `\`baseline\` does not know "${action}".`,
      "Usage: openclaw-vitals baseline save|compare [name]",
    );
  const name = baselineName(named);
  const facts = gatherFacts({ ...options, env: terminal.env });
  return action === "save" ? await save(facts, name, options, terminal) : await compare(facts, name, options, terminal);
};

async function save(facts: Facts, name: string | null, options: CliOptions, terminal: Terminal) {
  const measured = await measure(facts, name, options, terminal);
  const file = saveBaseline(facts.stateDir, measured);
  const document = { ...measured, ok: true, path: file };
  if (options.format !== "human" || options.quiet) return { code: EXIT.clean, document, text: "" };
  const { renderBaseline } = await import("../../report/baseline.ts");
  return { code: EXIT.clean, document, text: renderBaseline(measured, file, painter(terminal.stdout, options.color)) };
}

async function compare(facts: Facts, name: string | null, options: CliOptions, terminal: Terminal) {
  const stored = readBaselines(facts.stateDir);
  // Whether there is one at all has to be known before anybody waits for a minute.
  chooseBaseline(stored, name, facts.host().version);
  const now = await measure(facts, null, options, terminal);
  const before = chooseBaseline(stored, name, now.host.version);
  const wanted = new Set([...now.measures, ...now.notMeasured].map(({ id }) => id));
  const measures = compareBaselines(before, now).filter(({ id }) => wanted.has(id));
  const regressions = measures.filter(({ verdict }) => verdict === "regression").map(({ id }) => id);
  const ok = regressions.length === 0;
  const document = {
    schemaVersion: 1,
    ok,
    tool: now.tool,
    before: side(before),
    now: side(now),
    measures,
    regressions,
    unreadable: stored.unreadable,
  };
  const code = ok ? EXIT.clean : EXIT.findings;
  if (options.format !== "human" || (options.quiet && ok)) return { code, document, text: "" };
  const { renderComparison } = await import("../../report/baseline.ts");
  for (const file of stored.unreadable)
    terminal.stderr.write(`Left out: ${plain(file)} in ${plain(baselineFolder(facts.stateDir))} is no baseline.\n`);
  const text = renderComparison(before, now, measures, painter(terminal.stdout, options.color));
  return { code, document, text };
}

/** What tells a baseline from others, without its samples. */
function side({ name, at, host, gatewayUptimeMs }: Awaited<ReturnType<typeof measureBaseline>>) {
  return { name, at, host, gatewayUptimeMs };
}

async function measure(facts: Facts, name: string | null, options: CliOptions, terminal: Terminal) {
  const { policy } = await policyFor(facts, { policyFile: options.policyFile });
  const spinner = options.format === "human" && !options.quiet && !options.nonInteractive;
  return await withProgress(terminal, "Measuring this OpenClaw, for a minute or some", spinner, () =>
    measureBaseline(facts, {
      name,
      only: options.only ?? [],
      skip: options.skip ?? [],
      graceSeconds: policy.locks.graceSeconds,
    }),
  );
}

export default baseline;
