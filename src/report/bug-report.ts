import os from "node:os";
import type { JournalLine } from "./journal-extract.ts";
import { code, countBySeverity, escapeMarkdown, renderFinding } from "./markdown.ts";
import type { Shareable, SharedDiagnosis } from "./shared.ts";
import { renderVitals, type SharedVitals } from "./vitals-text.ts";

/** All that a report tells; made of nothing but shareable parts. */
export interface BugReport {
  readonly diagnosis: SharedDiagnosis;
  readonly journal: Shareable<readonly JournalLine[]> | null;
  readonly vitals: SharedVitals;
  readonly platform: string;
  /** Whether the host's own export goes with it; null when that was not asked for. */
  readonly hostDiagnostics: { readonly file: string } | { readonly why: string } | null;
}

/** What a person has to say; the form's own word for what is not known. */
const ASK = "NOT_ENOUGH_INFO";
/** Forms take no more than 65,536 characters; the rest is in the zip. */
const MOST_FINDINGS = 40;

/** The report as Markdown, under the headings of OpenClaw's form for bugs. */
export function renderBugReport(report: BugReport): string {
  const { diagnosis, platform } = report;
  const { findings, host, tool } = diagnosis;
  const worst = findings[0];
  return [
    "<!-- Made by `openclaw-vitals report`. Names of agents, sessions, jobs and files are replaced, e.g. by agent-1,",
    `     the same everywhere in this report. Please replace each ${ASK}; what was measured is below. -->`,
    "",
    section("Bug type", `${ASK} <!-- Regression, Crash or Behavior bug -->`),
    section("Beta release blocker", `${ASK} <!-- Yes or No -->`),
    section("Summary", worst === undefined ? `${ASK} (no check found anything)` : escapeMarkdown(worst.message)),
    section("Steps to reproduce", ASK),
    section("Expected behavior", ASK),
    section("Actual behavior", `${ASK}\n\nWhat openclaw-vitals found: ${countBySeverity(findings)}.`),
    section("OpenClaw version", host.version === null ? `${ASK} (not found)` : `${host.version} (${host.source})`),
    section("Operating system", platform),
    section("Install method", `${ASK} <!-- npm global, pnpm, docker, app ... -->`),
    section("Model", ASK),
    section("Provider / routing chain", ASK),
    section("Logs, screenshots, and evidence", evidence(report)),
    section("Impact and severity", `${ASK}${worst === undefined ? "" : `\n\nMost severe finding: ${worst.severity}.`}`),
    section("Additional information", additional(report, `${tool.name} ${tool.version}`)),
  ].join("\n");
}

function section(label: string, text: string): string {
  return `### ${label}\n\n${text}\n`;
}

function evidence({ diagnosis, vitals, journal }: BugReport): string {
  const { findings } = diagnosis;
  const shown = findings.slice(0, MOST_FINDINGS).map((finding) => renderFinding(finding).replace(/^###/, "####"));
  const left = findings.length - shown.length;
  const parts = [
    findings.length === 0 ? "No check found anything.\n" : shown.join("\n"),
    ...(left > 0 ? [`${left} more findings are in diagnosis.json of the zip (\`--output report.zip\`).\n`] : []),
    `#### Vital signs\n\n${renderVitals(vitals)}\n`,
    `#### Repairs so far\n\n${renderJournal(journal)}`,
  ];
  return parts.join("\n");
}

function renderJournal(journal: readonly JournalLine[] | null): string {
  if (journal === null) return "The journal cannot be read.";
  if (journal.length === 0) return "None by openclaw-vitals.";
  const rows = journal.map(
    ({ at, check, kind, phase, findingId, path }) =>
      `| ${at} | ${check} | ${kind} | ${phase} | \`${findingId}\` | ${code(path)} |`,
  );
  const head = ["| Time | Check | Kind | Now | Finding | File |", "| --- | --- | --- | --- | --- | --- |"];
  return [...head, ...rows].join("\n");
}

function additional({ diagnosis, vitals, hostDiagnostics, journal }: BugReport, tool: string): string {
  const { checksRun, checksSkipped } = diagnosis;
  const lines = [
    `- ${tool}, Node ${process.versions.node}`,
    `- checks run: ${checksRun}, not run: ${checksSkipped}; repairs in the journal: ${journal?.length ?? "unknown"}`,
  ];
  if (hostDiagnostics !== null)
    lines.push(
      "file" in hostDiagnostics
        ? `- OpenClaw's own diagnostics export is in \`${hostDiagnostics.file}\`; it is redacted by OpenClaw's rules only, which keep names of agents, sessions and this machine.`
        : `- OpenClaw's own diagnostics export is missing: ${hostDiagnostics.why}.`,
    );
  const missing = vitals.missing.map((sentence) => `- ${escapeMarkdown(sentence)}`);
  const unmeasured = missing.length === 0 ? ["Nothing."] : missing;
  return [...lines, "", "#### What could not be measured", "", ...unmeasured].join("\n");
}

/** Kind and release of the operating system: a release can hold a name, so only its numbers are told. */
export function platformText(): string {
  const names: Readonly<Record<string, string>> = { darwin: "macOS (Darwin", linux: "Linux", win32: "Windows" };
  const release = /^\d+(?:\.\d+){0,3}/.exec(os.release())?.[0] ?? "";
  const name = names[process.platform] ?? "other";
  return `${name} ${release}${name.includes("(") ? ")" : ""}, ${process.arch}`.replace(/ +/g, " ");
}
