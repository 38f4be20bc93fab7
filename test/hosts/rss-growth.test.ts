/** Real gateways that leak 300 MB a minute, both versions at once: seen by their own sampler, and from outside. */
import { afterEach, expect, test } from "vitest";
import { readVitalRing } from "../../src/facts/vital-ring.ts";
import { startGateway } from "./harness/gateway.ts";
import { createHome } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS, type HostVersion } from "./harness/hosts.ts";
import { withLeaker } from "./harness/leaker.ts";
import { until } from "./harness/processes.ts";
import { vitalsJson, withPlugin } from "./harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const LOOK = ["check", "--only", "rss-growth"];
const MINUTE = 60_000;
const HOST_START = { timeoutMs: 5 * MINUTE };

interface Finding {
  readonly severity: string;
  readonly message: string;
  readonly evidence: { what: string; value: string | number; source: string }[];
}

async function leakSeen(version: HostVersion) {
  const home = await withPlugin(await createHome(await ensureHost(version)));
  opened.push({ close: home.dispose });
  const leaker = await withLeaker(home);
  await startGateway(home, { env: leaker.env, ...HOST_START });
  await leaker.ready();
  // Its start is over once its loop lets the sampler have its turn; on a busy machine that takes minutes.
  const sampled = () => (readVitalRing(home.stateDir).lives.at(-1)?.samples.length ?? 0) >= 6;
  await until(sampled, 8 * MINUTE, () => `the sampler of ${version} has been at work for a minute`, 1000);
  const look = async (): Promise<Finding[]> => (await vitalsJson(home, LOOK)).document.findings;
  const quiet = await look();
  await leaker.leak({ mibPerMinute: 300, mostMiB: 1800 });
  const leakedFromMs = Date.now();
  const outside = vitalsJson(home, [...LOOK, "--watch-for", "210s"], { timeoutMs: 5 * MINUTE });
  let seen: Finding[] = [];
  await until(
    async () => {
      seen = await look();
      return seen[0]?.severity !== "info";
    },
    6 * MINUTE,
    () => `the leak of ${version} is seen, but: ${JSON.stringify(seen)}`,
    10_000,
  );
  const afterMs = Date.now() - leakedFromMs;
  return { version, quiet, seen, afterMs, outside: (await outside).document.findings as Finding[] };
}

test("a leak of 300 MB a minute is found within 4 minutes", { timeout: 20 * MINUTE }, async () => {
  for (const { version, quiet, seen, afterMs, outside } of await Promise.all(HOST_VERSIONS.map(leakSeen))) {
    expect(quiet, "a gateway that has just started cannot be judged").toMatchObject([{ severity: "info" }]);
    expect(afterMs, version).toBeLessThan(4 * MINUTE);
    for (const [finding, source] of [
      [seen[0], /^sampler in the gateway/],
      [outside[0], /watched from outside$/],
    ] as const) {
      expect(finding?.severity, version).toMatch(/^(warning|error)$/);
      expect(finding?.evidence[0]?.source).toMatch(source);
      const [, rate] =
        /has grown by (\d+) MiB a minute .* and goes on: it reaches .* in /.exec(finding?.message ?? "") ?? [];
      expect(Number(rate), `${version}: ${finding?.message}`).toBeGreaterThan(200);
      expect(Number(rate)).toBeLessThan(450);
    }
  }
});
