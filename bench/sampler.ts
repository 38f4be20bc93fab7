/**
 * `npm run bench:sampler [-- --json] [-- --seconds <n>] [-- --windows <n>]`: what the sampler costs a process, beside
 * the same process without it and one with nothing but a timer of 20 ms. Exit 1 when it takes 0.3 % of a core or 5 MB.
 */
import { parseArgs } from "node:util";
import { parseRing } from "../src/facts/vital-ring.ts";
import { retain, ringText } from "../src/host/vital-ring-retention.ts";
import { KINDS, measureCost, weekOfRecords } from "./sampler-cost.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean" },
    seconds: { type: "string", default: "20" },
    windows: { type: "string", default: "5" },
  },
});
const [seconds, windows] = [Number(values.seconds), Number(values.windows)];
if (!(seconds >= 1) || !(windows >= 1)) throw new Error("--seconds and --windows take numbers from 1");
process.stderr.write(`${windows} windows of ${seconds} s, of ${KINDS.length} processes at once\n`);
const costs = await measureCost({ seconds, windows });
const added = {
  cpuShare: costs.sampler.cpuShare - costs.bare.cpuShare,
  rssBytes: costs.sampler.rssBytes - costs.bare.rssBytes,
  /** Of the processor time of a timer of 20 ms, measured in the same windows. */
  ofTimer: (costs.sampler.cpuShare - costs.bare.cpuShare) / (costs.timer.cpuShare - costs.bare.cpuShare),
  compactionMs: compaction(),
  compactionBytes: costs.compacting.rssBytes - costs.sampler.rssBytes,
};
const percent = (share: number): string => `${(share * 100).toFixed(3)} %`;
const mb = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;
const lines = [
  ...KINDS.map((kind) => `${kind.padEnd(10)}  ${percent(costs[kind].cpuShare)}  ${mb(costs[kind].rssBytes)}`),
  `the sampler adds ${percent(added.cpuShare)} of a core (${added.ofTimer.toFixed(2)} of the timer) and ${mb(added.rssBytes)}`,
  `making the file small, about once an hour: ${added.compactionMs.toFixed(1)} ms, ${mb(added.compactionBytes)} in a process that small`,
];
process.stdout.write(values.json ? `${JSON.stringify({ costs, added }, null, 2)}\n` : `${lines.join("\n")}\n`);
process.exitCode = added.cpuShare < 0.003 && added.rssBytes < 5 * 1_048_576 ? 0 : 1;

/** Processor time of one compaction, the best of some. */
function compaction(): number {
  const now = Date.now();
  const text = weekOfRecords(now);
  const times = Array.from({ length: 10 }, () => {
    const cpu = process.cpuUsage();
    ringText(retain(parseRing(text), now));
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
