import { setTimeout as sleep } from "node:timers/promises";
import { type GatewayProcess, readLife, readRss, sameLife } from "../facts/gateway.ts";
import { getJson } from "../facts/loopback.ts";
import type { MeasureId } from "./baseline.ts";
import type { Machine } from "./baseline-machine.ts";
import { delayOf, timedGet, uptimeIn } from "./baseline-probe.ts";
import { Series } from "./baseline-series.ts";
import { median } from "./baseline-statistics.ts";

export interface GatewayLimits {
  /** Blocks per round, probes per block, and milliseconds from one probe to the next. */
  readonly blocks: number;
  readonly probes: number;
  readonly gapMs: number;
  /** Milliseconds waited for an answer: a silent gateway counts as that slow. */
  readonly answerMs: number;
  /** Samples of its memory, and milliseconds between them. */
  readonly memorySamples: number;
  readonly memoryGapMs: number;
}

/** Measures a running gateway from outside. */
export interface GatewayMeter {
  /** To be called first of all: requests move what it reads. */
  memory(): Promise<void>;
  /** The first one is for the gateway to have answered before, and does not count. */
  round(counts: boolean): Promise<void>;
  /** Milliseconds it had been up when all began; null when it did not say. */
  readonly uptimeMs: number | null;
  /** To be called last: whether what was measured was one gateway all the time. */
  finish(): void;
  readonly series: readonly Series[];
}

export function openGatewayMeter(
  gateway: GatewayProcess | null,
  machine: Machine,
  wanted: (id: MeasureId) => boolean,
  limits: GatewayLimits,
): GatewayMeter {
  const health = new Series("health", `GET /healthz, ${limits.probes} at a time`);
  const slowest = new Series("health-max", `GET /healthz, ${limits.probes} at a time`);
  const delay = new Series("loop-delay", "GET /readyz");
  const rss = new Series("rss", "VmRSS of the gateway");
  const all = [health, slowest, delay, rss];
  const asked = [health, slowest, delay];
  if (gateway === null) failAll(all, "no gateway of this install is running here");
  else if (!gateway.ownsPort) failAll(asked, "the gateway's port is not known to be its own");
  const port = gateway?.port ?? 0;
  const began = performance.now();
  let uptimeMs: number | null = null;

  /** Some probes in a row; those of the idle process in between meet the same load. */
  async function probe(): Promise<{ own: number[]; machine: number[] }> {
    const [own, others]: [number[], number[]] = [[], []];
    for (let n = 0; n < limits.probes; n += 1) {
      const { kind, ms } = await timedGet(port, "/healthz", limits.answerMs);
      if (kind === "closed") {
        failAll(asked, "nobody listens on the gateway's port");
        break;
      }
      own.push(kind === "silent" ? limits.answerMs : ms);
      const other = await machine.health();
      if (other !== null) others.push(other);
      if (kind === "silent") break;
      await sleep(limits.gapMs);
    }
    return { own, machine: others };
  }

  /** What it says of its event loop since it was last asked; 2026.9.6 speaks of the last second or so. */
  async function readDelay(): Promise<number | null> {
    const answer = await getJson(port, "/readyz", limits.answerMs);
    if (answer.kind === "silent") return limits.answerMs;
    const up = uptimeIn(answer);
    // It is first asked after its memory was read and a doctor has run, which may have taken a minute.
    if (up !== null) uptimeMs ??= Math.max(0, Math.round(up - (performance.now() - began)));
    return delayOf(answer);
  }

  return {
    series: all.filter(({ id }) => wanted(id)),
    get uptimeMs() {
      return uptimeMs;
    },
    async memory() {
      for (let n = 0; gateway !== null && rss.going && n < limits.memorySamples; n += 1) {
        if (n > 0) await sleep(limits.memoryGapMs);
        const bytes = readRss(gateway.pid);
        if (bytes === null) rss.fail("this platform does not tell how much memory another process has");
        else rss.add(bytes);
      }
    },
    async round(counts) {
      for (let block = 0; block < (counts ? limits.blocks : 1); block += 1) {
        if (!asked.some(({ id, going }) => going && wanted(id))) return;
        // Begins a new window on 2026.5.22.
        await readDelay();
        await machine.delay();
        const { own, machine: others } = await probe();
        if (!health.going || !counts) continue;
        health.add(median(own));
        slowest.add(Math.max(...own));
        health.addMachine(others.length === 0 ? null : median(others));
        slowest.addMachine(others.length === 0 ? null : Math.max(...others));
        delay.addMachine(await machine.delay());
        const longest = await readDelay();
        if (longest === null) delay.fail("this gateway does not tell");
        else delay.add(longest);
      }
    },
    finish() {
      if (gateway === null) return;
      const life = readLife(gateway.lockPath);
      if (life === null || !sameLife(life, gateway)) failAll(all, "the gateway restarted or ended meanwhile");
    },
  };
}

function failAll(series: readonly Series[], why: string): void {
  for (const one of series) one.fail(why);
}
