import { gatherFacts } from "../../../src/facts/facts.ts";
import type { Home } from "./home.ts";
import { until } from "./processes.ts";

/** Milliseconds since the gateway of this home made its lock; null without a gateway. */
export async function gatewayAge(home: Home): Promise<number | null> {
  const facts = gatherFacts({ stateDir: home.stateDir, hostVersion: home.host.version, env: home.env });
  const gateway = await facts.gateway(30);
  return gateway?.createdAtMs == null ? null : Date.now() - gateway.createdAtMs;
}

/** Waits until the gateway is past what counts as its start. */
export async function settled(home: Home, startMs = 125_000): Promise<void> {
  await until(async () => ((await gatewayAge(home)) ?? 0) > startMs, startMs + 60_000, "the gateway has started", 1000);
}
