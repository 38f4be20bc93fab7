import path from "node:path";
import { type CatalogueEntry, catalogue, othersThan } from "../engine/catalogue.ts";
import { newRunId } from "../engine/quarantine.ts";
import type { RepairResult } from "../engine/repair.ts";
import { isAside } from "../engine/types.ts";
import { printable } from "./closing-section.ts";
import type { DoctorCommand } from "./command.ts";
import { isEnabled } from "./enabled.ts";
import {
  findHealthSdk,
  type HostContext,
  type HostFinding,
  type HostHealthCheck,
  type HostRepairResult,
} from "./health-sdk.ts";

/**
 * Registers every check with the running host.
 * @param run id of the run in the journal @param beforeTurn awaited before a check detects
 * @returns how many are registered; 0 outside a host.
 */
export function registerHealthChecks(
  command: DoctorCommand,
  run = newRunId(),
  beforeTurn?: () => Promise<void>,
): number {
  const sdk = findHealthSdk();
  if (sdk === null) return 0;
  const checks = catalogue().map((entry) => hostCheck(entry, command, run, beforeTurn));
  for (const check of checks) if (sdk.getHealthCheck(check.id) === undefined) sdk.registerHealthCheck(check);
  return checks.length;
}

/** One of our checks in the host's shape. */
export function hostCheck(
  entry: CatalogueEntry,
  command: DoctorCommand | null,
  run?: string,
  beforeTurn: () => Promise<void> = async () => {},
): HostHealthCheck {
  return {
    id: `vitals/${entry.id}`,
    kind: "plugin",
    description: entry.title,
    source: "openclaw-vitals",
    async detect(ctx, scope) {
      await beforeTurn();
      if (!isEnabled(ctx.cfg)) return [];
      const { diagnose } = await import("../engine/diagnose.ts");
      const { findings: found } = await diagnose({ ...options(ctx), skip: othersThan(entry) });
      const findings = found.map((one) => printableDeep(one));
      const paths = scope?.paths ?? [];
      return findings.filter(
        (finding) =>
          isOf(entry, finding) &&
          !isAside(finding) &&
          (paths.length === 0 || finding.path === undefined || paths.includes(finding.path)),
      );
    },
    async repair(ctx, findings) {
      const { repairInDoctor } = await import("./ask-in-doctor.ts");
      const hostConfig = { value: ctx.cfg };
      const result = await repairInDoctor(command, {
        hostConfig,
        ...options(ctx),
        skip: othersThan(entry),
        asides: false,
        dryRun: ctx.dryRun,
        run,
      });
      const own = printableDeep(
        hostResult({ ...result, remaining: result.remaining.filter((one) => isOf(entry, one)) }, findings),
      );
      return own.status === "repaired" && hostConfig.value !== ctx.cfg ? { ...own, config: hostConfig.value } : own;
    },
  };
}

/** What could not be read at all is said once, with the first check: the host runs them one by one. */
function isOf(entry: CatalogueEntry, { checkId }: HostFinding): boolean {
  return checkId === `vitals/${entry.id}` || (checkId === "vitals/facts" && entry === catalogue()[0]);
}

function options({ cfg, configPath, env }: HostContext) {
  return { config: cfg, configPath, env: env ?? process.env };
}

/** The same with every text as it may be shown: the host prints names as they are. Only a diff keeps its lines. */
function printableDeep<T>(value: T, key = ""): T {
  if (typeof value === "string") {
    const lines = key === "unifiedDiff" ? value.split("\n") : [value];
    return lines.map(printable).join("\n") as T;
  }
  if (Array.isArray(value)) return value.map((part) => printableDeep(part, key)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, printableDeep(part, name)])) as T;
}

function hostResult(
  { repairs, remaining, run, stateDir }: RepairResult,
  findings: readonly HostFinding[],
): HostRepairResult {
  const done = repairs.filter((repair) => repair.status === "repaired");
  const planned = repairs.filter((repair) => repair.status === "planned");
  const undone = repairs.filter((repair) => repair.status === "skipped" || repair.status === "failed");
  const changes = done.flatMap((repair) =>
    repair.changes.map((change) => `Vitals: ${change.replaceAll(stateDir + path.sep, "")}`),
  );
  if (run !== null && done.some(({ risk, final }) => risk !== "disruptive" && !final))
    changes.push(`Vitals: take it back with "openclaw vitals undo ${run}".`);
  const warnings = [
    ...undone.map(
      (repair) =>
        `${repair.checkId}: ${repair.target ?? repair.path ?? ""} ${repair.status}${repair.reason ? ` (${repair.reason})` : ""}`,
    ),
    ...remaining
      .filter((finding) => finding.severity !== "info")
      .map((finding) => `${finding.checkId}: ${finding.message} ${finding.fixHint ?? ""}`.trimEnd()),
  ];
  const shared = {
    warnings,
    diffs: repairs.flatMap((repair) => repair.diffs),
    effects: [...done, ...planned].flatMap((repair) => repair.effects),
  };
  if (done.length > 0) return { status: "repaired", changes, ...shared };
  const failed = undone.some((repair) => repair.status === "failed");
  const reason = (): string => {
    if (failed) return "see the warnings";
    if (planned.length > 0) return "dry run";
    if (undone.length === 0 && remaining.length === 0) return "nothing is left to repair";
    return `${findings.length === 1 ? "it needs" : "they need"} a person`;
  };
  return {
    status: failed ? "failed" : "skipped",
    reason: reason(),
    changes: [],
    ...shared,
  };
}
