import { once } from "node:events";
import { chmodSync, unlinkSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Baseline } from "../../src/engine/baseline.ts";
import { compareBaselines } from "../../src/engine/baseline-compare.ts";
import { BASELINE_LIMITS, type MeasureOptions, measureBaseline } from "../../src/engine/baseline-measure.ts";
import { UserError } from "../../src/engine/errors.ts";
import { type Facts, gatherFacts } from "../../src/facts/facts.ts";
import { type GatewayProcess, readLife } from "../../src/facts/gateway.ts";
import { put, tempDir } from "../facts/sandbox.ts";

const OPTIONS: MeasureOptions = {
  name: "mine",
  only: [],
  skip: [],
  graceSeconds: 30,
  limits: { ...BASELINE_LIMITS, rounds: 5, starts: 1, blocks: 1, probes: 3, gapMs: 1, memoryGapMs: 1 },
};
const READY = { ready: true, uptimeMs: 3_600_000, eventLoop: { delayMaxMs: 21.5 } };

/** A gateway in this process; `answer` may keep a request waiting. */
async function fakeGateway(
  answer: (url: string, response: ServerResponse) => void | Promise<void>,
): Promise<GatewayProcess> {
  const server = createServer((request, response) => void answer(request.url ?? "", response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const lockPath = put(
    path.join(tempDir(), "gateway.lock"),
    JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString() }),
  );
  const life = readLife(lockPath);
  if (life === null) throw new Error("no lock");
  return { ...life, lockPath, port: (server.address() as AddressInfo).port, ownsPort: true };
}

const answering = (ready: unknown = READY, lateMs = 0) =>
  fakeGateway((url, response) => {
    const body = JSON.stringify(url === "/readyz" ? ready : { ok: true, status: "live" });
    setTimeout(() => response.end(body), url === "/healthz" ? lateMs : 0);
  });

/** A command that prints this for `doctor`, as a shell script. */
function fakeHost(doctor: string, more = ""): Facts["hostCommand"] {
  const file = path.join(tempDir(), "openclaw");
  put(
    file,
    `#!/bin/sh\n${more}\nif [ "$1" = doctor ]; then echo '${doctor}'; else echo "OpenClaw 2026.5.22 (abc)"; fi\n`,
  );
  chmodSync(file, 0o755);
  return () => ({ command: file, args: [], env: { PATH: process.env["PATH"] }, own: true });
}

function factsWith(gateway: GatewayProcess | null, hostCommand: Facts["hostCommand"] = () => null): Facts {
  const facts = gatherFacts({ stateDir: tempDir(), env: {}, hostVersion: "2026.9.6" });
  return { ...facts, gateway: async () => gateway, hostCommand };
}

const whys = ({ notMeasured }: Baseline) => Object.fromEntries(notMeasured.map(({ id, why }) => [id, why]));
const of = (baseline: Baseline, id: string) => baseline.measures.find((measure) => measure.id === id);
const DOCTOR = '{"ok":true,"checksRun":17,"checksSkipped":0,"findings":[]}';

describe("a whole install", () => {
  test("all is measured, with the machine's own speed beside it, and nobody is named", async () => {
    const gateway = await answering();
    const baseline = await measureBaseline(factsWith(gateway, fakeHost(DOCTOR)), OPTIONS);
    expect(baseline).toMatchObject({
      schemaVersion: 1,
      name: "mine",
      host: { version: "2026.5.22", source: "openclaw --version" },
      notMeasured: [],
    });
    // It says an hour when it is first asked, and that is after everything else of the first round.
    expect(baseline.gatewayUptimeMs).toBeGreaterThan(0);
    expect(baseline.gatewayUptimeMs).toBeLessThan(3_600_000);
    expect(baseline.measures.map(({ id, n, machine }) => [id, n, machine.length])).toEqual([
      ["startup", 5, 5],
      ["doctor", 5, 5],
      ["health", 5, 5],
      ["health-max", 5, 5],
      ["loop-delay", 5, 5],
      ["rss", 8, 0],
    ]);
    for (const measure of baseline.measures) {
      expect(Math.min(...measure.samples, ...measure.machine)).toBeGreaterThan(0);
      expect(measure.atRest).toBe(true);
      expect(measure.median).toBeLessThanOrEqual(measure.max);
    }
    expect(of(baseline, "loop-delay")).toMatchObject({ median: 21.5, spread: 0 });
    const text = JSON.stringify(baseline);
    for (const secret of [os.hostname(), os.tmpdir(), gateway.lockPath]) expect(text).not.toContain(secret);
  });

  test("only some of it, without what is not needed", async () => {
    const baseline = await measureBaseline(factsWith(null, fakeHost(DOCTOR)), { ...OPTIONS, only: ["startup"] });
    expect(baseline.measures.map(({ id }) => id)).toEqual(["startup"]);
    expect(baseline.notMeasured).toEqual([]);
    const quiet = await measureBaseline(factsWith(await answering()), { ...OPTIONS, only: ["health", "rss"] });
    expect(quiet.measures.map(({ id }) => id)).toEqual(["health", "rss"]);
    expect(quiet.host.version).toBe("2026.9.6");
  });
});

describe("a gateway", () => {
  const gatewayOnly = { ...OPTIONS, only: ["health", "health-max", "loop-delay", "rss"] };

  test("that is slow to answer is a regression beside one that is not", async () => {
    const [quick, slow] = [await answering(), await answering(READY, 100)];
    const before = await measureBaseline(factsWith(quick), gatewayOnly);
    const now = await measureBaseline(factsWith(slow), gatewayOnly);
    const health = compareBaselines(before, now).find(({ id }) => id === "health");
    expect(health).toMatchObject({ verdict: "regression" });
    expect(health?.ratio).toBeGreaterThan(2);
  });

  test("that takes connections and says nothing counts as slow as was waited for", async () => {
    const silent = await fakeGateway(() => {});
    const limits = { ...BASELINE_LIMITS, ...OPTIONS.limits, answerMs: 40, rounds: 5 };
    const baseline = await measureBaseline(factsWith(silent), { ...gatewayOnly, limits });
    for (const id of ["health", "health-max", "loop-delay"])
      expect(of(baseline, id)).toMatchObject({ n: 5, median: 40 });
    expect(baseline.gatewayUptimeMs).toBeNull();
  });

  test("that has just started is told", async () => {
    const baseline = await measureBaseline(factsWith(await answering({ ...READY, uptimeMs: 9_000 })), gatewayOnly);
    expect(baseline.measures.map(({ atRest }) => atRest)).toEqual([false, false, false, false]);
  });

  test("that does not tell of its event loop", async () => {
    const baseline = await measureBaseline(factsWith(await answering({ ready: true })), gatewayOnly);
    expect(whys(baseline)).toEqual({ "loop-delay": "this gateway does not tell" });
    expect(baseline.measures).toHaveLength(3);
  });

  test("whose port is closed, or may be another one's, still has memory", async () => {
    const gateway = await answering();
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const down = await measureBaseline(factsWith({ ...gateway, port }), gatewayOnly);
    expect(down.measures.map(({ id }) => id)).toEqual(["rss"]);
    expect(whys(down)["health"]).toBe("nobody listens on the gateway's port");
    const guessed = await measureBaseline(factsWith({ ...gateway, ownsPort: false }), gatewayOnly);
    expect(guessed.measures.map(({ id }) => id)).toEqual(["rss"]);
    expect(whys(guessed)["health-max"]).toMatch(/not known to be its own/);
  });

  test("that went away meanwhile has no figures", async () => {
    let asked = 0;
    const gateway: GatewayProcess = await fakeGateway((_url, response) => {
      asked += 1;
      if (asked === 6) unlinkSync(gateway.lockPath);
      response.end(JSON.stringify(READY));
    });
    const baseline = await measureBaseline(factsWith(gateway, fakeHost(DOCTOR)), { ...OPTIONS, skip: ["doctor"] });
    expect(baseline.measures.map(({ id }) => id)).toEqual(["startup"]);
    expect(whys(baseline)["rss"]).toBe("the gateway restarted or ended meanwhile");
  });

  test("that is not there is no failure", async () => {
    const baseline = await measureBaseline(factsWith(null, fakeHost(DOCTOR)), OPTIONS);
    expect(baseline.measures.map(({ id }) => id)).toEqual(["startup", "doctor"]);
    expect(new Set(Object.values(whys(baseline)))).toEqual(new Set(["no gateway of this install is running here"]));
  });
});

describe("the host's command", () => {
  test.each([
    ["a doctor that ends early", '{"ok":false,"checksRun":1}', "", /config is not valid/],
    ["a doctor that does not know the form", "unknown option --lint", "", /does not have it/],
    ["a doctor that hangs", DOCTOR, '[ "$1" = doctor ] && exec sleep 30', /more than 0\.5 s/],
  ])("%s", async (_name, doctor, more, why) => {
    const limits = { ...BASELINE_LIMITS, ...OPTIONS.limits, doctorMs: 500 };
    const baseline = await measureBaseline(factsWith(null, fakeHost(doctor, more)), { ...OPTIONS, limits });
    expect(baseline.measures.map(({ id }) => id)).toEqual(["startup"]);
    expect(whys(baseline)["doctor"]).toMatch(why);
  });

  test("that is not there, and no gateway either: nothing to measure", async () => {
    await expect(measureBaseline(factsWith(null), OPTIONS)).rejects.toThrow(/`openclaw` was not found; no gateway/);
  });

  test("is not run while an update runs, nor for measures nobody knows", async () => {
    const facts = { ...factsWith(null, fakeHost(DOCTOR)), updating: true };
    await expect(measureBaseline(facts, OPTIONS)).rejects.toThrow(UserError);
    const known = factsWith(null, fakeHost(DOCTOR));
    await expect(measureBaseline(known, { ...OPTIONS, only: ["rrs"] })).rejects.toThrow(/no measure "rrs"/);
    await expect(measureBaseline(known, { ...OPTIONS, only: ["rss"], skip: ["rss"] })).rejects.toThrow(/is left/);
  });
});
