/** The sampler inside real gateways of both hosts: its records, their end when it is disabled, and what it costs. */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { measureCost } from "../../bench/sampler-cost.ts";
import { readVitalRing, vitalRingPath } from "../../src/facts/vital-ring.ts";
import { startGateway } from "./harness/gateway.ts";
import { createHome } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { installPlugin, packProject } from "./harness/install.ts";
import { procStat, until } from "./harness/processes.ts";

const MB = 1_048_576;

/** Processor time and memory of a gateway at rest: the quietest of some windows, its own work only adds. */
async function atRest(pid: number): Promise<{ cpuShare: number; rssBytes: number }> {
  const ticks = (): number => {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const shares: number[] = [];
  for (let window = 0; window < 5; window += 1) {
    const [before, began] = [ticks(), performance.now()];
    await sleep(4000);
    shares.push(((ticks() - before) * 10) / (performance.now() - began));
  }
  const rss = /VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpuShare: Math.min(...shares), rssBytes: Number(rss) * 1024 };
}

describe.concurrent("in a gateway", () => {
  test.for(HOST_VERSIONS)("of %s: records, a restart, disabled", { timeout: 1_200_000 }, async (version, context) => {
    const home = await createHome(await ensureHost(version));
    const lives = () => readVitalRing(home.stateDir).lives;
    try {
      await installPlugin(home, { tarball: await packProject() });
      const gateway = await startGateway(home, { timeoutMs: 400_000 });
      await until(
        () => (lives()[0]?.samples.length ?? 0) >= 2,
        120_000,
        () => `records, but: ${gateway.output()}`,
      );
      const [life] = lives();
      expect(life).toMatchObject({
        pid: gateway.pid,
        startTicks: procStat(gateway.pid)?.startTicks,
        hostVersion: version,
      });
      for (const sample of life?.samples ?? []) {
        expect(sample.spanMs).toBeGreaterThanOrEqual(10_000);
        expect(sample.rssBytes).toBeGreaterThan(50 * MB);
        expect(sample.utilization).toBeLessThanOrEqual(1);
      }
      const file = vitalRingPath(home.stateDir);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);

      const withIt = await atRest(gateway.pid);
      // A running gateway takes notice of its config and stops the service, which writes what it had begun.
      await home.patchConfig({ plugins: { entries: { vitals: { enabled: false } } } });
      await until(() => Date.now() - statSync(file).mtimeMs > 13_000, 120_000, "the records end", 500);
      const without = await atRest(gateway.pid);
      expect(lives()).toHaveLength(1);
      const figures = [withIt, without].map(
        ({ cpuShare, rssBytes }) => `${(cpuShare * 100).toFixed(2)} % of a core and ${(rssBytes / MB).toFixed(1)} MB`,
      );
      await context.annotate(`${version} at rest with the sampler ${figures[0]}, then without ${figures[1]}`);
      // Far more than it takes, and far less than a loop that runs hot: the exact figure is the next test's.
      expect(withIt.cpuShare - without.cpuShare).toBeLessThan(0.02);
      await gateway.stop();

      await home.patchConfig({ plugins: { entries: { vitals: { enabled: true } } } });
      const again = await startGateway(home, { timeoutMs: 400_000 });
      await until(
        () => (lives()[1]?.samples.length ?? 0) >= 1,
        120_000,
        () => `more records: ${again.output()}`,
      );
      expect(lives().map(({ pid }) => pid)).toEqual([gateway.pid, again.pid]);
      await again.stop();
      expect(`${gateway.output()}${again.output()}`).not.toMatch(
        /vitals: The sampler|service failed|service stop failed/,
      );
    } finally {
      await home.dispose();
    }
  });
});

test("costs a process less than 0.3 % of a core and 5 MB", { timeout: 120_000 }, async (context) => {
  const { bare, sampler } = await measureCost({ seconds: 10, windows: 3 });
  const cpuShare = sampler.cpuShare - bare.cpuShare;
  const rssBytes = sampler.rssBytes - bare.rssBytes;
  await context.annotate(`${(cpuShare * 100).toFixed(3)} % of a core and ${(rssBytes / MB).toFixed(1)} MB`);
  expect(cpuShare).toBeGreaterThan(0);
  expect(cpuShare).toBeLessThan(0.003);
  expect(rssBytes).toBeLessThan(5 * MB);
});
