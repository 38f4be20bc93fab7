import type { Facts } from "../facts/facts.ts";
import { saturationDrafts } from "./config-findings.ts";
import type { Policy } from "./policy.ts";
import type { Finding, FindingDraft, Repair, Skip } from "./types.ts";

/** Whether the gateway's log shows more runs at once than its event loop can serve. At most one finding. */
export async function saturationFindings(facts: Facts, policy: Policy): Promise<FindingDraft[]> {
  return (await saturationDrafts(facts, policy)).map(({ finding }) => finding);
}

/** Plans fewer runs at once, in one write of the config. For findings of `saturationFindings` only. */
export async function planSaturation(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip> {
  const { planConfigRepair } = await import("./config-repair.ts");
  return await planConfigRepair(saturationDrafts)(finding, facts, policy);
}
