/** The service: when it makes its rounds, and what of them the host's log is told. */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { roundInChild } from "../../src/host/heal-child.ts";
import type { HealRound } from "../../src/host/heal-round.ts";
import { healService } from "../../src/host/heal-service.ts";
import { openTelling } from "../../src/host/heal-telling.ts";
import { brokenState, put, tempDir } from "../facts/sandbox.ts";

const MINUTE = 60_000;
const QUIET: HealRound = { mode: "report", done: [], notes: [], summary: { line: "vitals: well", clean: true } };

function made(line: string, more: Partial<HealRound> = {}): HealRound {
  return { ...QUIET, notes: [{ key: line, line }], summary: { line: `vitals: ${line}`, clean: false }, ...more };
}

function logger() {
  const lines: string[] = [];
  return { lines, warn: (line: string) => void lines.push(line) };
}

describe("rounds", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A service whose rounds take so long. */
  function service(roundMs = 0, env = {}) {
    const rounds: { target: unknown; signal: AbortSignal }[] = [];
    const round = async (target: unknown, signal: AbortSignal): Promise<HealRound> => {
      rounds.push({ target, signal });
      await new Promise((resolve) => setTimeout(resolve, roundMs));
      return QUIET;
    };
    const { start, stop } = healService({ hostVersion: () => "2026.9.6", round, env });
    const stopAfter = async (ms: number): Promise<void> => {
      const stopped = stop();
      await vi.advanceTimersByTimeAsync(ms);
      await stopped;
    };
    return { rounds, start, stop: stopAfter };
  }

  test("the first after two minutes, then five minutes after the end of each", async () => {
    const { rounds, start, stop } = service(MINUTE);
    await start({ stateDir: "/state" });
    await vi.advanceTimersByTimeAsync(2 * MINUTE - 1);
    expect(rounds).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(rounds).toMatchObject([{ target: { stateDir: "/state", hostVersion: "2026.9.6" } }]);
    await vi.advanceTimersByTimeAsync(6 * MINUTE - 1);
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(2);
    await stop(MINUTE);
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(rounds).toHaveLength(2);
  });

  test("never two at once, even of one that takes hours", async () => {
    const { rounds, start, stop } = service(180 * MINUTE);
    await start({ stateDir: "/state" });
    await vi.advanceTimersByTimeAsync(120 * MINUTE);
    expect(rounds).toHaveLength(1);
    const stopped = stop(1999);
    await vi.advanceTimersByTimeAsync(0); // stop has waited 1999 ms
    expect(rounds[0]?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await stopped;
    expect(rounds[0]?.signal.aborted).toBe(true);
  });

  test("started again without a stop it makes no rounds twice", async () => {
    const { rounds, start, stop } = service();
    await start({ stateDir: "/one" });
    await start({ stateDir: "/two" });
    await vi.advanceTimersByTimeAsync(3 * MINUTE);
    expect(rounds.map(({ target }) => (target as { stateDir: string }).stateDir)).toEqual(["/two"]);
    await stop(0);
    await stop(0);
  });

  test.each([
    ["10", 10],
    ["9", 2 * MINUTE],
    ["-1", 2 * MINUTE],
    ["soon", 2 * MINUTE],
  ])("the variable for tests set to %s", async (value, firstMs) => {
    const { rounds, start, stop } = service(0, { OPENCLAW_VITALS_TEST_ROUND_MS: value });
    await start({ stateDir: "/state" });
    await vi.advanceTimersByTimeAsync(firstMs - 1);
    expect(rounds).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(1);
    await stop(2000);
  });

  test("what a round that was cut off comes to is not told", async () => {
    const log = logger();
    const round = (_: unknown, signal: AbortSignal): Promise<HealRound> =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("cut off"))));
    const { start, stop } = healService({ hostVersion: () => null, round, env: {} });
    await start({ stateDir: "/state", logger: log });
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    const stopped = stop();
    await vi.advanceTimersByTimeAsync(2000);
    await stopped;
    await vi.advanceTimersByTimeAsync(0);
    expect(log.lines).toEqual([]);
  });

  test("rounds that fail are told once, and go on", async () => {
    let count = 0;
    const log = logger();
    const round = async (): Promise<HealRound> => {
      count += 1;
      if (count !== 3) throw new Error("secret");
      return QUIET;
    };
    const { start, stop } = healService({ hostVersion: () => null, round, env: {} });
    await start({ stateDir: "/state", logger: log });
    await vi.advanceTimersByTimeAsync(2 * MINUTE + 4 * 5 * MINUTE);
    await stop();
    expect(count).toBe(5);
    const failed = "vitals: self-healing could not look at this OpenClaw; it goes on trying: openclaw vitals";
    expect(log.lines).toEqual([failed, failed]); // of the first two, and after one that came out
  });
});

test("a defect of ours stays ours", async () => {
  const log = logger();
  const service = healService({
    hostVersion: () => {
      throw new Error("no version");
    },
  });
  await service.start({ stateDir: tempDir(), logger: log });
  await service.stop();
  expect(log.lines).toEqual(["vitals: self-healing could not be started."]);
});

describe("the log", () => {
  function told(...rounds: (HealRound | null)[]): string[][] {
    const log = logger();
    const telling = openTelling(log.warn);
    return rounds.map((one) => {
      const before = log.lines.length;
      telling.round(one);
      return log.lines.slice(before);
    });
  }

  test("is told a finding and the summary once, again when they come back, and of the end", () => {
    expect(told(QUIET, made("a"), made("a"), QUIET, QUIET, made("a"))).toEqual([
      [],
      ["a", "vitals: a"],
      [],
      ["vitals: well"],
      [],
      ["a", "vitals: a"],
    ]);
  });

  test("is told each repair", () => {
    const healed = { ...QUIET, done: ["healed"] };
    expect(told(healed, healed)).toEqual([["healed"], ["healed"]]);
  });

  test("is not flooded", () => {
    const notes = Array.from({ length: 25 }, (_, n) => ({ key: `${n}`, line: `line ${n}` }));
    const [first, second] = told(made("", { notes }), made("", { notes }));
    expect(first).toHaveLength(22);
    expect(first?.slice(19)).toEqual(["line 19", "vitals: 5 more findings: openclaw vitals", "vitals: "]);
    expect(second).toEqual([]);
  });

  test("of a service that is off hears nothing", () => {
    expect(told({ mode: "off", done: [], notes: [], summary: null })).toEqual([[]]);
  });
});

describe("in a process of its own", () => {
  const round = (stateDir: string, signal = new AbortController().signal, deadlineMs?: number) =>
    roundInChild({ stateDir, hostVersion: "2026.5.22" }, signal, deadlineMs);

  test("a round heals this state dir, whatever options the gateway's own Node was given", async () => {
    const { stateDir, locks } = brokenState();
    writeFileSync(path.join(stateDir, "vitals.config.yaml"), "autoHeal: fix");
    vi.stubEnv("NODE_OPTIONS", "--require=/no/such/module");
    try {
      expect(await round(stateDir)).toMatchObject({ mode: "fix", summary: { clean: true } });
    } finally {
      vi.unstubAllEnvs();
    }
    expect(existsSync(locks[0] ?? "")).toBe(false);
  });

  test("that fails or takes too long is an error, not a hang", async () => {
    await expect(round(put(path.join(tempDir(), "no folder")))).rejects.toThrow();
    const { stateDir } = brokenState();
    await expect(round(stateDir, undefined, 1)).rejects.toThrow();
    await expect(round(stateDir, AbortSignal.abort())).rejects.toThrow();
  });
});
