import { absentGateway } from "../src/engine/loop-absent.ts";
import { isRecorded, loopFindings } from "../src/engine/loop-findings.ts";
import { secondLook } from "../src/engine/loop-now.ts";
import { saturationFindings } from "../src/engine/saturation-rules.ts";
import type { Check } from "../src/engine/types.ts";
import { configValue } from "../src/facts/config.ts";

/** A gateway does everything in one event loop: while that stands still, its port is open and nobody is answered. */
const check: Check = {
  id: "event-loop-delay",
  async run(facts, policy) {
    const { graceSeconds } = policy.locks;
    const least = policy.loop.maxDelayMs;
    // A gateway that is stuck is looked at first: all other readers are in no hurry.
    const probe = await facts.gatewayProbe(graceSeconds);
    let watch = await facts.liveWatch(graceSeconds);
    const era = await facts.era();
    const ring = await facts.vitalRing();
    const recorded = probe !== null && isRecorded(ring, probe);
    const how = probe === null || watch !== null ? null : secondLook(probe, { era, recorded }, least);
    if (how !== null) watch = await facts.liveWatch(graceSeconds, how);
    const log = await facts.gatewayLog(graceSeconds);
    const findings = loopFindings({ probe, log, ring, watch, era }, least, watch?.toMs ?? probe?.atMs ?? Date.now());
    findings.push(...(await saturationFindings(facts, policy)));
    if (probe !== null) return findings;
    const expected = configValue(facts.config, "gateway.mode") === "local" || ring.lives.length > 0;
    return [...findings, ...absentGateway(await facts.noGateway(graceSeconds), expected)];
  },
};

export default check;
