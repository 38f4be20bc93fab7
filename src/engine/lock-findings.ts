import type { JudgedLock } from "../facts/facts.ts";
import { type Draft, type Head, LateDraft, type Telling } from "./late-finding.ts";
import { describeLock, FIX_HINT, lockHead, lockIdentity } from "./lock-sentences.ts";
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
      ...residueHead(judgement),
      message: `The session lock of ${lock.session} in agent \`${lock.agent}\` is left over from before the upgrade: OpenClaw ${host.version ?? "now"} keeps sessions in a database and never reads it.`,
      fixHint: FIX_HINT,
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

function residueHead({ confidence }: Judgement): Head {
  return { severity: "info", verdict: "residue", confidence };
}

/**
 * As `lockFinding`, put into words only when it is read.
 * @param add what the check has to say besides
 */
export function lateLockFindings(
  host: HostEra,
  add: (draft: FindingDraft) => FindingDraft = (draft) => draft,
): (lock: JudgedLock) => Draft | null {
  const told = (lock: JudgedLock): FindingDraft | null => {
    const draft = lockFinding(lock, host);
    return draft && add(draft);
  };
  const telling: Telling = {
    head({ judgement }) {
      if (judgement === null) throw new Error("unreachable: what is no file is told at once");
      return isResidue(judgement, host) ? residueHead(judgement) : lockHead(judgement);
    },
    tell(lock) {
      const draft = told(lock);
      if (draft === null) throw new Error("unreachable: only what is reported is told");
      return draft;
    },
  };
  return (lock) => {
    if (lock.judgement === null) return told(lock);
    return lock.judgement.report ? new LateDraft(lock, telling) : null;
  };
}
