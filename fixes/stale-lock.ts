import { planLockRemoval } from "../src/engine/quarantine-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** Moves the lock into the quarantine. Overdue and unknown locks stay: somebody may hold them. */
const fix: Fix = { id: "stale-lock", plan: planLockRemoval("sessionLocks") };

export default fix;
