import { answersAgain } from "../../../src/engine/loop-repair.ts";
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

/**
 * Waits until the gateway has done what keeps it busy after it says that it is ready: 2026.5.22 looks at all providers
 * then, and hears no request for up to half a minute.
 */
export async function awake(home: Home): Promise<void> {
  const facts = gatherFacts({ stateDir: home.stateDir, hostVersion: home.host.version, env: home.env });
  const isWarm = async (): Promise<boolean> => {
    const { events } = await facts.fresh().gatewayLog(30);
    return events.some((event) => event.kind === "startup" && event.step === "prewarmed");
  };
  if (home.host.version === "2026.5.22") await until(isWarm, 180_000, "the gateway has pre-warmed its sign-ins", 1000);
  const gateway = await facts.fresh().gateway(30);
  const outcome = await answersAgain(gateway?.port ?? 0, 500, { withinMs: 180_000, pauseMs: 500 });
  if (outcome.status !== "repaired") throw new Error(`the gateway is not awake: ${JSON.stringify(outcome)}`);
}
