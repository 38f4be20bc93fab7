/** Files and answers with figures that nothing has: whoever wrote them, the checks do not fail over them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { loopFindings } from "../../src/engine/loop-findings.ts";
import { judgeGrowth } from "../../src/engine/memory-growth.ts";
import { memorySeries } from "../../src/engine/memory-series.ts";
import { readLogLine } from "../../src/facts/log-line.ts";
import { parseRing } from "../../src/facts/vital-ring.ts";
import { NOW, probe, scene } from "./loop-scenes.ts";

const odd = fc.constantFrom(
  0,
  -1,
  1e9,
  8.64e15,
  8.65e15,
  1e21,
  1e300,
  1.7e308,
  NOW,
  NOW - 60_000,
  NOW + 3_000,
  NOW + 3_600_000,
  5e-324,
);
const figures = fc.record({ t: odd, d: odd, max: odd, p99: odd, u: odd, rss: odd, heap: odd, ext: odd });
const head = { v: 1, life: "aa", pid: 77, ticks: 5, host: "__proto__" };

test("of the sampler's file", () => {
  fc.assert(
    fc.property(odd, fc.array(figures, { minLength: 1 }), (at, samples) => {
      const lines = [{ ...head, at }, ...samples.map((one) => ({ l: "aa", ...one }))];
      const lives = parseRing(lines.map((line) => JSON.stringify(line)).join("\n"));
      const ring = { path: "/ring", lives };
      const [finding] = loopFindings({ ...scene(), ring }, 1_000, NOW);
      expect(finding?.message ?? "").not.toMatch(/NaN|Infinity|e\+|-\d/);
      const stability = { files: [], memory: [] };
      for (const series of memorySeries({ ...scene(), probe: probe(), ring, watched: [], stability }))
        judgeGrowth(series.samples, series.startedAtMs, 20);
    }),
  );
});

test.each([
  `liveness heartbeat delayed: overdue=${"9".repeat(400)}ms`,
  `liveness heartbeat delayed: overdue=${"9".repeat(20)}ms`,
  `lane wait exceeded: lane=main waitedMs=${"9".repeat(400)} queueAhead=1`,
  `stuck session: sessionId=a age=${"9".repeat(400)}s queueDepth=0`,
  `liveness warning: eventLoopDelayMaxMs=${"9".repeat(400)} active=1`,
])("of the log: %s", (message) => {
  const found = readLogLine(JSON.stringify({ message, time: new Date(NOW).toISOString() }));
  const numbers = Object.values(found?.event ?? {}).filter((value) => typeof value === "number");
  expect(numbers.every((value) => value <= NOW)).toBe(true);
  const events = found === null ? [] : [found.event];
  expect(loopFindings(scene({ events }), 1_000, NOW)).toEqual([]);
});
