import { planLeaseRemoval } from "../src/engine/lease-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** Removes the row from the host's database, with nobody at work on it and after a backup; the host starts again. */
const fix: Fix = { id: "stranded-lease", plan: planLeaseRemoval };

export default fix;
