import type { JudgedLock } from "../facts/facts.ts";
import { describeLock, FIX_HINT, lockIdentity } from "./lock-sentences.ts";
import type { FindingDraft } from "./types.ts";
import type { Judgement } from "./verdict.ts";

/** What a finding needs to know of the host. */
export interface HostEra {
  readonly era: "jsonl" | "sqlite";
  /** Version for the sentence, e.g. `OpenClaw 2026.9.6`; null when it is not known. */
  readonly version: string | null;
}

/** On a host that keeps sessions in a database, a session lock nobody holds is only left-over. */
export function isResidue(judgement: Judgement, { era }: HostEra): boolean {
  return era === "sqlite" && judgement.verdict === "gone";
}

/** The finding for one judged session lock; null when a look now says nothing is wrong. */
export function lockFinding(lock: JudgedLock, host: HostEra): FindingDraft | null {
  const { judgement } = lock;
  const session = `Session ${lock.session} in agent \`${lock.agent}\``;
  const target = `agent ${lock.agent}, session ${lock.session}`;
  if (judgement?.report && isResidue(judgement, host)) {
    return {
      path: lock.path,
      target,
      severity: "info",
      verdict: "residue",
      message: `The session lock of ${lock.session} in agent \`${lock.agent}\` is left over from before the upgrade: OpenClaw ${host.version ?? "now"} keeps sessions in a database and never reads it.`,
      fixHint: FIX_HINT,
      confidence: judgement.confidence,
      evidence: [...judgement.evidence, { what: "sessions are kept in", value: "SQLite", source: "host version" }],
      identity: lockIdentity(lock),
    };
  }
  return describeLock(lock, {
    target,
    broken: `${session} cannot run`,
    doubtful: `${session} may be locked for good`,
    stuck: `${session} is stuck`,
  });
}
