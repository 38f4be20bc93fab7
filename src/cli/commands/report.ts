import { existsSync } from "node:fs";
import path from "node:path";
import { type DiagnosisRun, runChecks } from "../../engine/diagnose.ts";
import { UserError } from "../../engine/errors.ts";
import { type BugReport, platformText, renderBugReport } from "../../report/bug-report.ts";
import { redactorFor } from "../../report/formats.ts";
import { type HostDiagnostics, hostDiagnostics } from "../../report/host-diagnostics.ts";
import { journalExtract } from "../../report/journal-extract.ts";
import { HOST_FOLDER, writePrivate, zipReport } from "../../report/report-file.ts";
import { shareDiagnosis } from "../../report/shared.ts";
import { readVitals, type Vitals } from "../../report/vitals.ts";
import { shareVitals } from "../../report/vitals-text.ts";
import { type Command, EXIT } from "../main.ts";
import type { CliOptions } from "../options.ts";
import { withProgress } from "../progress.ts";
import { plain } from "../terminal.ts";

/** A bug report that names nobody. Exit 0 when it was made, whatever it says. */
const report: Command = async (options, terminal) => {
  const output = outputOf(options);
  const spinner = options.format === "human" && !options.quiet && !options.nonInteractive;
  const { made, host } = await withProgress(terminal, "Looking at this OpenClaw", spinner, async () => {
    const run = await runChecks({ ...options, env: terminal.env });
    const vitals = await readVitals(run.facts, run.policy.locks.graceSeconds);
    const host = options.withDiagnostics ? await hostDiagnostics(run.facts, vitals.gateway) : null;
    return { made: build(run, vitals, host && placeOf(host, output)), host };
  });
  const zip = host !== null && "zip" in host ? host.zip : null;
  const written = output === null ? [] : await write(made, zip, output, options.force === true);
  const document = { schemaVersion: 1, ok: true, written, report: made };
  if (host !== null && "why" in host)
    terminal.stderr.write(`OpenClaw's own diagnostics export is missing: ${host.why}.\n`);
  const text = output === null ? renderBugReport(made) : written.map((file) => `Wrote ${plain(file)}\n`).join("");
  return { code: EXIT.clean, document, text };
};

export default report;

interface Output {
  readonly file: string;
  readonly kind: "zip" | "markdown";
}

/** Asked before anything is measured, which takes its time. */
function outputOf({ output, withDiagnostics, force }: CliOptions): Output | null {
  if (output === undefined) {
    if (!withDiagnostics) return null;
    throw new UserError("--with-diagnostics needs a file to write.", "Add --output report.zip.");
  }
  const file = path.resolve(output);
  const ending = path.extname(file).toLowerCase();
  if (ending !== ".zip" && ending !== ".md")
    throw new UserError(`--output does not know the ending of "${output}".`, "Name a file that ends in .zip or .md.");
  const kind = ending === ".zip" ? "zip" : "markdown";
  const taken = [file, ...(withDiagnostics && kind === "markdown" ? [beside(file)] : [])].find((one) =>
    existsSync(one),
  );
  if (taken !== undefined && force !== true)
    throw new UserError(`${taken} is there already.`, "Choose another name, or replace it with --force.");
  return { file, kind };
}

/** Where the host's export lies when the report is no zip. */
function beside(file: string): string {
  return `${file.slice(0, -path.extname(file).length)}.${HOST_FOLDER}.zip`;
}

/** How the report refers to the host's export: never by the path of a user's file. */
function placeOf(host: HostDiagnostics, output: Output | null): BugReport["hostDiagnostics"] {
  if ("why" in host) return host;
  return { file: output?.kind === "zip" ? `${HOST_FOLDER}/openclaw-diagnostics.zip` : "the file beside this one" };
}

function build(run: DiagnosisRun, vitals: Vitals, host: BugReport["hostDiagnostics"]): BugReport {
  const { facts, diagnosis } = run;
  const redactor = redactorFor(facts);
  return {
    diagnosis: shareDiagnosis(diagnosis, redactor),
    journal: journalExtract(facts.stateDir, redactor),
    vitals: shareVitals(vitals, facts.problems(), redactor),
    platform: platformText(),
    hostDiagnostics: host,
  };
}

async function write(
  made: BugReport,
  hostZip: Uint8Array | null,
  { file, kind }: Output,
  replace: boolean,
): Promise<string[]> {
  if (kind === "zip") {
    writePrivate(file, await zipReport(made, hostZip), replace);
    return [file];
  }
  writePrivate(file, renderBugReport(made), replace);
  if (hostZip === null) return [file];
  writePrivate(beside(file), hostZip, replace);
  return [file, beside(file)];
}
