import path from "node:path";
import { type Paint, plain, type Style } from "../cli/terminal.ts";
import type { PlannedRepair } from "../engine/apply.ts";
import { catalogue, groupOf } from "../engine/catalogue.ts";
import type { Diagnosis } from "../engine/diagnose.ts";
import type { RepairResult } from "../engine/repair.ts";
import {
  compareSeverity,
  type Finding,
  isAside,
  type RepairOutcome,
  type RepairReport,
  type RepairStatus,
} from "../engine/types.ts";
import { count } from "./count.ts";
import { diffLines, hostName, relative, STYLE, silenceLine, splitAsides } from "./human.ts";

/** More of one kind say nothing new on a screen. */
const SHOWN_PER_GROUP = 8;

const MARK: Record<RepairStatus, { readonly symbol: string; readonly style: Style }> = {
  repaired: { symbol: "✓", style: "green" },
  failed: { symbol: "✗", style: "red" },
  skipped: { symbol: "–", style: "yellow" },
  planned: { symbol: "·", style: "cyan" },
};

/** What is shown before anybody is asked. */
export interface Guide {
  readonly diagnosis: Diagnosis;
  /** How many repairs of a killed run were brought to an end before. */
  readonly finished: number;
  /** Why a finding that has a repair gets none now. */
  readonly skipped: readonly RepairReport[];
  /** How many repairs are offered. */
  readonly offered: number;
  /** Show also what nobody has to act on. */
  readonly asides: boolean;
}

/** The findings, by what is broken for the user, worst first, and last what can be done about them. */
export function renderGuide({ diagnosis, finished, skipped, offered, asides }: Guide, paint: Paint): string {
  const { stateDir, silenced } = diagnosis;
  const [notes, findings] = asides ? ["", diagnosis.findings] : splitAsides(diagnosis);
  const aside = notes + silenceLine(silenced.length);
  const resumed =
    finished === 0 ? "" : `\nAn earlier run was interrupted; ${count(finished, "repair")} of it came to an end now.`;
  const head = `${paint("bold", hostName(diagnosis))} at ${plain(stateDir)}${resumed}`;
  if (findings.length === 0) return `${head}\n\n${aside}${paint("green", "Nothing found.")}\n`;
  const reasons = new Map(skipped.map(({ findingId, reason }) => [findingId, reason]));
  const groups = inGroups(findings).map(([group, members]) => {
    const shown = members
      .slice(0, SHOWN_PER_GROUP)
      .map((one) => renderShort(one, reasons.get(one.id), stateDir, paint));
    const more = members.length - shown.length;
    return `${paint("bold", plain(group))}\n${shown.join("")}${more > 0 ? `  and ${more} more\n` : ""}`;
  });
  return `${head}\n\n${groups.join("\n")}\n${aside}Evidence: \`openclaw-vitals check\`\n${verdict(findings.length, offered)}\n`;
}

/** Of groups that are equally bad the one that comes first in the catalogue leads. */
function inGroups(findings: readonly Finding[]): [string, Finding[]][] {
  const order = new Map(catalogue().map(({ id }, index) => [`vitals/${id}`, index]));
  const place = ({ checkId }: Finding): number => order.get(checkId) ?? order.size;
  const sorted = findings.toSorted((a, b) => compareSeverity(b.severity, a.severity) || place(a) - place(b));
  return [...Map.groupBy(sorted, ({ checkId }) => groupOf(checkId))];
}

function verdict(found: number, offered: number): string {
  const all = found === 1 ? "It" : "All";
  if (offered >= found) return `${count(found, "finding")}. ${all} can be repaired now.`;
  if (offered > 0) return `${count(found, "finding")}. ${offered} can be repaired now.`;
  return `${count(found, "finding")}. ${found === 1 ? "It cannot" : "None can"} be repaired from here.`;
}

/** Without evidence; of a finding that gets no repair it is said what to do. */
function renderShort(finding: Finding, reason: string | undefined, stateDir: string, paint: Paint): string {
  const { severity, message, fixHint, fix } = finding;
  const file = finding.path === undefined ? [] : [paint("dim", plain(relative(stateDir, finding.path)))];
  const hint = fix === null ? fixHint : reason === undefined ? undefined : `No repair now: ${reason}.`;
  const more = [...file, ...(hint === undefined ? [] : [plain(hint)])];
  return [`  ${paint(STYLE[severity], severity)}  ${plain(message)}\n`, ...more.map((line) => `    ${line}\n`)].join(
    "",
  );
}

/** Exactly what these repairs do, before anybody says yes to them. */
export function renderPlan(head: string, chosen: readonly PlannedRepair[], stateDir: string, paint: Paint): string {
  const lines = chosen.flatMap(({ finding, repair }) => [
    `  ${repair.risk}  ${plain(finding.target ?? finding.id)}`,
    ...repair.effects.map(({ action, target }) => {
      const at = target === undefined || action.includes(target) ? "" : `: ${plain(inside(target, stateDir))}`;
      return `    ${plain(action)}${at}`;
    }),
    ...repair.diffs.flatMap(({ unifiedDiff = "" }) => diffLines(inside(unifiedDiff, stateDir), paint)),
  ]);
  return `\n${paint("bold", head)}\n${lines.join("\n")}\n\n`;
}

/** One repair as it happens: a symbol and the word for it, what it was about and what was done. */
export function renderOutcome({ finding }: PlannedRepair, outcome: RepairOutcome, stateDir: string, paint: Paint) {
  const { symbol, style } = MARK[outcome.status];
  const reason = outcome.status === "repaired" ? "" : `: ${plain(inside(outcome.reason, stateDir))}`;
  const changes = outcome.status === "repaired" ? outcome.changes : [];
  return [
    `${paint(style, `${symbol} ${outcome.status}`)}  ${plain(finding.target ?? finding.id)}${reason}\n`,
    ...changes.map((change) => `    ${plain(inside(change, stateDir))}\n`),
  ].join("");
}

/** After the repairs: what is left and why, how to undo, and last what it came to. */
export function renderEnd(result: RepairResult, interrupted: boolean, paint: Paint): string {
  const { repairs, remaining, stateDir, run } = result;
  const reports = new Map(repairs.map((one) => [one.findingId, one]));
  const left = remaining.filter((finding) => !isAside(finding) || reports.has(finding.id));
  const done = repairs.filter(({ status }) => status === "repaired");
  const lines = left.map((finding) => {
    const why = reports.get(finding.id)?.reason ?? (finding.fix === null ? finding.fixHint : undefined);
    const { severity, message } = finding;
    const reason = why === undefined ? "" : `\n    ${plain(inside(why, stateDir))}`;
    return `  ${paint(STYLE[severity], severity)}  ${plain(message)}${reason}\n`;
  });
  const undo =
    run !== null && done.some(({ risk, final }) => risk !== "disruptive" && !final)
      ? `\nTake it back: \`openclaw-vitals undo ${run}\`\n`
      : "";
  const list = lines.length === 0 ? "" : `\n${paint("bold", "Left:")}\n${lines.join("")}`;
  const rest = left.length === 0 ? "Nothing is left." : `${left.length} left.`;
  const start = interrupted ? "Interrupted. " : "";
  return `${list}${undo}\n${start}${done.length} repaired. ${rest}\n`;
}

function inside(text: string, stateDir: string): string {
  return text.replaceAll(stateDir + path.sep, "");
}
