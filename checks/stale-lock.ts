import type { Draft } from "../src/engine/late-finding.ts";
import { isResidue, lateLockFindings, lockFinding } from "../src/engine/lock-findings.ts";
import { remedyOverdue } from "../src/engine/overdue-lock.ts";
import type { Check } from "../src/engine/types.ts";

/**
 * Session write locks whose owner is gone, leaked or overdue ones, and those nobody can judge from here.
 * A lock of a dead owner without a transcript is `lock-without-transcript`'s, left-over on newer hosts is ours.
 */
const check: Check<Draft> = {
  id: "stale-lock",
  async run(facts, policy) {
    const { locks } = await facts.sessionLocks(policy.locks.graceSeconds);
    if (locks.length === 0) return [];
    const host = { era: await facts.era(), version: facts.host().version };
    const findings: Draft[] = [];
    const late = lateLockFindings(host);
    for (const lock of locks) {
      const neverStarted = lock.judgement?.verdict === "gone" && !lock.hasTranscript;
      if (neverStarted && lock.judgement && !isResidue(lock.judgement, host)) continue;
      const overdue = lock.judgement?.verdict === "overdue" ? lockFinding(lock, host) : null;
      const finding =
        overdue === null ? late(lock) : remedyOverdue(overdue, lock, await facts.gateway(policy.locks.graceSeconds));
      if (finding !== null) findings.push(finding);
    }
    return findings;
  },
};

export default check;
