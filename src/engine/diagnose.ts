import path from "node:path";
import { configValue } from "../facts/config.ts";
import { type FactOptions, type Facts, gatherFacts } from "../facts/facts.ts";
import { packageVersion } from "../package.ts";
import { compareTexts } from "../text-order.ts";
import { uptimeMs } from "../uptime.ts";
import { appliesTo, type CatalogueEntry, catalogue, docsUrl, loadCheck } from "./catalogue.ts";
import { deadlineAfter, within } from "./deadlines.ts";
import { errorText, UserError } from "./errors.ts";
import { findingId, fingerprint } from "./finding-id.ts";
import { type Draft, LateDraft, LateFinding, plainFinding, ranked } from "./late-finding.ts";
import { isOff, type Policy } from "./policy.ts";
import { type EffectivePolicy, PLUGIN_CONFIG, readPolicy } from "./policy-sources.ts";
import { applySilences, type SilencedFinding } from "./silence.ts";
import { compareSeverity, type Finding, type FindingDraft, type Risk, type Severity } from "./types.ts";

export const SCHEMA_VERSION = 1;
/** The identity of what says that a check itself failed. */
const CHECK_FAILED = "check failed";

/** How long a gateway may be watched. */
const WATCH_MS = { least: 1_000, most: 3_600_000 } as const;

export interface DiagnoseOptions extends FactOptions {
  /** Ids of the checks to run; all when empty. */
  readonly only?: readonly string[] | undefined;
  readonly skip?: readonly string[] | undefined;
  /** Findings below are left out; without it all are listed and `ok` counts from `warning`. */
  readonly severityMin?: Severity | undefined;
  /** Policy file, JSON or YAML. */
  readonly policyFile?: string | undefined;
  /** The policy in force, when it is known already; nothing else is read then. */
  readonly policy?: Policy | undefined;
}

/** The JSON document of `check`: the host's `doctor --lint --json` and more. */
export interface Diagnosis {
  readonly schemaVersion: number;
  /** Nothing at or above the threshold. */
  readonly ok: boolean;
  readonly checksRun: number;
  readonly checksSkipped: number;
  readonly findings: readonly Finding[];
  /** What the policy tells not to count: neither in `findings` nor in `ok`, and never repaired. */
  readonly silenced: readonly SilencedFinding[];
  readonly tool: { readonly name: string; readonly version: string };
  readonly host: { readonly version: string | null; readonly source: string };
  readonly stateDir: string;
  /** Milliseconds per check, and in all. */
  readonly timings: Readonly<Record<string, number>>;
}

/** A diagnosis with what it was made from, for planning repairs. */
export interface DiagnosisRun {
  readonly diagnosis: Diagnosis;
  readonly facts: Facts;
  readonly policy: Policy;
}

/**
 * Looks at an OpenClaw install and reports what is wrong. Reads only.
 * @throws UserError when there is nothing to look at or an option is wrong.
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { diagnosis } = await runChecks(options);
  return { ...diagnosis, findings: diagnosis.findings.map(plainFinding) };
}

/** The policy for an install, and where each of its values comes from. @throws UserError when it is not valid. */
export async function policyFor(
  facts: Facts,
  { policyFile, only, skip, yes }: DiagnoseOptions & { readonly yes?: boolean | undefined },
): Promise<EffectivePolicy> {
  return await readPolicy({
    stateDir: facts.stateDir,
    file: policyFile === undefined ? undefined : path.resolve(policyFile),
    pluginConfig: configValue(facts.config, PLUGIN_CONFIG),
    flags: { only, skip, yes },
  });
}

/** As `diagnose`, for those who go on to repair. */
export async function runChecks(options: DiagnoseOptions, known?: Facts): Promise<DiagnosisRun> {
  const startedAt = uptimeMs();
  checkWatch(options.watchForMs);
  const given = known ?? gatherFacts(options);
  const policy = options.policy ?? (await policyFor(given, options)).policy;
  // Facts that are looked at again are not to be watched again.
  const watchForMs = known === undefined ? options.watchForMs : undefined;
  const facts = policy.locks.soleOwner ? given.fresh({ soleOwner: true, watchForMs }) : given;
  const host = facts.host();
  const timings: Record<string, number> = {};
  const findings: Finding[] = [];
  const failed = new Set<string>();
  let checksRun = 0;
  for (const entry of catalogue()) {
    if (isOff(policy, entry.id) || !(await appliesTo(entry, host.version))) continue;
    checksRun += 1;
    const before = uptimeMs();
    const drafts = await runCheck(entry, facts, policy, deadlineAfter(before - startedAt, options.watchForMs));
    timings[entry.id] = roundMs(uptimeMs() - before);
    const found = completed(entry, drafts, facts);
    const itFailed = drafts.some(saysItFailed);
    if (itFailed) for (const { id } of found) failed.add(id);
    const severity = itFailed ? "default" : policy.checks[entry.id]?.severity;
    // As arguments, 100,000 would overflow the stack.
    for (const one of found) findings.push(asThePolicyRanks(one, severity));
  }
  for (const problem of facts.problems()) findings.push(unreadable(problem, facts));
  timings["total"] = roundMs(uptimeMs() - startedAt);
  const heard = applySilences(findings, policy.silence, Date.now(), failed);
  const least = options.severityMin;
  const kept = inOrder(heard.findings.filter(isAtLeast(least ?? "info")).map((one) => capped(one, facts.updating)));
  const diagnosis: Diagnosis = {
    schemaVersion: SCHEMA_VERSION,
    ok: !kept.some(isAtLeast(least ?? "warning")),
    checksRun,
    checksSkipped: catalogue().length - checksRun,
    findings: kept,
    silenced: inOrder(heard.silenced.filter(isAtLeast(least ?? "info"))),
    tool: { name: "openclaw-vitals", version: packageVersion() },
    host,
    stateDir: facts.stateDir,
    timings,
  };
  return { diagnosis, facts, policy };
}

/** The policy ranks what is wrong; notes that need no action stay notes. */
function asThePolicyRanks(finding: Finding, severity: Severity | "default" | "off" = "default"): Finding {
  if (severity === "default" || severity === "off" || finding.severity === "info") return finding;
  return ranked(finding, severity);
}

function inOrder<T extends Finding>(findings: readonly T[]): T[] {
  return [...findings].sort(
    (a, b) =>
      compareSeverity(b.severity, a.severity) ||
      compareTexts(a.checkId, b.checkId) ||
      compareTexts(a.path ?? "", b.path ?? ""),
  );
}

function checkWatch(watchForMs: number | undefined): void {
  if (watchForMs === undefined || (watchForMs >= WATCH_MS.least && watchForMs <= WATCH_MS.most)) return;
  throw new UserError(
    `watchForMs does not take ${watchForMs}.`,
    `Allowed: milliseconds from ${WATCH_MS.least} to ${WATCH_MS.most}.`,
  );
}

async function runCheck(
  entry: CatalogueEntry,
  facts: Facts,
  policy: Policy,
  deadlineMs: number,
): Promise<readonly Draft[]> {
  try {
    return await within(deadlineMs, async () => await (await loadCheck(entry.id)).run(facts, policy));
  } catch (error) {
    return [
      {
        severity: "error",
        message: `The check ${entry.id} itself failed, so nothing is known about what it looks at: ${errorText(error)}.`,
        confidence: "unknown",
        evidence: [],
        identity: CHECK_FAILED,
        risk: null,
      },
    ];
  }
}

function saysItFailed(draft: Draft): boolean {
  return !(draft instanceof LateDraft) && draft.identity === CHECK_FAILED;
}

function completed({ id, fix }: CatalogueEntry, drafts: readonly Draft[], facts: Facts): Finding[] {
  const [checkId, url] = [`vitals/${id}`, docsUrl(id)];
  const fixes = new Map<Risk | undefined, Finding["fix"]>();
  const fixOf = (risk: Risk | null | undefined): Finding["fix"] => {
    if (risk === null) return null;
    const known = fixes.get(risk) ?? (fix && { ...fix, risk: risk ?? fix.risk });
    fixes.set(risk, known);
    return known;
  };
  const source = "openclaw-vitals";
  const idOf = (draft: FindingDraft): string => findingId(id, facts.stateDir, draft.path, draft.identity);
  const complete = (whole: FindingDraft): Finding => {
    const { identity, risk, ...draft } = whole;
    return { id: idOf(whole), checkId, ...draft, source, docsUrl: url, fix: fixOf(risk) };
  };
  const completion = { checkId, source, docsUrl: url, id: idOf, fix: fixOf };
  return drafts.map((draft) => (draft instanceof LateDraft ? new LateFinding(draft, completion) : complete(draft)));
}

function unreadable(problem: string, facts: Facts): Finding {
  return {
    id: fingerprint("facts", problem.replaceAll(facts.stateDir, ""), ""),
    checkId: "vitals/facts",
    severity: "warning",
    message: `Part of this install could not be looked at: ${problem}.`,
    confidence: "proven",
    evidence: [],
    ...(problem === facts.config.problem ? placeOfProblem(facts) : {}),
    source: "openclaw-vitals",
    docsUrl: "https://unpkg.com/openclaw-vitals/README.md",
    fixHint: "Run as the user that runs OpenClaw, or correct the file.",
    fix: null,
  };
}

/** Where a config that cannot be read is wrong, as far as its text tells. */
function placeOfProblem(facts: Facts): Pick<Finding, "location"> {
  const { problem } = facts.configGraph();
  if (problem === null || problem.line === null || problem.column === null) return {};
  return { location: { file: problem.file, line: problem.line, column: problem.column } };
}

/** An error-level finding would stop `openclaw update` on findings the update does not cause. */
function capped(finding: Finding, updating: boolean): Finding {
  return updating && finding.severity === "error" ? ranked(finding, "warning") : finding;
}

function isAtLeast(least: Severity): (finding: Finding) => boolean {
  return ({ severity }) => compareSeverity(severity, least) >= 0;
}

function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}
