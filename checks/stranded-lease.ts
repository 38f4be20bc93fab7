import { leaseFinding } from "../src/engine/lease-findings.ts";
import type { Check } from "../src/engine/types.ts";

/**
 * Rows of the host's database that say who owns the gateway, its migrations and the agents' databases. Most of those
 * a killed process leaves behind the host takes back by itself; reported is what it does not, and so waits for.
 */
const check: Check = {
  id: "stranded-lease",
  async run(facts) {
    const { leases, path } = await facts.leases();
    const nowMs = Date.now();
    return leases.map((lease) => leaseFinding(lease, path, nowMs)).filter((finding) => finding !== null);
  },
};

export default check;
