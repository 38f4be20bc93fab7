/** What the log of a gateway is told. It is read by many: no values of the config, no names of users and programs. */
import path from "node:path";
import type { Evidence, Finding, RepairReport } from "../engine/types.ts";
import { printable } from "./closing-section.ts";

/** Texts of evidence that may be shown: numbers, times, words of ours, and titles of OpenClaw's own processes. */
const SHOWN =
  /^(?:\d+(?:, \d+)*|\d{4}-\d\d-\d\dT[\d:.]+Z|none|empty|running|openclaw(?:-\w+)?|dead, not yet collected by its parent|not (?:UTF-8 text|JSON|a JSON object)|no valid pid|\d+ bytes long)$/;

/** Something found, for whoever reads the log. */
export function foundLine(finding: Finding, stateDir: string): string {
  const { message, severity, path: file, fix } = finding;
  const place = file === undefined ? "" : `; at ${placeOf(file, stateDir)}`;
  const next = fix === null ? "openclaw vitals" : `openclaw vitals fix --only ${checkOf(finding)}`;
  const risk = fix === null ? "" : ` (${fix.risk})`;
  return clean(
    `vitals: found ${checkOf(finding)}, ${severity}: ${message.replace(/\.$/, "")}${place}${evidenceText(finding)}; see: ${next}${risk}`,
    stateDir,
  );
}

/** One repair, with all that is needed to judge it afterwards, and to take it back. */
export function healedLine(finding: Finding, { status, reason }: RepairReport, run: string, stateDir: string): string {
  const place = finding.path === undefined ? "" : ` ${placeOf(finding.path, stateDir)}`;
  const end =
    status === "repaired"
      ? `moved into the quarantine, run ${run}; undo: openclaw vitals undo ${run}`
      : `${status}: ${reason ?? "for no known reason"}`;
  return clean(
    `vitals: ${status === "repaired" ? "healed" : "not healed:"} ${checkOf(finding)}${place}${evidenceText(finding)}; ${end}`,
    stateDir,
  );
}

/** Why something is left as it is that would be healed otherwise. */
export function leftAloneLine(finding: Finding, why: "undone" | "too-often", stateDir: string): string {
  const place = placeOf(finding.path ?? "", stateDir);
  const check = checkOf(finding);
  return clean(
    why === "undone"
      ? `vitals: ${check} ${place} was put back by an undo, so self-healing leaves it alone; repair: openclaw vitals fix --only ${check}`
      : `vitals: ${check} ${place} was repaired again and again within an hour, so self-healing leaves it alone until a day after the last repair; find out what ends the owner of this lock (openclaw vitals history), repair by hand: openclaw vitals fix --only ${check}`,
    stateDir,
  );
}

/** What a run of repairs came to, short enough for the host's own export. */
export function runLine(reports: readonly RepairReport[], run: string): string {
  const healed = reports.filter(({ status }) => status === "repaired").length;
  return `vitals healed ${healed} of ${reports.length}, run ${run}; undo: openclaw vitals undo ${run}`;
}

export function checkOf({ checkId }: Pick<Finding, "checkId">): string {
  return checkId.replace(/^vitals\//, "");
}

/** Relative to the state dir; of another place the last two names. */
function placeOf(file: string, stateDir: string): string {
  const relative = path.relative(stateDir, file);
  if (relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative)) return relative;
  return path.join("…", path.basename(path.dirname(file)), path.basename(file));
}

function evidenceText({ verdict, confidence, evidence }: Finding): string {
  if (verdict === undefined) return "";
  return [`; verdict ${verdict} (${confidence})`, ...evidence.map(evidenceWords)].join("; ");
}

function evidenceWords({ what, value }: Evidence): string {
  const shown = typeof value !== "string" || SHOWN.test(value) ? String(value) : "(not shown)";
  return `${what}: ${shown}`;
}

function clean(line: string, stateDir: string): string {
  return printable(line.replaceAll(stateDir + path.sep, "").replaceAll(stateDir, "the state dir"));
}
