/** `baseline` on real hosts: across an update, and twice on the same one. */
import { readFileSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Comparison } from "../../src/engine/baseline-compare.ts";
import { inventory } from "../facts/sandbox.ts";
import { startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS, type Host } from "./harness/hosts.ts";
import { upgraded, vitalsJson } from "./harness/vitals.ts";

const NEW = "2026.9.6";
const LIMIT = 1_200_000;
/** All but the doctor, whose runs beside a gateway take minutes: it is measured on both versions further down. */
const QUICK = ["startup", "health", "health-max", "loop-delay", "rss"];
const opened: Home[] = [];

afterAll(async () => {
  for (const home of opened.splice(0)) await home.dispose();
});

async function open(host: Host): Promise<Home> {
  // What the newer version has no place for is left out: its own doctor would rename it.
  const home = await createHome(host, { config: { models: { pricing: undefined } } });
  opened.push(home);
  return home;
}

/** Our command with this host as `openclaw` on the PATH. */
async function baseline(home: Home, host: Host, args: readonly string[]) {
  const bin = join(home.dir, "bin", host.version);
  await mkdir(bin, { recursive: true });
  await symlink(host.entry, join(bin, "openclaw")).catch(() => {});
  const env = { PATH: `${bin}:${home.env["PATH"]}` };
  return await vitalsJson(home, ["baseline", ...args], { env, timeoutMs: LIMIT });
}

const ids = (measures: readonly { id: string }[]): string[] => measures.map(({ id }) => id);

describe.concurrent("baseline", () => {
  test("from 2026.5.22 to 2026.9.6: the same is measured on both, and the exit code is what the table says", {
    timeout: LIMIT,
  }, async () => {
    const [old, next] = [await ensureHost("2026.5.22"), await ensureHost(NEW)];
    const home = await open(old);
    const before = await startGateway(home, { until: "/readyz" });
    const saved = await baseline(home, old, ["save", "before", "--skip", "doctor"]);
    expect(saved).toMatchObject({ code: 0, document: { host: { version: "2026.5.22" }, notMeasured: [] } });
    expect(ids(saved.document.measures)).toEqual(QUICK);
    const text = readFileSync(saved.document.path, "utf8");
    for (const secret of [home.dir, os.hostname(), home.gatewayToken]) expect(text).not.toContain(secret);
    await before.stop();

    const newer = upgraded(home, next);
    const doctor = await newer.run(["doctor", "--fix", "--non-interactive"]);
    expect(doctor.code, doctor.stdout + doctor.stderr).toBe(0);
    const after = await startGateway(newer, { until: "/readyz" });
    const { code, document } = await baseline(newer, next, ["compare", "--skip", "doctor"]);
    await after.stop();
    expect(document).toMatchObject({
      before: { name: "before", host: { version: "2026.5.22" } },
      now: { host: { version: NEW } },
    });
    const measures = document.measures as Comparison[];
    expect(ids(measures)).toEqual(QUICK);
    for (const one of measures) {
      expect(one.ratio).toBeCloseTo((one.now?.median ?? Number.NaN) / (one.before?.median ?? Number.NaN));
      expect(one.verdict === "not compared").toBe(one.interval === null);
      if (one.verdict === "regression") expect(one.interval?.low).toBeGreaterThan(1);
    }
    const worse = measures.filter(({ verdict }) => verdict === "regression");
    expect(document.regressions).toEqual(ids(worse));
    expect(code).toBe(worse.length === 0 ? 0 : 1);
  });

  test.each(HOST_VERSIONS)(
    "%s twice is no regression, and nothing is written but the baseline",
    {
      timeout: LIMIT,
    },
    async (version) => {
      const host = await ensureHost(version);
      const home = await open(host);
      // 2026.5.22 keeps notes of its own when its doctor first reads: logs/config-health.json and plugin-skills/.
      await home.run(["doctor", "--lint", "--json"]);
      const tree = (): string[] => inventory(home.stateDir).filter((line) => !/^(\.|vitals\S*) /.test(line));
      const before = tree();
      expect(await baseline(home, host, ["save"])).toMatchObject({ code: 0, document: { host: { version } } });
      const { code, document } = await baseline(home, host, ["compare"]);
      expect({ code, regressions: document.regressions }).toEqual({ code: 0, regressions: [] });
      expect(ids(document.measures)).toEqual(["startup", "doctor"]);
      expect(tree()).toEqual(before);
      expect(inventory(join(home.stateDir, "vitals")).map((line) => line.split(" ")[0])).toEqual([
        ".",
        "baselines",
        expect.stringMatching(/^baselines\/[\dTZ-]+-[\d.]+\.json$/),
      ]);
    },
  );
});
