import type { Facts } from "../facts/facts.ts";
import type { ConfigChange } from "./config-plan.ts";
import type { Policy } from "./policy.ts";

/** The host's own severities, lowest first. */
export type Severity = "info" | "warning" | "error";

/** How sure a finding is: `proven` by direct evidence, `likely`, or not decidable from here. */
export type Confidence = "proven" | "likely" | "unknown";

/** What became of a lock's owner. Only `gone` and `residue` are removed without asking. */
export type Verdict = "held" | "overdue" | "leaked" | "gone" | "residue" | "unknown";

/** When a repair may run: `safe` always, `confirm` with a yes, `disruptive` with a yes or `--force`. */
export type Risk = "safe" | "confirm" | "disruptive";

/** One observed fact behind a finding. `source` names where it was read, e.g. `/proc/4242/stat`. */
export interface Evidence {
  readonly what: string;
  readonly value: string | number | boolean | null;
  readonly source: string;
}

/** A place in a text file. Lines and columns count from 1; columns in UTF-16 code units. */
export interface FindingLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a check returns. The engine adds the id, the catalogue's texts and the fix. */
export interface FindingDraft {
  readonly severity: Severity;
  /** One sentence: what is broken for the user. */
  readonly message: string;
  readonly path?: string;
  readonly ocPath?: string;
  /** Where in a file of the config this stands: absolute path, line and column from 1. */
  readonly location?: FindingLocation;
  /** The session, agent or key this is about. */
  readonly target?: string | undefined;
  readonly requirement?: string;
  readonly fixHint?: string | undefined;
  readonly verdict?: Verdict | undefined;
  readonly confidence: Confidence;
  readonly evidence: readonly Evidence[];
  /** What, besides check and path, makes this finding the same one next time (e.g. a lock's content hash). */
  readonly identity?: string;
  /** Absent: the check's own risk. `null`: this finding has no repair. */
  readonly risk?: Risk | null | undefined;
}

/** A finding: the host's `HealthFinding` fields plus ours. */
export interface Finding extends Omit<FindingDraft, "identity" | "risk"> {
  /** Stable fingerprint, 12 hexadecimal digits. */
  readonly id: string;
  /** `vitals/<check id>` */
  readonly checkId: string;
  readonly source: string;
  readonly docsUrl: string;
  readonly fix: { readonly id: string; readonly risk: Risk; readonly summary: string } | null;
}

/** The default export of `checks/<id>.ts`: pure, no I/O beyond awaiting facts. */
export interface Check<Draft = FindingDraft> {
  readonly id: string;
  run(facts: Facts, policy: Policy): Promise<readonly Draft[]>;
}

/** The host's `HealthRepairEffect`. */
export interface RepairEffect {
  readonly kind: "config" | "file" | "service" | "process" | "package" | "state" | "other";
  readonly action: string;
  readonly target?: string;
  readonly dryRunSafe?: boolean;
}

/** The host's `HealthRepairDiff`. */
export interface RepairDiff {
  readonly kind: "config" | "file";
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
  readonly unifiedDiff?: string;
}

/** What applying a repair came to. */
export type RepairOutcome =
  | { readonly status: "repaired"; readonly changes: readonly string[] }
  | { readonly status: "skipped" | "failed"; readonly reason: string };

/** A planned repair: everything it will do is said before `apply` runs. */
export interface Repair {
  readonly summary: string;
  readonly risk: Risk;
  readonly effects: readonly RepairEffect[];
  readonly diffs: readonly RepairDiff[];
  /** A change of the config: a host that runs us makes it itself, for what no `$include` owns. */
  readonly config?: {
    readonly edits: readonly ConfigChange[];
    /** An included file that would have to be changed, null when there is none. */
    readonly included: string | null;
    readonly changes: readonly string[];
  };
  /** `undo` cannot take it back. */
  readonly final?: true;
  /** It only moves a file away: it may be begun together with others of that kind. */
  readonly removes?: true;
  apply(run: RepairRun): Promise<RepairOutcome>;
}

/** Why a finding gets no repair. */
export interface Skip {
  readonly skip: string;
}

/** The default export of `fixes/<id>.ts`. */
export interface Fix {
  readonly id: string;
  plan(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip>;
}

/** What a repair gets to work with while it is applied. */
export interface RepairRun {
  /** Id of the run; names its folder in the quarantine and groups its journal entries. */
  readonly run: string;
  readonly fixId: string;
  readonly checkId: string;
  readonly findingId: string;
  readonly quarantine: import("./quarantine.ts").Quarantine;
}

export type RepairStatus = "planned" | "repaired" | "skipped" | "failed";

/** One line of `fix --json`. */
export interface RepairReport {
  readonly fixId: string;
  readonly findingId: string;
  readonly checkId: string;
  readonly target?: string;
  readonly path?: string;
  readonly risk: Risk;
  readonly status: RepairStatus;
  readonly reason?: string;
  readonly changes: readonly string[];
  /** Done, and `undo` cannot take it back. */
  readonly final?: true | undefined;
  readonly effects: readonly RepairEffect[];
  readonly diffs: readonly RepairDiff[];
}

const RANK: Record<Severity, number> = { info: 0, warning: 1, error: 2 };

export const SEVERITIES: readonly Severity[] = ["info", "warning", "error"];

/**
 * Background knowledge that nobody has to act on, such as what the host chose by itself: told in a word, not in full,
 * where people read, and repaired only when its check is asked for by name. What was left behind by something is none.
 */
export function isAside({ severity, fix, verdict }: Finding): boolean {
  return severity === "info" && (fix === null || (fix.risk !== "safe" && verdict === undefined));
}

/** Negative when `a` is the less severe. */
export function compareSeverity(a: Severity, b: Severity): number {
  return RANK[a] - RANK[b];
}
