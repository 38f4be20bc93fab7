import type { Verdict } from "../engine/types.ts";
import type { Facts, JudgedLocks } from "../facts/facts.ts";
import type { FoundLock } from "../facts/found-lock.ts";

/** How many locks of a kind have a verdict. */
export interface LockCount {
  readonly kind: "session" | "config" | "gateway";
  /** `no-file`: a folder, a link or something else stands where a lock should be. */
  readonly verdict: Verdict | "no-file";
  readonly count: number;
}

const VERDICTS: readonly LockCount["verdict"][] = [
  "held",
  "overdue",
  "leaked",
  "gone",
  "residue",
  "unknown",
  "no-file",
];

/** Every kind and verdict, those without a lock with 0: a series that comes and goes is hard to watch. */
export async function countLocks(facts: Facts, graceSeconds: number): Promise<LockCount[]> {
  const old = (await facts.era()) === "sqlite";
  const count = (kind: LockCount["kind"], { locks }: JudgedLocks<FoundLock>): LockCount[] => {
    const verdicts = locks.map(({ judgement }) => {
      if (judgement === null) return "no-file";
      // On a host that keeps sessions in a database it locks nobody out.
      return kind === "session" && old && judgement.verdict === "gone" ? "residue" : judgement.verdict;
    });
    return VERDICTS.map((verdict) => ({ kind, verdict, count: verdicts.filter((one) => one === verdict).length }));
  };
  return [
    ...count("session", await facts.sessionLocks(graceSeconds)),
    ...count("config", await facts.configLocks(graceSeconds)),
    ...count("gateway", await facts.gatewayLocks(graceSeconds)),
  ];
}
