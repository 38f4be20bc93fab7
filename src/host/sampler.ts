/** The loop that takes a gateway's vital signs, from within it. */
import { performance } from "node:perf_hooks";
import { readLoopTimes } from "../facts/process-times.ts";
import type { VitalSample } from "../facts/vital-signs.ts";

/**
 * How often the timer comes. Each time wakes the process up: every 20 ms costs 0.6 % of a core on a small virtual
 * machine and every 50 ms still 0.3 %, see `bench/sampler.ts`.
 */
const TICK_MS = 100;
/** One sample per so much time. */
const INTERVAL_MS = 10_000;

/** What the sampler reads and by what it is woken; tests bring their own. Milliseconds, bytes. */
export interface SamplerClock {
  /** Never goes back, and does not jump. */
  now(): number;
  /** Since the epoch. */
  wall(): number;
  /** Time the event loop spent waiting and at work, since it began. */
  loop(): { readonly idle: number; readonly active: number };
  /** Time this thread could have run and had no processor, since it began; null where nobody counts it. */
  starved?(): number | null;
  memory(): { readonly rss: number; readonly heapUsed: number; readonly external: number };
  /** @returns what ends it. */
  every(ms: number, tick: () => void): () => void;
}

export const systemClock: SamplerClock = {
  now: () => performance.now(),
  wall: Date.now,
  loop: () => performance.eventLoopUtilization(),
  memory: process.memoryUsage,
  starved: () => readLoopTimes(process.pid)?.starvedMs ?? null,
  every(ms, tick) {
    // A gateway that has nothing else to do may end.
    const timer = setInterval(tick, ms).unref();
    return () => clearInterval(timer);
  },
};

export interface SamplerOptions {
  readonly onSample: (sample: VitalSample) => void;
  readonly clock?: SamplerClock;
  readonly tickMs?: number;
  readonly intervalMs?: number;
}

/** Starts to take samples. @returns what ends it, with a last sample of the interval that was begun. */
export function startSampler(options: SamplerOptions): () => void {
  const { onSample, clock = systemClock, tickMs = TICK_MS, intervalMs = INTERVAL_MS } = options;
  let delays: number[] = [];
  let last = clock.now();
  let lastLoop = clock.loop();
  let began = last;
  let beganLoop = lastLoop;
  let beganStarved = clock.starved?.() ?? null;

  const takeSample = (): void => {
    const idle = lastLoop.idle - beganLoop.idle;
    const active = lastLoop.active - beganLoop.active;
    const { rss, heapUsed, external } = clock.memory();
    const starved = clock.starved?.() ?? null;
    const sorted = delays.sort((a, b) => a - b);
    const sample: VitalSample = {
      atMs: Math.round(clock.wall()),
      spanMs: last - began,
      maxDelayMs: sorted.at(-1) ?? 0,
      p99DelayMs: sorted[Math.floor((sorted.length - 1) * 0.99)] ?? 0,
      utilization: idle + active > 0 ? Math.min(1, Math.max(0, active / (idle + active))) : 0,
      rssBytes: rss,
      heapBytes: heapUsed,
      externalBytes: external,
      ...(starved === null || beganStarved === null ? {} : { starvedMs: starved - beganStarved }),
    };
    beganStarved = starved;
    delays = [];
    began = last;
    beganLoop = lastLoop;
    onSample(sample);
  };

  const tick = (): void => {
    const now = clock.now();
    const loop = clock.loop();
    delays.push(delay(now - last, tickMs, loop.active - lastLoop.active));
    last = now;
    lastLoop = loop;
    // The interval ends with a tick: a block is never cut in two.
    if (now - began >= intervalMs) takeSample();
  };

  const end = clock.every(tickMs, tick);
  return () => {
    end();
    if (delays.length > 0) takeSample();
  };
}

/**
 * How long the loop was away when its timer came after `gap`. By how much the timer was late leaves out what passed
 * before it was due; that the loop was at work then shows in its own account.
 */
function delay(gap: number, tickMs: number, active: number): number {
  const late = Math.max(0, gap - tickMs);
  return late < tickMs / 2 ? late : Math.max(late, Math.min(gap, active));
}
