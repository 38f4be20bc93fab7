import { expect, test } from "vitest";
import type { VitalSample } from "../../src/facts/vital-signs.ts";
import { type SamplerClock, startSampler, systemClock } from "../../src/host/sampler.ts";

/** A loop whose timers come every 100 ms, and that can be made to stand still or to sleep. */
function fakeLoop() {
  let [now, idle, wall] = [5000, 0, 1_700_000_000_000];
  let tick = (): void => {};
  let due = 0;
  let ended = false;
  const memory = { rss: 100, heapUsed: 50, external: 10 };
  const clock: SamplerClock = {
    now: () => now,
    wall: () => wall,
    loop: () => ({ idle, active: now - 5000 - idle }),
    memory: () => memory,
    every(ms, run) {
      due = now + ms;
      tick = () => {
        run();
        due = now + ms;
      };
      return () => {
        ended = true;
      };
    },
  };
  const pass = (ms: number, asleep: boolean): void => {
    now += ms;
    wall += ms;
    if (asleep) idle += ms;
  };
  return {
    clock,
    memory,
    ended: () => ended,
    /** The loop has nothing to do until this much time has passed. */
    wait(ms: number) {
      for (let left = ms; left > 0; ) {
        const step = Math.min(left, Math.max(0, due - now));
        pass(step, true);
        left -= step;
        if (now >= due) tick();
      }
    },
    /** One callback takes so long; the timer that became due comes after it. */
    block(ms: number) {
      pass(ms, false);
      if (now >= due) tick();
    },
    /** The machine takes the processor away while the loop waits. */
    stopped(ms: number) {
      pass(ms, true);
      if (now >= due) tick();
    },
  };
}

function sampled(run: (loop: ReturnType<typeof fakeLoop>) => void) {
  const loop = fakeLoop();
  const samples: VitalSample[] = [];
  const end = startSampler({ clock: loop.clock, onSample: (sample) => samples.push(sample) });
  run(loop);
  return { samples, end, loop };
}

test("one sample per ten seconds, of a quiet loop", () => {
  const { samples } = sampled((loop) => loop.wait(35_000));
  expect(samples).toHaveLength(3);
  expect(samples[0]).toEqual({
    atMs: 1_700_000_010_000,
    spanMs: 10_000,
    maxDelayMs: 0,
    p99DelayMs: 0,
    utilization: 0,
    rssBytes: 100,
    heapBytes: 50,
    externalBytes: 10,
  });
});

test.each([0, 1, 30, 50, 99])("a block that begins %i ms after a tick has its whole length", (offset) => {
  const { samples } = sampled((loop) => {
    loop.wait(3000 + offset);
    loop.block(1500);
    loop.wait(9000);
  });
  expect(samples[0]?.maxDelayMs).toBe(1500);
  expect(samples[0]?.p99DelayMs).toBeLessThan(1500);
});

test.each([900, 4950, 9950])("a block is found whole that reaches %i ms over the end of an interval", (over) => {
  const { samples } = sampled((loop) => {
    loop.wait(10_000 - 50);
    loop.block(50 + over);
    loop.wait(20_000);
  });
  expect(samples[0]?.maxDelayMs).toBe(over + 50);
  expect(samples.slice(1).map((sample) => sample.maxDelayMs)).toEqual(samples.slice(1).map(() => 0));
});

test("137 seconds make one sample, that long and nearly all at work", () => {
  const { samples } = sampled((loop) => {
    loop.wait(2000);
    loop.block(137_000);
    loop.wait(10_000);
  });
  expect(samples[0]).toMatchObject({ spanMs: 139_000, maxDelayMs: 137_000 });
  expect(samples[0]?.utilization).toBeCloseTo(137 / 139);
  expect(samples[1]).toMatchObject({ spanMs: 10_000, maxDelayMs: 0, utilization: 0 });
});

test("a process that was stopped while its loop waited is late too", () => {
  const { samples } = sampled((loop) => {
    loop.wait(1000);
    loop.stopped(5000);
    loop.wait(9000);
  });
  expect(samples[0]).toMatchObject({ maxDelayMs: 4900, utilization: 0 });
});

test("many short pieces of work are no block", () => {
  const { samples } = sampled((loop) => {
    for (let n = 0; n < 1100; n += 1) {
      loop.block(9);
      loop.wait(1);
    }
  });
  expect(samples[0]?.maxDelayMs).toBeLessThan(10);
  expect(samples[0]?.utilization).toBeCloseTo(0.9);
});

test("two long blocks in a hundred ticks show in the 99th percentile", () => {
  const { samples } = sampled((loop) => {
    loop.block(300);
    loop.block(200);
    loop.wait(20_000);
  });
  expect(samples[0]).toMatchObject({ maxDelayMs: 300, p99DelayMs: 200 });
});

test("the end gives what was begun, and stops the timer", () => {
  const { samples, end, loop } = sampled((fake) => fake.wait(12_300));
  loop.memory.rss = 200;
  end();
  expect(loop.ended()).toBe(true);
  expect(samples.map(({ spanMs, rssBytes }) => [spanMs, rssBytes])).toEqual([
    [10_000, 100],
    [2300, 200],
  ]);
});

test("the machine's own clock: a real block is seen, and its timer keeps no process alive", async () => {
  const samples: VitalSample[] = [];
  let refs: boolean | undefined;
  const clock: SamplerClock = {
    ...systemClock,
    every(ms, tick) {
      const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
      const end = systemClock.every(ms, tick);
      refs = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length > before;
      return end;
    },
  };
  const end = startSampler({ clock, tickMs: 5, intervalMs: 20, onSample: (sample) => samples.push(sample) });
  expect(refs).toBe(false);
  const until = performance.now() + 60;
  while (performance.now() < until) {
    // nothing else runs
  }
  while (samples.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  end();
  expect(samples[0]?.maxDelayMs).toBeGreaterThan(50);
  expect(samples[0]?.rssBytes).toBeGreaterThan(1_000_000);
  expect(samples[0]?.heapBytes).toBeGreaterThan(100_000);
});
