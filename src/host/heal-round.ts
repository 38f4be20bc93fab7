/** One round of self-healing: the policy read anew, a look, and under `fix` the repairs nobody has to be asked for. */
import path from "node:path";
import { type DiagnoseOptions, type DiagnosisRun, policyFor, runChecks } from "../engine/diagnose.ts";
import { errorText, UserError } from "../engine/errors.ts";
import { defaultPolicy, type Policy } from "../engine/policy.ts";
import { newRunId } from "../engine/quarantine.ts";
import { repairFindings } from "../engine/repair.ts";
import { compareSeverity, type Finding } from "../engine/types.ts";
import { type Facts, gatherFacts } from "../facts/facts.ts";
import { summaryLine } from "../report/summary-line.ts";
import { printable } from "./closing-section.ts";
import { type LeftAlone, openBreaker } from "./heal-breaker.ts";
import { checkOf, foundLine, healedLine, leftAloneLine, runLine } from "./heal-lines.ts";

/** Checks whose safe repairs are made. A config that changes under a running gateway would be a surprise. */
const HEALED = ["stale-lock", "lock-without-transcript", "config-lock", "gateway-lock"];

/** What a round has to tell. */
export interface HealRound {
  readonly mode: Policy["autoHeal"];
  /** What was done, a line each: always told. */
  readonly done: readonly string[];
  /** What stands: told once for each key, as long as it stays. */
  readonly notes: readonly { readonly key: string; readonly line: string }[];
  /** Everything in one line of at most 240 characters; null when nothing is to be told. */
  readonly summary: { readonly line: string; readonly clean: boolean } | null;
}

/** @throws UserError when there is nothing to look at. */
export async function healRound(options: DiagnoseOptions, nowMs = Date.now()): Promise<HealRound> {
  const facts = gatherFacts(options);
  const { policy, problem } = await policyOrDefault(facts, options);
  if (policy.autoHeal === "off") return { mode: "off", done: [], notes: [], summary: null };
  const before = await runChecks({ ...options, policy }, facts);
  const heals = policy.autoHeal === "fix" && !facts.updating;
  const { done, alone, findings } = heals
    ? await heal(before, { ...options, policy }, nowMs)
    : { done: [], alone: [], findings: before.diagnosis.findings };
  const standing = findings.filter(needsAction);
  const found = standing.map((finding) => ({ key: keyOf(finding), line: foundLine(finding, facts.stateDir) }));
  const { host, tool, checksRun } = before.diagnosis;
  const summary = (of: readonly Finding[]): string => summaryLine({ findings: of, host, tool, checksRun });
  return {
    mode: policy.autoHeal,
    done: done.length === 0 ? [] : [summary(before.diagnosis.findings.filter(needsAction)), ...done],
    notes: [...problem, ...alone, ...found],
    summary: { line: summary(standing), clean: standing.length === 0 },
  };
}

/** A policy that is not valid loosens nothing and hides nothing. */
async function policyOrDefault(facts: Facts, options: DiagnoseOptions) {
  try {
    return { policy: (await policyFor(facts, options)).policy, problem: [] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const what = "the policy is not valid, so self-healing only reports, with the defaults";
    return { policy: defaultPolicy, problem: [problemNote(what, error, facts)] };
  }
}

/** What is only remarked is not told, and what blocks nobody is not touched. */
function needsAction({ severity }: Finding): boolean {
  return compareSeverity(severity, "warning") >= 0;
}

function isHealed(finding: Finding): boolean {
  const { fix, verdict } = finding;
  const nobodys = verdict === "gone" || verdict === "residue";
  return fix?.risk === "safe" && nobodys && HEALED.includes(checkOf(finding)) && needsAction(finding);
}

function problemNote(what: string, error: UserError, { stateDir }: Facts) {
  const why = `${errorText(error)} ${error.remedy}`.replaceAll(stateDir + path.sep, "");
  const line = `vitals: ${what}: ${printable(why)}`;
  return { key: line, line };
}

async function heal(before: DiagnosisRun, options: DiagnoseOptions, nowMs: number): Promise<Healed> {
  const { findings } = before.diagnosis;
  const wanted = before.policy.repair.allow.includes("safe") ? findings.filter(isHealed) : [];
  if (wanted.length === 0) return { done: [], alone: [], findings };
  try {
    return await healThese(wanted, before, options, nowMs);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { done: [], alone: [problemNote("self-healing cannot repair", error, before.facts)], findings };
  }
}

interface Healed {
  readonly done: readonly string[];
  /** Why something was left as it is. */
  readonly alone: HealRound["notes"];
  readonly findings: readonly Finding[];
}

async function healThese(
  wanted: readonly Finding[],
  { diagnosis, facts, policy }: DiagnosisRun,
  options: DiagnoseOptions,
  nowMs: number,
): Promise<Healed> {
  const { stateDir } = facts;
  const why = openBreaker(stateDir, nowMs);
  const alone = wanted.flatMap((finding) => {
    const reason = why(finding);
    return reason === null ? [] : [{ key: aloneKey(finding, reason), line: leftAloneLine(finding, reason, stateDir) }];
  });
  const chosen = wanted.filter((finding) => why(finding) === null);
  if (chosen.length === 0) return { done: [], alone, findings: diagnosis.findings };
  const run = newRunId();
  const result = await repairFindings(
    { diagnosis, facts, policy },
    {
      ...options,
      run,
      consent: async (planned, allowed) =>
        new Set(
          planned.filter((one) => {
            const { finding, repair } = one;
            return allowed.has(one) && repair.risk === "safe" && isHealed(finding) && why(finding) === null;
          }),
        ),
    },
  );
  const tried = result.repairs.filter(({ findingId }) => chosen.some(({ id }) => id === findingId));
  const lines = tried.flatMap((report) => {
    const finding = chosen.find(({ id }) => id === report.findingId);
    return finding === undefined ? [] : [healedLine(finding, report, run, stateDir)];
  });
  return { done: tried.length === 0 ? [] : [runLine(tried, run), ...lines], alone, findings: result.remaining };
}

/** Of one place, not of one lock: each repair that is too many would bring a new one. */
function aloneKey({ checkId, path }: Finding, reason: Exclude<LeftAlone, null>): string {
  return `${reason} ${checkId} ${path}`;
}

/** Messages have figures in them that are never the same twice. */
function keyOf({ id, severity, verdict }: Finding): string {
  return [id, severity, verdict].join(" ");
}
