import { retryCeilingDrafts } from "../src/engine/config-findings.ts";
import type { Check } from "../src/engine/types.ts";

/**
 * Retries that keep an agent busy with a run that cannot succeed. Where the host still has the numbers they are judged
 * as it would compute them; where it gave them up, one that is left makes it refuse the whole config.
 */
const check: Check = {
  id: "retry-ceiling",
  async run(facts, policy) {
    return (await retryCeilingDrafts(facts, policy)).map(({ finding }) => finding);
  },
};

export default check;
