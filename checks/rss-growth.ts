import { growthFinding, inconclusiveFinding, levelFinding } from "../src/engine/memory-findings.ts";
import { judgeGrowth, MB } from "../src/engine/memory-growth.ts";
import { memorySeries } from "../src/engine/memory-series.ts";
import { stuckTurns } from "../src/engine/overdue-lock.ts";
import type { Check } from "../src/engine/types.ts";

/**
 * A gateway whose memory grows, while everything still works: nobody sees it until the kernel ends it, and with it all
 * its turns. Judged over time only, by a lower bound of how fast it grows.
 */
const check: Check = {
  id: "rss-growth",
  async run(facts, policy) {
    const { graceSeconds } = policy.locks;
    // First: it reads the memory before anything is asked of the gateway.
    const probe = await facts.gatewayProbe(graceSeconds);
    if (probe === null) return [];
    const log = await facts.gatewayLog(graceSeconds);
    const [ring, watch, stability] = [
      await facts.vitalRing(),
      await facts.liveWatch(graceSeconds),
      await facts.stability(),
    ];
    const candidates = memorySeries({ probe, ring, watched: watch?.memory ?? [], stability, log });
    const threshold = policy.memory.slopeMBPerMinute;
    const judged = candidates.map((series) => ({
      series,
      verdict: judgeGrowth(series.samples, series.startedAtMs, threshold * MB),
    }));
    const best = judged.find(({ verdict }) => verdict.kind !== "inconclusive") ?? judged[0];
    if (best === undefined) return [];
    const limits = await facts.memoryLimits(graceSeconds);
    const { series, verdict } = best;
    if (verdict.kind === "growing") {
      const stuckSinceMs = stuckTurns((await facts.sessionLocks(graceSeconds)).locks, probe.gateway);
      return [growthFinding(verdict, series, limits, threshold, { events: log.events, stuckSinceMs })];
    }
    const level = levelFinding(series, limits);
    if (level !== null) return [level];
    return verdict.kind === "inconclusive" ? [inconclusiveFinding(verdict, series, probe)] : [];
  },
};

export default check;
