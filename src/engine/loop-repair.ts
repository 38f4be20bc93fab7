import type { Facts } from "../facts/facts.ts";
import { getJson } from "../facts/loopback.ts";
import { judgeNow, secondLook } from "./loop-now.ts";
import type { Policy } from "./policy.ts";
import { planRestart } from "./restart-repair.ts";
import type { Finding, Repair, RepairOutcome, Skip } from "./types.ts";

/** How a restarted gateway has to answer before it is said to be well. Milliseconds. */
export interface ProofLimits {
  /** One that has just started is busy for a while. */
  readonly withinMs: number;
  readonly pauseMs: number;
}

const PROOF: ProofLimits = { withinMs: 120_000, pauseMs: 500 };
/** So many answers in a row, each in time. */
const IN_A_ROW = 3;

/** Plans the restart of a gateway whose event loop stands still, and the proof that it answers again. */
export async function planLoopRestart(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip> {
  const probe = await facts.gatewayProbe(policy.locks.graceSeconds);
  return await planRestart({
    finding,
    facts,
    policy,
    gateway: probe?.gateway ?? null,
    frees: "loop",
    interrupts: "ends all turns it is at",
    needed: async () => await stillBlocked(facts.fresh(), policy),
    after: async () => {
      // A restart may change the port the config gives it.
      const now = await facts.fresh().gateway(policy.locks.graceSeconds);
      return await answersAgain((now ?? probe?.gateway)?.port ?? 0, policy.loop.maxDelayMs);
    },
  });
}

/** Nobody's turns are ended for a block that is over. */
export async function stillBlocked(
  facts: Facts,
  { locks: { graceSeconds }, loop }: Policy,
): Promise<true | RepairOutcome> {
  const least = loop.maxDelayMs;
  const probe = await facts.gatewayProbe(graceSeconds);
  if (probe === null) return { status: "skipped", reason: "no gateway is there any more; look again" };
  const how = secondLook(probe, { era: await facts.era(), recorded: true }, least);
  const watch = how === null ? null : await facts.liveWatch(graceSeconds, how);
  const { kind } = judgeNow(probe, watch, least);
  if (kind === "blocked" || kind === "again and again") return true;
  return { status: "skipped", reason: kind === "starting" ? "it has just been started" : "it answers again" };
}

/** Asks until some answers in a row come in time. Never throws. */
export async function answersAgain(
  port: number,
  leastMs: number,
  { withinMs, pauseMs } = PROOF,
): Promise<RepairOutcome> {
  const end = performance.now() + withinMs;
  let row: number[] = [];
  while (performance.now() < end) {
    const began = performance.now();
    const answer = await getJson(port, "/healthz", leastMs);
    row = answer.kind === "answered" ? [...row, performance.now() - began] : [];
    if (row.length === IN_A_ROW)
      return { status: "repaired", changes: [`it answers again, within ${Math.ceil(Math.max(...row))} ms`] };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return { status: "failed", reason: `it still does not answer within ${leastMs} ms; see its log` };
}
