import { describeLock, type LockSubject, shellWord } from "../src/engine/lock-sentences.ts";
import type { Check, FindingDraft } from "../src/engine/types.ts";
import type { ConfigLock, ConfigLockFamily } from "../src/facts/config-locks.ts";
import type { Judged } from "../src/facts/facts.ts";

/**
 * OpenClaw creates these locks exclusively and, unlike those of sessions, never times them out: one that names
 * nobody, or a process that lives but never made it, blocks every later writer. A dead owner's it takes back.
 */
const check: Check = {
  id: "config-lock",
  async run(facts, policy) {
    const { locks } = await facts.configLocks(policy.locks.graceSeconds);
    if (locks.length === 0) return [];
    const era = await facts.era();
    const findings: FindingDraft[] = [];
    for (const lock of locks) {
      const finding = describeLock(lock, subject(lock));
      if (finding !== null) findings.push(takenBack(lock, era) ? leftOver(finding, lock) : finding);
      // Before, the guard was not looked for: whatever has that name stops nobody.
      if (era === "sqlite" && lock.guard !== null) findings.push(...guardFinding(lock, policy.locks.graceSeconds));
    }
    return findings;
  },
};

export default check;

const SUBJECTS: Record<ConfigLockFamily, (name: string) => Omit<LockSubject, "stuck">> = {
  config: (name) => ({
    target: name,
    broken: "Every change of the config fails",
    doubtful: "Changes of the config may all fail",
  }),
  include: (name) => ({
    target: name,
    broken: `Every change of the included config file ${name} fails`,
    doubtful: `Changes of the included config file ${name} may all fail`,
  }),
  "sign-in": (name) => ({
    target: `sign-in, ${name}`,
    broken: "Every new sign-in to one model account fails",
    doubtful: "New sign-ins to one model account may all fail",
  }),
  "oauth-refresh": (name) => ({
    target: `OAuth token, ${name}`,
    broken: "One model account cannot renew its OAuth token and stops working when that expires",
    doubtful: "One model account may not be able to renew its OAuth token",
  }),
  accounts: (name) => ({
    target: `accounts of agent ${name}`,
    broken: `Agent \`${name}\` cannot change or renew its model accounts`,
    doubtful: `Agent \`${name}\` may not be able to change or renew its model accounts`,
  }),
};

function subject({ family, name }: ConfigLock): LockSubject {
  // A doctor may hold the config's lock while it waits for an answer: a long hold alone is no fault.
  return { ...SUBJECTS[family](name), stuck: null };
}

/** The host removes such a lock itself when it wants it next; only for a sign-in it refuses to. */
function takenBack({ family, judgement, look }: Judged<ConfigLock>, era: "jsonl" | "sqlite"): boolean {
  if (family === "sign-in" || judgement?.verdict !== "gone") return false;
  if (judgement.reason === "owner-dead") return true;
  // Only newer hosts compare the start time, where the lock has one.
  const payload = look.kind === "file" ? look.snapshot.payload : null;
  return era === "sqlite" && payload?.status === "ok" && payload.starttime !== null;
}

function leftOver(finding: FindingDraft, { family, look }: ConfigLock): FindingDraft {
  const pid = look.kind === "file" && look.snapshot.payload.status === "ok" ? look.snapshot.payload.pid : null;
  const doing = family === "config" || family === "include" ? "changed the config" : "worked on a model account";
  return {
    ...finding,
    severity: "info",
    message: `Process ${pid} died while it ${doing} and left its lock, which OpenClaw takes back by itself when it needs it next.`,
  };
}

/** The maker of a guard cannot be told, so it is only reported. Hosts hold one for milliseconds. */
function guardFinding(lock: ConfigLock, graceSeconds: number): FindingDraft[] {
  const { guard } = lock;
  if (guard === null || guard.ageSeconds < graceSeconds) return [];
  const { broken, target } = subject(lock);
  return [
    {
      severity: "error",
      verdict: "unknown",
      message: `${broken}: a process that was taking back its lock died and left its guard behind.`,
      path: guard.path,
      target,
      fixHint: `Stop OpenClaw; if the guard is still there then, remove it: \`rmdir ${shellWord(guard.path)}\`.`,
      confidence: "likely",
      evidence: [{ what: "age of the guard in seconds", value: guard.ageSeconds, source: "file time" }],
      identity: "guard",
      risk: null,
    },
  ];
}
