import { retryCeilingDrafts } from "../src/engine/config-findings.ts";
import { planConfigRepair } from "../src/engine/config-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** Lowers the numbers that are too high, or removes the keys that the host gave up, in one write. */
const fix: Fix = { id: "retry-ceiling", plan: planConfigRepair(retryCeilingDrafts) };

export default fix;
