import { configTimeoutDrafts } from "../src/engine/config-findings.ts";
import { planConfigRepair } from "../src/engine/config-repair.ts";
import { planCronEdit } from "../src/engine/cron-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** A limit in the config, or, for a cron job, the host's own command while its gateway answers. */
const fix: Fix = {
  id: "unbounded-timeout",
  async plan(finding, facts, policy) {
    const job = await planCronEdit(finding, facts, policy);
    return job ?? (await planConfigRepair(configTimeoutDrafts)(finding, facts, policy));
  },
};

export default fix;
