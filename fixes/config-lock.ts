import { planLockRemoval } from "../src/engine/quarantine-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** Moves the lock into the quarantine; the next change of the config, or the next sign-in, takes a new one. */
const fix: Fix = { id: "config-lock", plan: planLockRemoval("configLocks") };

export default fix;
