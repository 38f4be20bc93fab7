import { describe, expect, test } from "vitest";
import check from "../../checks/rss-growth.ts";
import { defaultPolicy, type Policy } from "../../src/engine/policy.ts";
import { gatherFacts, type JudgedLock } from "../../src/facts/facts.ts";
import type { LogEvent, MemorySample } from "../../src/facts/vital-signs.ts";
import { type GatewayScene, GIB, HOST_MEMORY as HOST, withGateway } from "../engine/imagined-gateway.ts";
import { leak, MB, random, recordedMemory } from "../engine/memory-noise.ts";
import { makeSandbox } from "../engine/sandbox.ts";

const MINUTE = 60_000;

async function look({ policy = defaultPolicy, ...scene }: GatewayScene & { policy?: Policy }) {
  return await check.run(withGateway(gatherFacts({ ...makeSandbox().options }), scene), policy);
}

const growing = (rate = 60) => leak(random(7), { length: 90, rate, beside: "none" });
const quiet = (length = 90) => leak(random(7), { length, rate: 0, beside: "none" });

describe("a gateway that grows", () => {
  test("says how fast, for how long, what ends it and when", async () => {
    const group = { bytes: 2048 * MB, source: "/sys/fs/cgroup/memory.max" };
    const [finding, ...others] = await look({ ring: growing(), limits: { group, host: HOST, heapBytes: null } });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: "error", confidence: "likely", target: "gateway", identity: "growth" });
    expect(finding?.message).toMatch(
      /^The gateway's memory has grown by 60 MiB a minute \((59|60) to (60|61)\) for 1\d minutes and goes on: it reaches the limit of its control group, 2048 MiB, in 11 minutes\.$/,
    );
    const evidence = new Map(finding?.evidence.map(({ what, value, source }) => [what, { value, source }]));
    expect(evidence.get("growth in MiB per minute, interval of 99 %")?.source).toBe("sampler in the gateway, /ring");
    expect(evidence.get("to")?.value).toMatch(/^1970-01-01T00:14:50.000Z, 13\d\d MiB$/);
    expect(evidence.get("the limit of its control group")).toEqual({ value: "2048 MiB", source: group.source });
  });

  test.each<[number, number, RegExp]>([
    [1341 * MB, 60, /, 1341 MiB, within a minute\.$/],
    [14 * GIB, 160, /, in 7\d( to 7\d)? minutes\.$/],
    [15.9 * GIB, 40, /, in 6 hours\.$/],
    [110 * GIB, 30, /, in 3 days\.$/],
  ])("says when in words: %d bytes at %d MiB a minute", async (bytes, rate, expected) => {
    const host = { ...HOST, availableBytes: 999 * GIB };
    const limits = { group: { bytes, source: "/g" }, host, heapBytes: null };
    const [finding] = await look({ ring: growing(rate), limits });
    expect(finding?.message).toMatch(expected);
  });

  test("says from when to when in one unit", async () => {
    const limits = { group: { bytes: 2400 * MB, source: "/g" }, host: HOST, heapBytes: null };
    const [finding] = await look({ ring: leak(random(7), { length: 90, rate: 60, beside: "teeth" }), limits });
    expect(finding?.message).toMatch(/, in 1\d to (1|2)\d minutes\.$/);
  });

  test("is a warning while there is time, with the bounds the right way round", async () => {
    const ring = leak(random(7), { length: 120, rate: 60, beside: "teeth" });
    const [finding] = await look({ ring });
    expect(finding?.severity).toBe("warning");
    const evidence = new Map(finding?.evidence.map(({ what, value }) => [what, Number(value)]));
    const soonest = evidence.get("minutes until then at the upper end of the interval") ?? Number.NaN;
    const latest = evidence.get("minutes until then at the lower end of the interval") ?? Number.NaN;
    // 12 GiB are left, which takes 205 minutes at 60 MiB a minute.
    expect(soonest).toBeLessThanOrEqual(205);
    expect(latest).toBeGreaterThanOrEqual(205);
    expect(finding?.message).toMatch(/all memory of the machine, 16384 MiB, in 3( to 4)? hours\.$/);
  });

  test("in its heap is ended by the heap's limit, if that comes first", async () => {
    const heap = ({ rssBytes }: MemorySample) => rssBytes - 300 * MB;
    const limits = { group: null, host: HOST, heapBytes: 2 * GIB };
    const [finding] = await look({ ring: growing(), heap, limits });
    expect(finding?.message).toMatch(/it reaches the limit of its JavaScript heap, 2048 MiB, in 16 minutes\.$/);
    const [outside] = await look({ ring: growing(), limits });
    expect(outside?.message, "outside of it the heap's limit ends nothing").toContain("all memory of the machine");
  });

  test("is found without any limit known", async () => {
    const [finding] = await look({ ring: growing(), limits: null });
    expect(finding?.message).toMatch(/for 1\d minutes and goes on\.$/);
    expect(finding?.severity).toBe("warning");
  });

  test("is told with what was stuck meanwhile, and not with what was before", async () => {
    const stuck = (minute: number): LogEvent => ({
      kind: "stuck-session",
      state: "stuck",
      ageMs: 1,
      atMs: minute * MINUTE,
    });
    const payload = { status: "ok", pid: 4711, createdAtMs: 5 * MINUTE };
    const lock = {
      path: "/s.jsonl.lock",
      judgement: { verdict: "overdue" },
      look: { kind: "file", snapshot: { payload } },
    } as unknown as JudgedLock;
    const [finding] = await look({ ring: growing(), events: [stuck(1), stuck(9), stuck(12)], locks: [lock] });
    expect(finding?.evidence).toContainEqual({
      what: "reports of stuck sessions at that time",
      value: "2, the first from 1970-01-01T00:09:00.000Z",
      source: "gateway log",
    });
    expect(finding?.evidence).toContainEqual({
      what: "session locks it holds past their limit",
      value: "1, the first from 1970-01-01T00:05:00.000Z",
      source: "session locks",
    });
  });

  test("is judged by the policy's threshold", async () => {
    const policy = { ...defaultPolicy, memory: { slopeMBPerMinute: 80 } };
    expect(await look({ ring: growing(), policy })).toEqual([]);
  });

  test("a recorded leak is found after four minutes", async () => {
    const { samples, startedAtMs } = recordedMemory("leak-300-mb-per-min");
    const ring = samples.filter(({ atMs }) => atMs - startedAtMs <= 4 * MINUTE);
    const [finding] = await look({ ring, life: { startedAtMs } });
    expect(finding?.message).toContain("grown by 300 MiB a minute");
  });
});

describe("where the samples come from", () => {
  test("another life of the gateway tells nothing about this one", async () => {
    for (const life of [{ pid: 4712 }, { startTicks: 98 }])
      expect(await look({ ring: growing(), life })).toMatchObject([{ severity: "info", identity: "inconclusive" }]);
  });

  test("without a sampler they are those of a watch", async () => {
    const [finding] = await look({ watched: growing() });
    expect(finding?.evidence[0]?.source).toBe("watched from outside");
    expect(finding?.fixHint, "a run that does not watch would find nothing to repair").toContain(
      "`openclaw-vitals fix --force --only rss-growth --watch-for 5m`",
    );
    expect(finding?.message).toContain("grown by 60 MiB a minute");
  });

  test("a watch goes on where the sampler ends", async () => {
    const samples = growing();
    const [finding] = await look({ ring: samples.slice(0, 60), watched: samples.slice(60) });
    expect(finding?.evidence[0]?.source).toBe("sampler in the gateway, /ring, and watched from outside");
  });

  test("else what the host wrote down of this very process", async () => {
    const told = growing().map((sample) => ({ ...sample, pid: 4711, startedAtMs: 0 }));
    const now = growing().at(-1) ?? null;
    const [finding] = await look({ stability: told, now });
    expect(finding?.evidence[0]?.source).toBe("stability records of the host");
    const others = told.map((sample) => ({ ...sample, pid: 1 }));
    expect(await look({ stability: others, now })).toMatchObject([{ identity: "inconclusive" }]);
  });

  test("at last its log, unless others write into it", async () => {
    const rest = { kind: "memory-pressure", level: "warning", reason: "rss_growth", growthBytes: null, windowMs: null };
    const events = growing().map((sample) => ({ ...rest, ...sample }) as LogEvent);
    const now = growing().at(-1) ?? null;
    expect((await look({ events, now }))[0]?.evidence[0]?.source).toBe("gateway log");
    expect(await look({ events, now, shared: true })).toMatchObject([{ identity: "inconclusive" }]);
  });

  test("a sampler that stopped long ago says nothing about now", async () => {
    const now = { atMs: 300 * MINUTE, rssBytes: 700 * MB };
    const [finding] = await look({ ring: growing(), now });
    expect(finding?.message).toContain("cannot be told yet: 1 of 30 samples and 0 of 5 minutes are there");
  });
});

describe("a gateway that does not grow", () => {
  test("is no finding", async () => {
    expect(await look({ ring: quiet() })).toEqual([]);
    for (const name of ["no-leak-one-block-5.22", "no-leak-stalls-9.6"] as const) {
      const { samples, startedAtMs } = recordedMemory(name);
      expect(await look({ ring: samples, life: { startedAtMs } })).toEqual([]);
    }
  });

  test("nor is one that does not run", async () => {
    expect(await check.run(gatherFacts({ ...makeSandbox().options }), defaultPolicy)).toEqual([]);
  });

  test("is not said to be well before there is enough to tell", async () => {
    const [finding, ...others] = await look({ ring: quiet(40) });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: "info", confidence: "unknown", risk: null });
    expect(finding?.message).toBe(
      "Whether the gateway's memory grows cannot be told yet: 23 of 30 samples and 3 of 5 minutes are there, its first 3 minutes left out.",
    );
    expect(finding?.fixHint).toContain("`openclaw-vitals check --only rss-growth --watch-for 10m`");
  });

  test("where the platform tells nothing, nothing is said", async () => {
    expect(await look({ now: null, limits: null })).toMatchObject([{ identity: "inconclusive" }]);
  });

  const group = { bytes: 540 * MB, source: "/sys/fs/cgroup/memory.max" };
  const limits = { group, host: HOST, heapBytes: null };

  test("but stays close to its limit, is a warning", async () => {
    const [finding, ...others] = await look({ ring: quiet(), limits });
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ severity: "warning", identity: "level" });
    expect(finding?.message).toBe(
      "The gateway needs 90 % of the memory its control group may have, 540 MiB: when it is full, the gateway is ended.",
    );
  });

  test("and only touched its limit, is none", async () => {
    const ring = quiet().map((sample, i) => (i === 80 ? { ...sample, rssBytes: 400 * MB } : sample));
    expect(await look({ ring, limits })).toEqual([]);
    expect(await look({ ring: quiet(), limits: { ...limits, group: { ...group, bytes: 700 * MB } } })).toEqual([]);
  });

  test("close to its limit is told from a single reading, when there is nothing else", async () => {
    expect(await look({ now: { atMs: 0, rssBytes: 530 * MB }, limits })).toMatchObject([{ identity: "level" }]);
  });
});
