import type { Facts } from "../facts/facts.ts";
import { type Applied, type ApplyOptions, applyAll, inOrder, type PlannedRepair } from "./apply.ts";
import { loadFix } from "./catalogue.ts";
import { type DiagnoseOptions, type DiagnosisRun, runChecks, SCHEMA_VERSION } from "./diagnose.ts";
import { errorText } from "./errors.ts";
import { finishKilled } from "./finish-killed.ts";
import { plainFinding } from "./late-finding.ts";
import type { Policy } from "./policy.ts";
import { newRunId } from "./quarantine.ts";
import type { SilencedFinding } from "./silence.ts";
import { type Finding, type Fix, isAside, type RepairReport, type Risk } from "./types.ts";

export type Consent = (
  planned: readonly PlannedRepair[],
  allowed: ReadonlySet<PlannedRepair>,
) => Promise<ReadonlySet<PlannedRepair>>;

export interface RepairOptions extends DiagnoseOptions, ApplyOptions {
  /** Say what would be done and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** Also run repairs of risk `confirm`. */
  readonly yes?: boolean | undefined;
  /** Also run repairs of risk `disruptive`. */
  readonly force?: boolean | undefined;
  /** Also what nobody has to act on; by default only when checks are named in `only`. */
  readonly asides?: boolean | undefined;
  /**
   * Asks a person which repairs to run; without it the policy, `yes` and `force` decide. `allowed` are those that would
   * run without asking.
   */
  readonly consent?: Consent | undefined;
  /** Id of the run in the journal, when several calls belong together. */
  readonly run?: string | undefined;
}

/** The JSON document of `fix`. */
export interface RepairResult {
  readonly schemaVersion: number;
  /** Nothing at or above the threshold is left. */
  readonly ok: boolean;
  /** Id of the run in the journal; null when nothing was touched. */
  readonly run: string | null;
  readonly repairs: readonly RepairReport[];
  readonly remaining: readonly Finding[];
  /** What the policy tells not to count. */
  readonly silenced: readonly SilencedFinding[];
  readonly tool: { readonly name: string; readonly version: string };
  readonly host: { readonly version: string | null; readonly source: string };
  readonly stateDir: string;
}

/**
 * Repairs what can be repaired without losing anything and looks again.
 * @throws UserError as `diagnose` does.
 */
export async function repair(options: RepairOptions = {}): Promise<RepairResult> {
  const result = await repairFindings(await runChecks(options), options);
  return { ...result, remaining: result.remaining.map(plainFinding) };
}

/** As `repair`, from a diagnosis already made. What a killed run left half done is finished first. */
export async function repairFindings(found: DiagnosisRun, options: RepairOptions): Promise<RepairResult> {
  const prepared = await prepareRepairs(found, options);
  const { planned, allowed, before } = prepared;
  const { consent, dryRun } = options;
  const asks = consent !== undefined && !dryRun && !before.facts.updating && planned.length > 0;
  return await carryOut(prepared, asks ? await consent(planned, allowed) : allowed, options);
}

/** Everything that is known before anybody is asked. */
export interface PreparedRepairs {
  /** The diagnosis the repairs were planned from: a new one when something was finished first. */
  readonly before: DiagnosisRun;
  /** How many repairs of a killed run were brought to an end. */
  readonly finished: number;
  readonly planned: readonly PlannedRepair[];
  /** Those that would run without asking. */
  readonly allowed: ReadonlySet<PlannedRepair>;
  /** What cannot be repaired now, with the reason. */
  readonly skipped: readonly RepairReport[];
}

/** Plans the repairs of a diagnosis. What a killed run left half done is finished first. */
export async function prepareRepairs(found: DiagnosisRun, options: RepairOptions): Promise<PreparedRepairs> {
  const finished = options.dryRun ? 0 : await finishKilled(found.facts);
  const before = finished > 0 ? await runChecks(options, found.facts.fresh()) : found;
  const { facts, policy, diagnosis } = before;
  const { asides = (options.only ?? []).length > 0 } = options;
  const wanted = diagnosis.findings.filter((finding) => asides || !isAside(finding));
  const { planned, skipped } = await planRepairs(wanted, facts, policy);
  return { before, finished, planned, skipped, allowed: allowedOf(planned, options, policy, facts.updating) };
}

/** Applies what was agreed to and looks again. Where somebody was asked, what is left out was not chosen. */
export async function carryOut(
  { before, planned, skipped }: PreparedRepairs,
  agreed: ReadonlySet<PlannedRepair>,
  options: RepairOptions,
  asked = options.consent !== undefined,
): Promise<RepairResult> {
  const { facts } = before;
  const reports: RepairReport[] = [...skipped];
  let run: string | null = null;
  let remaining = before.diagnosis;
  if (options.dryRun) {
    for (const one of planned) reports.push(report(one, "planned"));
  } else {
    for (const one of planned) {
      if (agreed.has(one)) continue;
      reports.push(report(one, "skipped", { reason: refusal(one.repair.risk, facts.updating, asked) }));
    }
    if (agreed.size > 0) {
      run = options.run ?? newRunId();
      const applied = await applyAll(inOrder(agreed), facts, run, options);
      if (applied.every(({ byHost, untouched }) => byHost || untouched)) run = null; // nothing is in the journal
      remaining = (await runChecks(options, facts.fresh(options.hostConfig && { config: options.hostConfig.value })))
        .diagnosis;
      const left = new Set(remaining.findings.map(({ id }) => id));
      for (const one of applied) reports.push(verify(one, left));
    }
  }
  return {
    schemaVersion: SCHEMA_VERSION,
    ok: remaining.ok,
    run,
    repairs: reports,
    remaining: remaining.findings,
    silenced: remaining.silenced,
    tool: remaining.tool,
    host: remaining.host,
    stateDir: remaining.stateDir,
  };
}

/** Turns findings into repairs; what has none says why. */
async function planRepairs(
  findings: readonly Finding[],
  facts: Facts,
  policy: Policy,
): Promise<{ planned: PlannedRepair[]; skipped: RepairReport[] }> {
  const planned: PlannedRepair[] = [];
  const skipped: RepairReport[] = [];
  const fixes = new Map<string, Promise<Fix>>();
  const fixOf = (id: string): Promise<Fix> => {
    const fix = fixes.get(id) ?? loadFix(id);
    fixes.set(id, fix);
    return fix;
  };
  const planOne = async (finding: Finding, id: string) => await (await fixOf(id)).plan(finding, facts, policy);
  for (const finding of findings) {
    if (finding.fix === null) continue;
    const { id: fixId, risk } = finding.fix;
    const reason = await planOne(finding, fixId).then(
      (plan) => ("skip" in plan ? plan.skip : void planned.push({ finding, fixId, repair: plan })),
      (error: unknown) => `it could not be planned: ${errorText(error)}`,
    );
    if (reason !== undefined)
      skipped.push({
        ...reportHead(finding, fixId, risk),
        status: "skipped",
        reason,
        changes: [],
        effects: [],
        diffs: [],
      });
  }
  return { planned, skipped };
}

function allowedOf(
  planned: readonly PlannedRepair[],
  { yes = false, force = false }: RepairOptions,
  { repair: { allow } }: Policy,
  updating: boolean,
): ReadonlySet<PlannedRepair> {
  const allowed: Record<Risk, boolean> = {
    safe: yes || allow.includes("safe"),
    confirm: !updating && (yes || allow.includes("confirm")),
    disruptive: !updating && force,
  };
  return new Set(planned.filter(({ repair }) => allowed[repair.risk]));
}

function refusal(risk: Risk, updating: boolean, asked: boolean): string {
  if (updating && risk !== "safe") return "not during an update";
  if (asked) return "not chosen";
  if (risk === "disruptive") return "it interrupts running work: run again with --force";
  return `${risk === "safe" ? "the policy lets nothing run unasked, so " : ""}it needs a yes: run again with --yes`;
}

/** A repair counts only when its finding is gone at a second look. */
function verify({ planned, outcome, byHost }: Applied, left: ReadonlySet<string>): RepairReport {
  if (outcome.status !== "repaired") return report(planned, outcome.status, { reason: outcome.reason });
  if (left.has(planned.finding.id))
    return report(planned, "failed", {
      reason: "the finding is still there after the repair",
      changes: outcome.changes,
    });
  return report(planned, "repaired", { changes: outcome.changes, final: byHost ?? planned.repair.final });
}

function report(
  { finding, fixId, repair }: PlannedRepair,
  status: RepairReport["status"],
  { changes = [], ...more }: { reason?: string; changes?: readonly string[]; final?: true | undefined } = {},
): RepairReport {
  return {
    ...reportHead(finding, fixId, repair.risk),
    status,
    ...more,
    changes,
    effects: repair.effects,
    diffs: repair.diffs,
  };
}

function reportHead(finding: Finding, fixId: string, risk: Risk) {
  return {
    fixId,
    findingId: finding.id,
    checkId: finding.checkId,
    ...(finding.target === undefined ? {} : { target: finding.target }),
    ...(finding.path === undefined ? {} : { path: finding.path }),
    risk,
  };
}
