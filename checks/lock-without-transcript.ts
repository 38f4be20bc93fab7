import type { Draft } from "../src/engine/late-finding.ts";
import { isResidue, lateLockFindings } from "../src/engine/lock-findings.ts";
import type { Check } from "../src/engine/types.ts";

/**
 * The dead channel of #59983: the first turn of a session died, its lock stayed, no transcript was written,
 * and the gateway drops every later message. A living owner without a transcript is a first turn at work.
 */
const check: Check<Draft> = {
  id: "lock-without-transcript",
  async run(facts, policy) {
    const { locks } = await facts.sessionLocks(policy.locks.graceSeconds);
    const silent = locks.filter((lock) => lock.judgement?.verdict === "gone" && !lock.hasTranscript);
    if (silent.length === 0) return [];
    const host = { era: await facts.era(), version: facts.host().version };
    const late = lateLockFindings(host, (finding) => ({
      ...finding,
      message: `${finding.message.replace(/\.$/, "")}, and it has no transcript yet, so its channel stays silent without a log line.`,
      evidence: [...finding.evidence, { what: "transcript", value: "none", source: "session folder" }],
    }));
    return silent
      .filter(({ judgement }) => judgement && !isResidue(judgement, host))
      .map(late)
      .filter((finding) => finding !== null);
  },
};

export default check;
