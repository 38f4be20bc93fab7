import { planLockRemoval } from "../src/engine/quarantine-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** Moves the lock into the quarantine; the next message starts the session anew, the channel answers again. */
const fix: Fix = { id: "lock-without-transcript", plan: planLockRemoval("sessionLocks") };

export default fix;
