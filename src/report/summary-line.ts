import { findEntry } from "../engine/catalogue.ts";
import type { Diagnosis } from "../engine/diagnose.ts";
import type { Finding, Severity } from "../engine/types.ts";
import { shareVersion } from "./shared.ts";

/** The host's own diagnostics keep no longer line of its log. Characters, all of them ASCII. */
export const SUMMARY_LIMIT = 240;

const ORDER: readonly Severity[] = ["error", "warning", "info"];

/**
 * A diagnosis in one line for the host's log: counts, checks and verdicts, nothing else. At most 240 characters; what
 * does not fit is counted.
 */
export function summaryLine(diagnosis: Pick<Diagnosis, "findings" | "host" | "tool" | "checksRun">): string {
  const { findings, host, tool, checksRun } = diagnosis;
  const head = `vitals ${tool.version} on ${shareVersion(host.version) ?? "unknown version"}: ${checksRun} checks`;
  if (findings.length === 0) return `${head}, nothing found`.slice(0, SUMMARY_LIMIT);
  const counts = ORDER.map(
    (severity) => [severity, findings.filter((one) => one.severity === severity).length] as const,
  )
    .filter(([, number]) => number > 0)
    .map(([severity, number]) => `${number} ${severity}`);
  const start = `${head}, ${counts.join(", ")}`;
  return shortened(start, groups(findings));
}

/** Findings of one check and verdict together, the most severe first: `stale-lock gone 2`. */
function groups(findings: readonly Finding[]): string[] {
  const counts = new Map<string, number>();
  const sorted = ORDER.flatMap((severity) =>
    findings.filter((one) => one.severity === severity && severity !== "info"),
  );
  for (const { checkId, verdict } of sorted) {
    const name = [checkName(checkId), verdict].filter(Boolean).join(" ");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, number]) => `${name} ${number}`);
}

/**
 * Only what the catalogue knows: a log is read by others, too. The host's export leaves out every line that has
 * "transcript" for a word.
 */
function checkName(checkId: string): string {
  const id = checkId.replace(/^vitals\//, "");
  try {
    return findEntry(id).id.replace("-transcript", "_transcript");
  } catch {
    return id === "facts" ? id : "other";
  }
}

function shortened(start: string, parts: readonly string[]): string {
  for (let shown = parts.length; shown > 0; shown -= 1) {
    const more = shown < parts.length ? `; ${parts.length - shown} more` : "";
    const line = `${start}: ${parts.slice(0, shown).join("; ")}${more}`;
    if (line.length <= SUMMARY_LIMIT) return line;
  }
  return start.slice(0, SUMMARY_LIMIT);
}
