import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import check from "../../checks/event-loop-delay.ts";
import { loopFindings } from "../../src/engine/loop-findings.ts";
import { isEnough, secondLook } from "../../src/engine/loop-now.ts";
import { defaultPolicy } from "../../src/engine/policy.ts";
import type { FindingDraft } from "../../src/engine/types.ts";
import { type Facts, gatherFacts } from "../../src/facts/facts.ts";
import type { LiveProbe, LiveWatch } from "../../src/facts/live-watch.ts";
import type { GatewayProbe, NoGateway } from "../../src/facts/vital-signs.ts";
import { diagnose } from "../../src/index.ts";
import { packageFile } from "../../src/package.ts";
import { answered, MONTH, NOW, probe, scene, silent, watch } from "../engine/loop-scenes.ts";
import { put, tempDir } from "../facts/sandbox.ts";

const HOSTS = ["2026.5.22", "2026.9.6"] as const;

function facts(parts: Partial<Facts>, config: object = {}): Facts {
  const stateDir = path.join(tempDir(), ".openclaw");
  mkdirSync(stateDir);
  put(path.join(stateDir, "openclaw.json"), JSON.stringify(config));
  const quiet = {
    gatewayProbe: async () => null,
    liveWatch: async () => null,
    noGateway: async (): Promise<NoGateway> => ({ kind: "down" }),
    vitalRing: async () => scene({ samples: [] }).ring,
  };
  return { ...gatherFacts({ stateDir, hostVersion: "2026.5.22", env: {} }), ...quiet, ...parts };
}

const run = async (given: Facts): Promise<readonly FindingDraft[]> => await check.run(given, defaultPolicy);

describe("what was recorded of real gateways", () => {
  interface Recorded {
    readonly probe: GatewayProbe;
    readonly watch: LiveWatch;
  }
  const read = (name: string) =>
    JSON.parse(readFileSync(packageFile(`test/fixtures/event-loop-delay/${name}`), "utf8"));

  /** The same, of a gateway that was started long ago. */
  function long({ probe: seen, watch: watched }: Recorded): FindingDraft[] {
    const gateway = { ...seen.gateway, createdAtMs: -MONTH };
    const log = { files: [], events: [], fromMs: null, shared: false };
    const ring = { path: "", lives: [] };
    const era = seen.gateway.lockPath === "" ? "sqlite" : "jsonl";
    return loopFindings({ probe: { ...seen, gateway }, watch: watched, log, ring, era }, 1_000, watched.toMs);
  }

  test.each(HOSTS)("%s in its turns, with 20 others waiting for two processors: nothing to act on", (host) => {
    const findings = long(read(`${host}.json`).turns);
    expect(findings.map(({ severity }) => severity).filter((severity) => severity !== "info")).toEqual([]);
  });

  test.each(HOSTS)("%s in its start: nothing to act on", (host) => {
    const { probe: seen, watch: watched }: Recorded = read(`${host}.json`).start;
    const given = { ...scene({ samples: [], watch: watched }), probe: seen };
    expect(loopFindings(given, 1_000, watched.toMs).every(({ severity }) => severity === "info")).toBe(true);
  });

  test.each(HOSTS.flatMap((host) => [[host, "1.5 s back to back"] as const, [host, "5 s every 10 s"] as const]))(
    "%s, blocked for %s: found, in the first ten seconds",
    (host, pattern) => {
      const waits: number[] = read("blocks.json")[host][pattern];
      const all = watch(pattern.startsWith("5") ? waits.flatMap((ms) => [ms, ...Array(20).fill(3)]) : waits);
      // The end of the watch cuts a request off.
      const probes = all.probes
        .filter(({ atMs }) => atMs - NOW < 10_000)
        .map((one): LiveProbe => {
          const leftMs = NOW + 10_000 - one.atMs;
          return one.ms <= leftMs ? one : { ...one, kind: "silent", status: null, ms: leftMs };
        });
      const [finding] = long({ probe: probe(), watch: { ...all, probes } });
      expect(finding).toMatchObject({ severity: "warning", identity: "now" });
      expect(isEnough(probes, 1_000)).toBe(true);
    },
  );
});

describe("the second look", () => {
  /** How long the check looks a second time, null when it does not. */
  async function looked(seen: GatewayProbe, parts: Partial<Facts> = {}): Promise<number | null> {
    let forMs: number | null = null;
    await run(
      facts({
        gatewayProbe: async () => seen,
        async liveWatch(_grace, briefly) {
          forMs = briefly?.forMs ?? forMs;
          return briefly === undefined ? null : watch([3]);
        },
        ...parts,
      }),
    );
    return forMs;
  }

  test.each([
    ["all is well", probe(), null],
    ["no answer", probe({ health: silent(), ready: silent() }), 1_200],
    ["a late answer", probe({ health: answered(1_000) }), 8_000],
    ["an answer in time", probe({ health: answered(99) }), null],
    ["one that is a little late", probe({ health: answered(100) }), 8_000],
    ["readiness late", probe({ ready: answered(1_000) }), 8_000],
    ["readiness not at all", probe({ ready: silent() }), 8_000],
    ["figures that may be those of the start", probe({ maxDelayMs: 3_000 }), 8_000],
    ["figures of ordinary turns", probe({ maxDelayMs: 1_000 }), 8_000],
    ["good figures", probe({ maxDelayMs: 999 }), null],
    ["a closed port", probe({ health: { kind: "closed", ms: 1, status: null } }), null],
  ])("after %s", async (_, seen, forMs) => {
    expect(await looked(seen)).toBe(forMs);
  });

  test("of a suspicion is over after three answers in time, of a doubt it is not", () => {
    const calm = watch([3, 499, 3]).probes;
    const over = (seen: GatewayProbe, recorded: boolean, era: "jsonl" | "sqlite", probes: readonly LiveProbe[]) =>
      secondLook(seen, { era, recorded }, 1_000)?.enough?.(probes);
    const late = probe({ health: answered(999) });
    expect(over(late, false, "jsonl", calm)).toBe(true);
    expect(over(late, false, "jsonl", calm.slice(1))).toBe(false);
    expect(over(late, false, "jsonl", watch([3, 500, 3]).probes)).toBe(false);
    expect(over(probe({ health: answered(1_000) }), false, "jsonl", calm)).toBe(false);
    const figures = probe({ maxDelayMs: 9_000 });
    expect(over(figures, false, "jsonl", calm), "perhaps of the start").toBe(false);
    expect(over(figures, true, "jsonl", calm), "the sampler knows").toBe(true);
    expect(over(figures, false, "sqlite", calm), "of the last second").toBe(true);
  });

  test("finds short blocks back to back although the first answer came between two", async () => {
    const findings = await run(
      facts({
        gatewayProbe: async () => probe({ health: answered(196), maxDelayMs: 1_700 }),
        liveWatch: async (_grace, briefly) => (briefly === undefined ? null : watch([1_250, 1_250, 1_250])),
      }),
    );
    expect(findings).toMatchObject([{ severity: "warning", message: expect.stringContaining("again and again") }]);
  });

  test("is not taken when the gateway was watched for longer", async () => {
    const asked: unknown[] = [];
    const findings = await run(
      facts({
        gatewayProbe: async () => probe({ health: silent(), ready: silent() }),
        async liveWatch(_grace, briefly) {
          asked.push(briefly);
          return watch([-60_000]);
        },
      }),
    );
    expect(asked).toEqual([undefined]);
    expect(findings).toMatchObject([
      { severity: "error", message: expect.stringContaining("has not answered for 1 min 4 s") },
    ]);
  });

  test("ends as soon as it is sure", async () => {
    const probes = watch([1_400, 1_400, 1_400]).probes;
    const decided = (some: readonly LiveProbe[]) => isEnough(some, 1_000);
    expect([probes.slice(0, 2), probes].map(decided)).toEqual([false, true]);
    expect(decided(watch([3, 3_000]).probes)).toBe(true);
    expect(decided(watch([3, 2_999]).probes)).toBe(false);
  });
});

describe("without a gateway to look at", () => {
  const local = { gateway: { mode: "local" } };

  test("nothing is said where none is expected", async () => {
    expect(await run(facts({}))).toEqual([]);
    const other: NoGateway = { kind: "other", port: 18_789, pids: [7], answers: true };
    expect(await run(facts({ noGateway: async () => other }))).toEqual([]);
  });

  test.each<[string, NoGateway, string, string]>([
    ["down", { kind: "down" }, "info", "No gateway runs for this state directory"],
    [
      "several",
      { kind: "several", pids: [7, 19] },
      "info",
      "2 gateways hold locks of this state directory (processes 7 and 19)",
    ],
    [
      "another one's",
      { kind: "other", port: 18_789, pids: [7], answers: true },
      "info",
      "the one on its port 18789 (process 7) serves another",
    ],
    ["another user's", { kind: "unknown", lockPath: "/l" }, "info", "its lock belongs to another user"],
    [
      "in a container",
      { kind: "unseen", gateway: { port: 18_789, listener: "docker-proxy", answers: true } },
      "info",
      "A gateway answers on port 18789, but its process cannot be seen from here",
    ],
    [
      "in a container and stuck",
      { kind: "unseen", gateway: { port: 18_789, listener: null, answers: false } },
      "warning",
      "takes connections on the gateway's port 18789 and does not answer",
    ],
  ])("%s: one clear sentence, and what to do", async (_, why, severity, message) => {
    const [finding, ...more] = await run(facts({ noGateway: async () => why }, local));
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity, risk: null, message: expect.stringContaining(message) });
    expect(finding?.fixHint).toMatch(/\.$/);
  });

  test("in an update nobody is asked, and nothing is said", async () => {
    expect(await run(facts({ noGateway: async () => ({ kind: "updating" }) }, local))).toEqual([]);
  });

  test("the whole way: a note for people, which no threshold counts", async () => {
    const stateDir = path.join(tempDir(), ".openclaw");
    mkdirSync(stateDir);
    put(path.join(stateDir, "openclaw.json"), JSON.stringify({ gateway: { mode: "local", port: 1 } }));
    const { ok, findings } = await diagnose({
      stateDir,
      env: {},
      hostVersion: "2026.5.22",
      only: ["event-loop-delay"],
    });
    expect(findings).toMatchObject([{ checkId: "vitals/event-loop-delay", severity: "info", fix: null }]);
    expect(ok).toBe(true);
  });
});
