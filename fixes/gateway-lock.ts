import { planLockRemoval } from "../src/engine/quarantine-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** Moves the lock into the quarantine; the next gateway takes a new one. */
const fix: Fix = { id: "gateway-lock", plan: planLockRemoval("gatewayLocks") };

export default fix;
