import { gatherFacts } from "../facts/facts.ts";
import { keepsDatabases } from "../facts/installation.ts";
import { packageVersion } from "../package.ts";
import { hazardsOf, releaseOf } from "./catalogue.ts";
import { type DiagnoseOptions, runChecks, SCHEMA_VERSION } from "./diagnose.ts";
import { UserError } from "./errors.ts";
import { compareHosts } from "./host-range.ts";
import { configItems } from "./preflight-config.ts";
import { CHECKED, findingItems, liveRunItems } from "./preflight-findings.ts";
import { item, type PreflightItem, type PreflightLevel, type Upgrade } from "./preflight-item.ts";
import { diskItems, kernelItems, nodeItems } from "./preflight-machine.ts";
import type { Evidence } from "./types.ts";

/** The JSON document of `preflight`. */
export interface Preflight {
  readonly schemaVersion: number;
  /** No blocker. */
  readonly ok: boolean;
  readonly verdict: "go" | "stop";
  readonly from: { readonly version: string | null; readonly source: string };
  readonly to: string;
  /** Blockers first. */
  readonly items: readonly PreflightItem[];
  readonly tool: { readonly name: string; readonly version: string };
  readonly stateDir: string;
}

export interface PreflightOptions extends Pick<DiagnoseOptions, "stateDir" | "configPath" | "hostVersion" | "env"> {
  readonly policyFile?: string | undefined;
  /** The OpenClaw version to upgrade to. */
  readonly to: string;
}

const RANK: Readonly<Record<PreflightLevel, number>> = { blocker: 0, warning: 1, note: 2, ok: 3 };

/**
 * Says whether this install may be upgraded now, and what stands in the way. Reads only; asks no registry.
 * @throws UserError when there is nothing to look at.
 */
export async function preflight(options: PreflightOptions): Promise<Preflight> {
  const given = gatherFacts(options);
  if (given.config.problem !== null)
    throw new UserError(`The config cannot be read: ${given.config.problem}.`, "Correct it first; then ask again.");
  const { to } = options;
  const { diagnosis, policy, facts } = await runChecks({ ...options, only: CHECKED }, given);
  const host = facts.host();
  const migrates = (await facts.era()) === "jsonl" && keepsDatabases(to);
  const upgrade: Upgrade = { facts, from: host.version, to, migrates, graceSeconds: policy.locks.graceSeconds };
  const parts = await Promise.all([
    versionItems(upgrade),
    nodeItems(upgrade),
    liveRunItems(upgrade),
    findingItems(diagnosis),
    configItems(upgrade),
    diskItems(upgrade),
    kernelItems(upgrade),
    hazardItems(upgrade),
  ]);
  const items = parts.flat().sort((a, b) => RANK[a.level] - RANK[b.level]);
  const ok = items.every(({ level }) => level !== "blocker");
  return {
    schemaVersion: SCHEMA_VERSION,
    ok,
    verdict: ok ? "go" : "stop",
    from: host,
    to,
    items,
    tool: { name: "openclaw-vitals", version: packageVersion() },
    stateDir: facts.stateDir,
  };
}

async function versionItems({ facts, from, to }: Upgrade): Promise<PreflightItem[]> {
  const { source } = facts.host();
  if (from === null) {
    const message = "The version that is installed now is not known, so what changes on the way is not known either.";
    return [item("version", "warning", message, { remedy: "Give it with --host-version." })];
  }
  const evidence: Evidence[] = [{ what: "installed version", value: from, source }];
  const known = (await releaseOf(to)) !== null;
  const order = await compareHosts(to, from);
  if (order === 0) return [item("version", "note", `OpenClaw ${to} is what is installed.`, { evidence })];
  if (order < 0 && keepsDatabases(from) && !keepsDatabases(to))
    return [
      item("version", "blocker", `OpenClaw ${to} cannot read what ${from} wrote: sessions are in a database by now.`, {
        remedy:
          "Restore the state dir from a backup made before that upgrade, and only then install the older version.",
        evidence,
      }),
    ];
  if (order < 0)
    return [item("version", "warning", `OpenClaw ${to} is older than ${from}, which is installed.`, { evidence })];
  if (known) return [];
  const message = `OpenClaw ${to} is not known to this version of openclaw-vitals, so there can be more than is said here.`;
  return [item("version", "note", message, { remedy: "Update openclaw-vitals.", evidence })];
}

/** Of the version that runs now only what it does on the way out; of the next one everything. */
async function hazardItems({ from, to }: Upgrade): Promise<PreflightItem[]> {
  const next = await hazardsOf(to);
  const now = from === null ? [] : await hazardsOf(from);
  const fresh = next.filter(({ id }) => !now.some((hazard) => hazard.id === id));
  const gone = now.filter(({ id }) => !next.some((hazard) => hazard.id === id));
  const items = fresh.map(({ id, severity, consequence, remedy }) =>
    item(
      `hazard ${id}`,
      severity === "warning" ? "warning" : "note",
      `OpenClaw ${to} has a known defect: ${consequence}.`,
      {
        remedy,
        evidence: [{ what: "versions with this defect", value: to, source: "catalogue" }],
      },
    ),
  );
  if (gone.length === 0) return items;
  const text = `${gone.length} known ${gone.length === 1 ? "defect" : "defects"} of OpenClaw ${from} would be gone.`;
  const evidence = gone.map(({ id }) => ({ what: "gone", value: id, source: "catalogue" }));
  return [...items, item("hazards", "ok", text, { evidence })];
}
