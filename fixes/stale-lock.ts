import { planLockRemoval } from "../src/engine/quarantine-repair.ts";
import type { Fix } from "../src/engine/types.ts";

const planRemoval = planLockRemoval("sessionLocks");

/**
 * Moves the lock into the quarantine. One that is overdue is in use: it stays, and the gateway that holds it is
 * restarted. Unknown ones stay: somebody may hold them.
 */
const fix: Fix = {
  id: "stale-lock",
  async plan(finding, facts, policy) {
    if (finding.verdict !== "overdue") return await planRemoval(finding, facts, policy);
    const { planOverdue } = await import("../src/engine/overdue-repair.ts");
    return await planOverdue(finding, facts, policy);
  },
};

export default fix;
