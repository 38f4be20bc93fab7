import os from "node:os";
import type { Facts } from "../facts/facts.ts";
import { packageVersion } from "../package.ts";
import {
  BASELINE_SCHEMA,
  type Baseline,
  MEASURES,
  type Measure,
  type MeasureId,
  type NotMeasured,
} from "./baseline.ts";
import { type GatewayLimits, openGatewayMeter } from "./baseline-gateway.ts";
import { type HostLimits, openHostMeter } from "./baseline-host.ts";
import { openMachine } from "./baseline-machine.ts";
import { UserError } from "./errors.ts";

export interface BaselineLimits extends HostLimits, GatewayLimits {
  readonly rounds: number;
  /** Milliseconds after which no further round begins: on a machine so busy there is nothing to be learnt anyway. */
  readonly totalMs: number;
  /** Milliseconds a gateway has to be up for its figures to be those of every day. */
  readonly restMs: number;
}

/** Six rounds find a doctor that is 30 % slower on a machine with 5 % of noise; each more costs a doctor run. */
export const BASELINE_LIMITS: BaselineLimits = {
  rounds: 6,
  totalMs: 300_000,
  starts: 2,
  startMs: 30_000,
  doctorMs: 180_000,
  blocks: 2,
  probes: 10,
  gapMs: 110,
  answerMs: 2_000,
  memorySamples: 8,
  memoryGapMs: 250,
  restMs: 180_000,
};

export interface MeasureOptions {
  readonly name: string | null;
  /** Measures to take; all when empty. */
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly graceSeconds: number;
  readonly limits?: BaselineLimits;
}

/**
 * Measures an OpenClaw now, in rounds of everything, so that a load that comes and goes shows as spread and not as a
 * difference. Changes nothing itself; the host's doctor may keep notes of its own.
 * @throws UserError for an unknown measure, while an update runs, and when nothing at all could be measured.
 */
export async function measureBaseline(facts: Facts, options: MeasureOptions): Promise<Baseline> {
  const wanted = chosen(options);
  if (facts.updating)
    throw new UserError("An update of OpenClaw is running.", "Measure before it, and again when it has ended.");
  const limits = options.limits ?? BASELINE_LIMITS;
  const at = new Date().toISOString();
  const began = performance.now();
  const gateway = await facts.gateway(options.graceSeconds);
  const machine = await openMachine();
  const host = openHostMeter(facts.hostCommand(), gateway, machine, wanted, limits);
  const served = openGatewayMeter(gateway, machine, wanted, limits);
  try {
    await served.memory();
    for (let round = 0; round <= limits.rounds && performance.now() - began < limits.totalMs; round += 1) {
      await host.round(round > 0);
      await served.round(round > 0);
    }
  } finally {
    machine.close();
  }
  served.finish();
  const { uptimeMs } = served;
  const atRest = uptimeMs === null || uptimeMs >= limits.restMs;
  const results = [
    ...host.series.map((series) => series.result()),
    ...served.series.map((series) => series.result(atRest)),
  ];
  const measures = results.filter((result): result is Measure => !("why" in result));
  const notMeasured = results.filter((result): result is NotMeasured => "why" in result);
  if (measures.length === 0)
    throw new UserError(
      `Nothing could be measured: ${[...new Set(notMeasured.map(({ why }) => why))].join("; ")}.`,
      "Put `openclaw` on the PATH or start the gateway.",
    );
  return {
    schemaVersion: BASELINE_SCHEMA,
    name: options.name,
    at,
    host: host.version === null ? facts.host() : { version: host.version, source: "openclaw --version" },
    tool: { name: "openclaw-vitals", version: packageVersion() },
    machine: { platform: process.platform, arch: process.arch, cpus: os.cpus().length, node: process.version },
    gatewayUptimeMs: uptimeMs,
    measures,
    notMeasured,
  };
}

function chosen({ only, skip }: MeasureOptions): (id: MeasureId) => boolean {
  const known = MEASURES.map(({ id }) => id as string);
  const unknown = [...only, ...skip].find((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new UserError(`There is no measure "${unknown}".`, `The measures are: ${known.join(", ")}.`);
  const ids = known.filter((id) => (only.length === 0 || only.includes(id)) && !skip.includes(id));
  if (ids.length === 0) throw new UserError("No measure is left.", "Leave out --skip, or skip fewer.");
  return (id) => ids.includes(id);
}
