/** A gateway that leaks, seen while it still works. */
import { afterEach, expect, test } from "vitest";
import { startGateway } from "./harness/gateway.ts";
import { createHome } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS, type HostVersion } from "./harness/hosts.ts";
import { withLeaker } from "./harness/leaker.ts";
import { vitalsJson } from "./harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const LOOK = ["check", "--only", "rss-growth"];

async function leakSeen(version: HostVersion) {
  const home = await createHome(await ensureHost(version));
  opened.push({ close: home.dispose });
  const leaker = await withLeaker(home);
  await startGateway(home, { env: leaker.env });
  await leaker.ready();
  const before = await vitalsJson(home, LOOK);
  await leaker.leak({ mibPerMinute: 300, mostMiB: 1600 });
  const began = performance.now();
  const seen = await vitalsJson(home, [...LOOK, "--watch-for", "210s"], { timeoutMs: 400_000 });
  return { before, seen, ms: performance.now() - began };
}

test("a leak", { timeout: 900_000 }, async () => {
  const both = await Promise.all(HOST_VERSIONS.map(leakSeen));
  console.log(JSON.stringify(both, null, 1));
  expect(both).toHaveLength(2);
});
