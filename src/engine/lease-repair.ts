import { statSync } from "node:fs";
import path from "node:path";
import type { Facts } from "../facts/facts.ts";
import type { JudgedLease } from "../facts/leases.ts";
import { isInside } from "../facts/paths.ts";
import { findingId } from "./finding-id.ts";
import { inHostProcess, whyNotDown } from "./host-down.ts";
import { leaseIdentity } from "./lease-findings.ts";
import { isRemovable } from "./lease-verdict.ts";
import type { Policy } from "./policy.ts";
import { rowDetail } from "./row-change.ts";
import { removeRow } from "./row-removal.ts";
import type { Finding, Repair, RepairOutcome, RepairRun, Skip } from "./types.ts";

/** Plans the removal of the lease of a finding from the host's database. */
export async function planLeaseRemoval(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip> {
  const inside = inHostProcess();
  if (inside !== null) return { skip: inside };
  const { leases, path: file } = await facts.leases();
  const lease = leases.find(
    (one) => findingId("stranded-lease", facts.stateDir, file, leaseIdentity(one)) === finding.id,
  );
  if (lease === undefined) return { skip: "there is no such lease any more" };
  if (!isRemovable(lease, Date.now())) return { skip: "its owner is not proven to be gone" };
  return {
    summary: finding.fix?.summary ?? "",
    risk: finding.fix?.risk ?? "confirm",
    effects: [{ kind: "state", action: `remove one row of ${lease.table}`, target: file, dryRunSafe: true }],
    diffs: [],
    apply: (run) => apply(lease, facts, policy, run),
  };
}

async function apply(judged: JudgedLease, facts: Facts, policy: Policy, run: RepairRun): Promise<RepairOutcome> {
  const now = facts.fresh();
  const { path: file, leases, problems } = await now.leases();
  if (problems[0] !== undefined) return { status: "skipped", reason: problems[0] };
  const notDown = await whyNotDown(now, policy, file);
  if (notDown !== null) return { status: "skipped", reason: notDown };
  const lease = leases.find((one) => leaseIdentity(one) === leaseIdentity(judged));
  if (lease === undefined) return { status: "skipped", reason: "it is gone already" };
  if (lease.rowHash !== judged.rowHash) return { status: "skipped", reason: "it changed since it was judged" };
  if (!isRemovable(lease, Date.now()))
    return { status: "skipped", reason: `a second look says "${lease.judgement.reason}"` };

  const { quarantine, checkId, fixId, findingId } = run;
  const row = { file, table: lease.table, key: lease.key, rowHash: lease.rowHash };
  const named = lease.database === null ? null : path.resolve(now.stateDir, lease.database);
  const claims = named !== null && isFile(named) ? named : null;
  // To look whether somebody has a database open is to open it, which can change it.
  const outside = [file, claims].find((one) => one !== null && !isInside(now.stateDir, one));
  if (outside) return { status: "skipped", reason: `${outside} lies outside of the state directory` };
  return await quarantine.change(
    { kind: "row", checkId, fixId, findingId, from: file, keepAs: path.basename(file), detail: rowDetail(row) },
    ({ to }, onStep) => removeRow({ row, backup: to, claims }, onStep),
  );
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
