import { planLoopRestart } from "../src/engine/loop-repair.ts";
import { planSaturation } from "../src/engine/saturation-rules.ts";
import type { Fix } from "../src/engine/types.ts";

/** A gateway that does not answer is restarted, with proof; one with too much at once is given less, in the config. */
const fix: Fix = {
  id: "event-loop-delay",
  async plan(finding, facts, policy) {
    const plan = finding.ocPath === undefined ? planLoopRestart : planSaturation;
    return await plan(finding, facts, policy);
  },
};

export default fix;
