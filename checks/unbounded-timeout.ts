import { configTimeoutDrafts, cronTimeoutDrafts } from "../src/engine/config-findings.ts";
import type { Check } from "../src/engine/types.ts";

/**
 * Runs that nothing would ever end: of agents, heartbeats, sub-agents, commands and cron jobs, and waits for a write
 * lock. What the host chooses by itself is information; what somebody wrote down is a warning.
 */
const check: Check = {
  id: "unbounded-timeout",
  async run(facts, policy) {
    const drafts = [...(await configTimeoutDrafts(facts, policy)), ...(await cronTimeoutDrafts(facts))];
    return drafts.map(({ finding }) => finding);
  },
};

export default check;
