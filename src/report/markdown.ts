import type { Finding, RepairReport, Severity } from "../engine/types.ts";
import type { Redactor } from "./redact.ts";
import type { SharedDiagnosis } from "./shared.ts";

const ORDER: readonly Severity[] = ["error", "warning", "info"];

/** A diagnosis as Markdown, to be read on a page that anybody may see. */
export function renderMarkdown(diagnosis: SharedDiagnosis): string {
  const { tool, host, checksRun, findings } = diagnosis;
  const version = host.version === null ? "OpenClaw (version not found)" : `OpenClaw ${host.version}`;
  return [
    "# OpenClaw vital signs",
    "",
    `${version}, ${tool.name} ${tool.version}, ${count(checksRun, "check")} run: ${countBySeverity(findings)}.`,
    "",
    ...(findings.length === 0 ? [] : [...overview(findings), "", ...findings.map(renderFinding)]),
  ].join("\n");
}

/** Findings in a table; the ids lead to the sections below. */
function overview(findings: readonly Finding[]): string[] {
  const rows = findings.map(
    ({ severity, checkId, verdict, target, id }) =>
      `| ${severity} | ${link(checkId)} | ${verdict ?? ""} | ${cell(target ?? "")} | \`${id}\` |`,
  );
  return ["| Severity | Check | Verdict | About | Finding |", "| --- | --- | --- | --- | --- |", ...rows];
}

/** One finding with its evidence, as a section of its own. */
export function renderFinding(finding: Finding): string {
  const { id, severity, checkId, message, verdict, confidence, path, location, evidence, fixHint } = finding;
  const place = location === undefined ? path : `${location.file}, line ${location.line}`;
  const lines = [`### ${severity}: ${name(checkId)} \`${id}\``, "", escapeMarkdown(message), ""];
  lines.push(`- confidence: ${confidence}${verdict === undefined ? "" : `, verdict: ${verdict}`}`);
  if (place !== undefined) lines.push(`- file: ${code(place)}`);
  for (const { what, value, source } of evidence)
    lines.push(`- ${escapeMarkdown(what)}: ${code(String(value))} (${escapeMarkdown(source)})`);
  if (fixHint !== undefined) lines.push("", escapeMarkdown(fixHint));
  return `${lines.join("\n")}\n`;
}

/** What `fix` did, as a section. */
export function renderRepairsMarkdown(repairs: readonly RepairReport[], redactor: Redactor): string {
  if (repairs.length === 0) return "";
  const rows = repairs.map(
    ({ status, checkId, target, path, reason }) =>
      `| ${status} | ${link(checkId)} | ${cell(redactor.text(target ?? ""))} | ${path === undefined ? "" : code(redactor.path(path))} | ${cell(redactor.text(reason ?? ""))} |`,
  );
  const head = ["## Repairs", "", "| Status | Check | About | File | Why |", "| --- | --- | --- | --- | --- |"];
  return `${[...head, ...rows, ""].join("\n")}\n`;
}

/** `2 errors, 1 warning` or `nothing found`. */
export function countBySeverity(findings: readonly Finding[]): string {
  const counts = ORDER.map(
    (severity) => [severity, findings.filter((one) => one.severity === severity).length] as const,
  )
    .filter(([, number]) => number > 0)
    .map(([severity, number]) => (severity === "info" ? `${number} info` : count(number, severity)));
  return counts.length === 0 ? "nothing found" : counts.join(", ");
}

/** Text that cannot become a mention, a link, markup or HTML. */
export function escapeMarkdown(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/[\\*_[\]<>|~]/g, "\\$&").replaceAll("@", "@\u200B")))
    .join("");
}

function cell(text: string): string {
  return escapeMarkdown(text).replaceAll("|", "\\|");
}

/** In a code span of as many backticks as it takes. */
export function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const space = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${space}${text}${space}${fence}`;
}

function link(checkId: string): string {
  return `\`${name(checkId)}\``;
}

function name(checkId: string): string {
  return checkId.replace(/^vitals\//, "");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
