import path from "node:path";
import { type Paint, plain, type Style } from "../cli/terminal.ts";
import type { Diagnosis } from "../engine/diagnose.ts";
import type { RepairResult } from "../engine/repair.ts";
import { type Finding, isAside, type RepairReport, type Severity } from "../engine/types.ts";
import type { PastRepair, PastRun, UndoneRepair } from "../engine/undo.ts";
import { count } from "./count.ts";

export const STYLE: Record<Severity, Style> = { error: "red", warning: "yellow", info: "cyan" };

/** A diagnosis for people. Severities are words, colour only repeats them. */
export function renderDiagnosis(diagnosis: Diagnosis, paint: Paint): string {
  const { stateDir, checksRun, silenced } = diagnosis;
  const [notes, findings] = splitAsides(diagnosis);
  const aside = notes + silenceLine(silenced.length);
  const head = `${paint("bold", hostName(diagnosis))} at ${plain(stateDir)}, ${count(checksRun, "check")} run`;
  if (findings.length === 0) return `${head}\n\n${paint("green", "Nothing found.")}\n${aside}`;
  const fixable = findings.filter((finding) => finding.fix !== null).length;
  const summary = [
    `${count(findings.length, "finding")}: ${bySeverity(findings)}.`,
    fixable === 0
      ? "None of them can be repaired from here."
      : `\`openclaw-vitals fix\` can repair ${fixable === findings.length ? "all of them" : fixable}.`,
  ].join(" ");
  return `${head}\n\n${findings.map((finding) => renderFinding(finding, stateDir, paint)).join("\n")}\n${summary}\n${aside}`;
}

/** What nobody has to act on is one line among other checks, and shown in full when asked for by itself. */
export function splitAsides({ findings, checksRun }: Diagnosis): [string, readonly Finding[]] {
  const asides = findings.filter(isAside);
  if (asides.length === 0 || checksRun === 1) return ["", findings];
  const checks = [...new Set(asides.map((finding) => finding.checkId.replace(/^vitals\//, "")))].join(",");
  const line = `${count(asides.length, "note")} that ${asides.length === 1 ? "needs" : "need"} no action: \`openclaw-vitals --only ${plain(checks)}\`\n`;
  return [line, findings.filter((finding) => !isAside(finding))];
}

export function silenceLine(silenced: number): string {
  if (silenced === 0) return "";
  return `${count(silenced, "finding")} silenced by the policy: \`openclaw-vitals policy\` says which and why.\n`;
}

/** One finding in full. */
export function renderFinding(finding: Finding, stateDir: string, paint: Paint): string {
  const { severity, message, verdict, confidence, evidence, fixHint, checkId, id } = finding;
  const lines = [`${paint(STYLE[severity], severity)}  ${plain(message)}`];
  const labels = [checkId.replace(/^vitals\//, ""), verdict && `${verdict} (${confidence})`, id]
    .filter(Boolean)
    .join(", ");
  lines.push(`  ${paint("dim", labels)}`);
  if (finding.path !== undefined) lines.push(`  ${plain(relative(stateDir, finding.path))}`);
  for (const { what, value, source } of evidence)
    lines.push(paint("dim", `  - ${plain(what)}: ${plain(String(value))} (${plain(source)})`));
  if (fixHint !== undefined) lines.push(`  ${plain(fixHint)}`);
  return `${lines.join("\n")}\n`;
}

/** What `fix` did, for people. */
export function renderRepairs(result: RepairResult, paint: Paint): string {
  const { repairs, remaining, silenced, stateDir, run } = result;
  const last = silenceLine(silenced.length);
  if (repairs.length === 0 && remaining.every(isAside)) return `${paint("green", "Nothing to repair.")}\n${last}`;
  const lines = repairs.map((repair) => renderRepair(repair, stateDir, paint));
  const planned = repairs.some((repair) => repair.status === "planned");
  const left = remaining
    .filter((finding) => !planned || finding.fix === null)
    .map(
      (finding) =>
        `${paint(STYLE[finding.severity], finding.severity)}  ${plain(finding.message)}${finding.fixHint === undefined ? "" : `\n  ${plain(finding.fixHint)}`}`,
    );
  if (left.length > 0) lines.push("", paint("bold", planned ? "Not repaired by this tool:" : "Left:"), ...left);
  if (planned) lines.push("", "Nothing was changed (--dry-run).");
  // A restart cannot be taken back, nor what the host did itself.
  if (
    run !== null &&
    repairs.some(({ status, risk, final }) => status === "repaired" && risk !== "disruptive" && !final)
  )
    lines.push("", `Run ${run}. Take it back with \`openclaw-vitals undo ${run}\`.`);
  return `${lines.join("\n")}\n${last}`;
}

function renderRepair(
  { status, reason, changes, effects, diffs, target, path: file }: RepairReport,
  stateDir: string,
  paint: Paint,
): string {
  const style: Record<RepairReport["status"], Style> = {
    repaired: "green",
    planned: "cyan",
    skipped: "yellow",
    failed: "red",
  };
  const what =
    changes.length > 0
      ? changes
      : effects.map(({ action, target: at }) => (at === undefined ? action : `${action}: ${at}`));
  const shown = what.map((text) => plain(text.replaceAll(stateDir + path.sep, "")));
  const about = target ?? (file === undefined ? "" : relative(stateDir, file));
  return [
    `${paint(style[status], status)}  ${plain(about)}${reason === undefined ? "" : `: ${plain(reason)}`}`,
    ...shown.map((text) => `  ${text}`),
    ...(status === "planned" ? diffs.flatMap(({ unifiedDiff = "" }) => diffLines(unifiedDiff, paint)) : []),
  ].join("\n");
}

/** Deeper than all else: a terminal's lines are broken at words, these are not. */
export function diffLines(diff: string, paint: Paint): string[] {
  const lines = diff.split("\n").filter(Boolean);
  return lines.map((line) => paint("dim", `      ${plain(line)}`));
}

/** The journal's runs, newest first. */
export function renderHistory(runs: readonly PastRun[], stateDir: string, paint: Paint): string {
  if (runs.length === 0) return "Nothing was ever repaired here.\n";
  return runs
    .map(({ run, at, repairs }) => {
      const lines = repairs.map(
        (repair) =>
          `  ${repair.n}  ${repair.canUndo ? "can be undone" : plain(repair.state)}  ${plain(repair.checkId.replace("vitals/", ""))}  ${plain(relative(stateDir, repair.path))}`,
      );
      return [`${paint("bold", plain(run))}  ${plain(at)}`, ...lines].join("\n");
    })
    .join("\n")
    .concat("\n");
}

/** What is asked before these repairs of a run are taken back. */
export function undoQuestion(run: string, chosen: readonly PastRepair[]): string {
  const single = chosen.length === 1;
  const many = (one: string, more: string): string => (single ? one : `${chosen.length} ${more}`);
  const again = (done: string): string => `What ${single ? "it" : "they"} ${done} will be ${done} again.`;
  if (chosen.every(({ kind }) => kind === "file"))
    return `Put back ${many("the lock", "locks")} of run ${plain(run)}? ${again("locked")}`;
  if (chosen.every(({ kind }) => kind === "row"))
    return `Put ${many("the row", "rows")} of run ${plain(run)} back into the database? ${again("blocked")}`;
  return `Take back ${many("the repair", "repairs")} of run ${plain(run)}? All will be as it was before.`;
}

/** What `undo` did. */
export function renderUndone(undone: readonly UndoneRepair[], stateDir: string, paint: Paint): string {
  const style: Record<UndoneRepair["status"], Style> = { restored: "green", skipped: "yellow", failed: "red" };
  return undone
    .map(
      ({ status, path: file, reason }) =>
        `${paint(style[status], status)}  ${plain(relative(stateDir, file))}${reason === undefined ? "" : `: ${plain(reason)}`}\n`,
    )
    .join("");
}

/** The host as it is called in a heading. */
export function hostName({ host }: Diagnosis): string {
  return host.version === null ? "OpenClaw (version not found)" : `OpenClaw ${plain(host.version)}`;
}

function bySeverity(findings: readonly Finding[]): string {
  const order: Severity[] = ["error", "warning", "info"];
  return order
    .map((severity) => [severity, findings.filter((finding) => finding.severity === severity).length] as const)
    .filter(([, number]) => number > 0)
    .map(([severity, number]) => `${number} ${severity}`)
    .join(", ");
}

export function relative(stateDir: string, file: string): string {
  const inside = path.relative(stateDir, file);
  return inside === ".." || inside.startsWith(`..${path.sep}`) ? file : inside;
}
