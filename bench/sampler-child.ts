/** Run by `sampler-cost.ts`: `<kind> <seconds> <windows> <state dir>`; one JSON line with what it cost. */
import { setTimeout as sleep } from "node:timers/promises";
import { samplerService } from "../src/host/gateway-service.ts";
import type { Cost, Kind } from "./sampler-cost.ts";

const [kind, seconds, windows, stateDir = ""] = process.argv.slice(2);
const service = samplerService(() => null);
// Loading modules from their sources costs memory of its own, which a gateway does not pay: all kinds load them.
await Promise.all([
  import("../src/host/sampler.ts"),
  import("../src/host/vital-ring-writer.ts"),
  import("../src/facts/processes-linux.ts"),
]);
switch (kind as Kind) {
  case "sampler":
  case "compacting":
    await service.start({ stateDir });
    break;
  case "timer":
    setInterval(() => {}, 20).unref();
    break;
  case "bare":
}
await sleep(2000); // what a start costs is paid once
let cpuShare = Number.POSITIVE_INFINITY;
for (let window = 0; window < Number(windows); window += 1) {
  const [cpu, began] = [process.cpuUsage(), performance.now()];
  await sleep(Number(seconds) * 1000);
  const { user, system } = process.cpuUsage(cpu);
  cpuShare = Math.min(cpuShare, (user + system) / 1000 / (performance.now() - began));
}
const cost: Cost = { cpuShare, rssBytes: process.memoryUsage.rss() };
await service.stop();
process.stdout.write(JSON.stringify(cost));
