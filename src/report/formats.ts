import { agentIds } from "../engine/config-keys.ts";
import type { DiagnosisRun } from "../engine/diagnose.ts";
import type { RepairResult } from "../engine/repair.ts";
import type { Facts } from "../facts/facts.ts";
import { agentsOnDisk } from "../facts/session-locks.ts";
import { createRedactor, type Redactor } from "./redact.ts";
import { learnNames, type SharedDiagnosis, shareDiagnosis } from "./shared.ts";

/** Formats that are made to be passed on; they name nobody and nothing of what is in a state. */
export type SharedFormat = "sarif" | "markdown" | "prometheus";

/** What was found, in a format that can be shared. */
export async function renderShared(
  run: DiagnosisRun,
  format: SharedFormat,
  redactor: Redactor = redactorFor(run.facts),
): Promise<string> {
  const diagnosis = shareDiagnosis(run.diagnosis, redactor);
  switch (format) {
    case "sarif":
      return (await import("./sarif.ts")).renderSarif(diagnosis);
    case "markdown":
      return (await import("./markdown.ts")).renderMarkdown(diagnosis);
    case "prometheus":
      return await renderMetrics(run, diagnosis);
  }
}

/** The same after `fix`: what is left, and in Markdown what was done before. */
export async function renderAfterFix(result: RepairResult, left: DiagnosisRun, format: SharedFormat): Promise<string> {
  const redactor = redactorFor(left.facts);
  const text = await renderShared(left, format, redactor);
  if (format !== "markdown") return text;
  for (const repair of result.repairs) learnNames(repair, redactor);
  const { renderRepairsMarkdown } = await import("./markdown.ts");
  return `${text}\n${renderRepairsMarkdown(result.repairs, redactor)}`;
}

/** A redactor that knows the agents of this state, whoever of them is found something about. */
export function redactorFor(facts: Facts): Redactor {
  const redactor = createRedactor(facts.stateDir);
  for (const agent of new Set([...agentsOnDisk(facts.stateDir), ...agentIds(facts.config.value)]))
    redactor.learn("agent", agent);
  return redactor;
}

async function renderMetrics({ facts, policy }: DiagnosisRun, diagnosis: SharedDiagnosis): Promise<string> {
  const [{ renderPrometheus }, { readVitals }, { countLocks }, { lastRepairMs }] = await Promise.all([
    import("./prometheus.ts"),
    import("./vitals.ts"),
    import("./lock-counts.ts"),
    import("./journal-extract.ts"),
  ]);
  const { graceSeconds } = policy.locks;
  return renderPrometheus({
    diagnosis,
    vitals: await readVitals(facts, graceSeconds),
    locks: await countLocks(facts, graceSeconds),
    lastRepairMs: lastRepairMs(facts.stateDir),
    nowMs: Date.now(),
  });
}
