import type { GatewayProbe, VitalRing } from "../facts/vital-signs.ts";
import { durationText } from "./duration-text.ts";
import { type BlockFacts, findBlocks } from "./loop-blocks.ts";
import { weighHistory } from "./loop-history.ts";
import { judgeNow } from "./loop-now.ts";
import { historyEvidence, historyFinding, inconclusive, nowFinding } from "./loop-sentences.ts";
import { livesOf } from "./memory-series.ts";
import type { FindingDraft } from "./types.ts";

/** One finding, or none, from all that is known of a gateway's event loop. @param leastMs the policy's threshold */
export function loopFindings(facts: BlockFacts, leastMs: number, nowMs: number): FindingDraft[] {
  const { probe, watch } = facts;
  const { blocks, start } = findBlocks(facts, leastMs);
  const history = weighHistory(blocks, leastMs, nowMs);
  const now = probe === null ? null : judgeNow(probe, watch, leastMs);
  const current = probe === null || now === null ? null : nowFinding(now, probe);
  if (current !== null && (current.severity !== "info" || history?.severity !== "warning")) {
    // What was seen just now is what the finding says.
    const before = blocks.filter(({ source }) => source !== "requests");
    return [{ ...current, evidence: [...current.evidence, ...historyEvidence(weighHistory(before, leastMs, nowMs))] }];
  }
  if (now?.kind === "doubtful" && probe !== null && history?.severity !== "warning") {
    const why = now.starved
      ? `The gateway did not answer for ${durationText(now.ms)}, but was hardly given any processor time meanwhile, which says more of the machine than of it.`
      : now.silent
        ? `The gateway has not answered for ${durationText(now.ms)}, which is too short to say that it stands still.`
        : "The gateway answered one request late and others in time, which says little: the machine may have been busy.";
    return [inconclusive(why, probe, history)];
  }
  if (history !== null)
    return [historyFinding(history, nowMs, { start, ...(probe === null ? {} : { path: probe.gateway.lockPath }) })];
  if (probe === null) return [];
  return isRecorded(facts.ring, probe) || watch !== null
    ? []
    : [
        inconclusive(
          "The gateway answers in time now; whether it ever stood still is not known, because the sampler of this plugin does not run in it.",
          probe,
          null,
        ),
      ];
}

/** Whether the sampler has seen this life of the gateway. */
export function isRecorded(ring: VitalRing, { gateway }: GatewayProbe): boolean {
  return livesOf(gateway, ring).some(({ samples }) => samples.length > 0);
}
