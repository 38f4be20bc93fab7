/** What the checks of a gateway say can be read in a report: their sentences are ours, and none of it is masked. */
import { describe, expect, test } from "vitest";
import { absentGateway } from "../../src/engine/loop-absent.ts";
import { loopFindings } from "../../src/engine/loop-findings.ts";
import { growthFinding, inconclusiveFinding, levelFinding } from "../../src/engine/memory-findings.ts";
import type { FindingDraft } from "../../src/engine/types.ts";
import type { NoGateway } from "../../src/facts/vital-signs.ts";
import { createRedactor } from "../../src/report/redact.ts";
import { HOUR, liveness, MINUTE, NOW, probe, sample, scene, silent, watch } from "../engine/loop-scenes.ts";

const STATE = "/state";

function masked(drafts: readonly FindingDraft[]): string[] {
  expect(drafts).not.toEqual([]);
  const redactor = createRedactor(STATE);
  return drafts.flatMap(({ path, message, fixHint = "", evidence }) => {
    if (path !== undefined) redactor.path(path);
    const texts = [message, fixHint, ...evidence.flatMap(({ what, value, source }) => [what, value, source])];
    return texts.filter((text) => /\[masked\]|\[path/.test(String(redactor.value(text)))).map(String);
  });
}

describe("the event loop", () => {
  const blocked = { health: silent(), ready: silent() };
  test.each([
    [
      "blocked now",
      scene({
        probe: probe({ ...blocked, silent: { state: "R", cpuMs: 3_900, starvedMs: 90, overMs: 4_000 } }),
        watch: watch([-1_500]),
      }),
    ],
    ["blocked before, by the sampler", scene({ samples: [sample(HOUR, 20_000), sample(MINUTE, 137_036)] })],
    ["blocked before, by the log", scene({ events: [liveness(5 * MINUTE, 9_000), liveness(MINUTE, 9_000)] })],
    ["not recorded", scene({ samples: [] })],
  ])("%s", (_, facts) => {
    expect(masked(loopFindings(facts, 1_000, facts.watch?.toMs ?? NOW))).toEqual([]);
  });

  const absent: NoGateway[] = [
    { kind: "down" },
    { kind: "several", pids: [4242, 4343] },
    { kind: "other", port: 18_789, pids: [4242], answers: true },
    { kind: "unknown", lockPath: `${STATE}/tmp/openclaw-0/gateway.1234abcd.lock` },
    { kind: "unseen", gateway: { port: 18_789, answers: true, listener: null } },
    { kind: "unseen", gateway: { port: 18_789, answers: false, listener: null } },
  ];
  test.each(absent)("no gateway: $kind", (why) => {
    expect(masked(absentGateway(why, true))).toEqual([]);
  });
});

describe("memory", () => {
  const MIB = 1_048_576;
  const series = {
    source: `sampler in the gateway, ${STATE}/vitals/ring.json`,
    watched: false,
    startedAtMs: 0,
    samples: Array.from({ length: 60 }, (_, n) => ({ atMs: NOW + n * 10_000, rssBytes: 950 * MIB })),
    heap: Array.from({ length: 60 }, (_, n) => ({ atMs: NOW + n * 10_000, rssBytes: (500 + n) * MIB })),
  };
  const limits = {
    group: { bytes: 1000 * MIB, source: "/sys/fs/cgroup/memory.max" },
    host: { totalBytes: 8000 * MIB, availableBytes: 4000 * MIB },
    heapBytes: null,
  };
  const growing = {
    kind: "growing",
    slope: { estimate: 60.9 * MIB, lower: 58 * MIB, upper: 64 * MIB },
    fromMs: NOW,
    toMs: NOW + 720_000,
    samples: 60,
    fromBytes: 400 * MIB,
    toBytes: 950 * MIB,
  } as const;

  test("grows", () => {
    const events = [{ kind: "stuck-session", atMs: NOW + 1000, state: "stuck", ageMs: 5 }] as const;
    const draft = growthFinding(growing, series, limits, 20, { events, stuckSinceMs: [NOW] });
    expect(masked([draft])).toEqual([]);
  });

  test("is nearly all there is", () => {
    const draft = levelFinding(series, limits);
    expect(masked(draft === null ? [] : [draft])).toEqual([]);
  });

  test("cannot be judged yet", () => {
    expect(masked([inconclusiveFinding({ kind: "inconclusive", samples: 4, minutes: 2 }, series, probe())])).toEqual(
      [],
    );
  });
});
