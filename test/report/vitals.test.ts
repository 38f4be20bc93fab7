/** The vital signs of a report: those of the gateway that runs, and of no other. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { type Facts, gatherFacts } from "../../src/facts/facts.ts";
import type { NoGateway } from "../../src/facts/vital-signs.ts";
import { readVitals } from "../../src/report/vitals.ts";
import { NOW, sample } from "../engine/loop-scenes.ts";
import { put, tempDir } from "../facts/sandbox.ts";

function facts(none: NoGateway): Facts {
  const stateDir = path.join(tempDir(), ".openclaw");
  mkdirSync(stateDir);
  put(path.join(stateDir, "openclaw.json"), "{}");
  const life = {
    pid: 77,
    startTicks: 5,
    startedAtMs: NOW - 3_600_000,
    hostVersion: null,
    samples: [sample(60_000, 25)],
  };
  return {
    ...gatherFacts({ stateDir, hostVersion: "2026.9.6", env: {} }),
    gateway: async () => null,
    noGateway: async () => none,
    gatewayProbe: async () => null,
    vitalRing: async () => ({ path: "/ring", lives: [life] }),
  };
}

test("what a sampler wrote before its gateway ended is not the memory of now", async () => {
  const vitals = await readVitals(facts({ kind: "down" }), 30, NOW);
  expect(vitals).toMatchObject({ rssBytes: null, maxDelayMs: { sampler: null } });
  expect(vitals.life?.samples, "but stays in the report").toHaveLength(1);
});

test("of a gateway out of sight, e.g. in a container, its sampler tells", async () => {
  const gateway = { port: 18_789, listener: null, answers: true };
  const vitals = await readVitals(facts({ kind: "unseen", gateway }), 30, NOW);
  expect(vitals).toMatchObject({ rssBytes: 300_000_000, maxDelayMs: { sampler: 25 } });
});
