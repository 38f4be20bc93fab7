import type { Judged } from "../facts/facts.ts";
import type { FoundLock } from "../facts/found-lock.ts";
import type { Head } from "./late-finding.ts";
import type { FindingDraft } from "./types.ts";
import type { Judgement, Reason } from "./verdict.ts";

/** What a lock is about, as the beginnings of sentences that end in "its lock …". */
export interface LockSubject {
  readonly target: string;
  /** What fails for the user while the lock stands. */
  readonly broken: string;
  /** The same, when it cannot be told. */
  readonly doubtful: string;
  /** The owner lives but holds it too long; null where a long hold is no fault by itself. */
  readonly stuck: string | null;
}

export const FIX_HINT =
  "Run `openclaw-vitals fix` or `openclaw doctor --fix`; the lock is moved aside and can be put back.";

/** A gateway that answers while none of our processes is it runs behind a wall: what it left must be judged there. */
export const UNSEEN_GATEWAY_HINT =
  "Run openclaw-vitals where the gateway runs: in its container (`docker exec <container> npx openclaw-vitals`) or as its user.";

/** The finding for one judged lock of any family; null when a look now says nothing is wrong. */
export function describeLock(lock: Judged<FoundLock>, subject: LockSubject): FindingDraft | null {
  const { judgement, path } = lock;
  if (judgement === null) return notAFile(lock, subject);
  if (!judgement.report || (judgement.verdict === "overdue" && subject.stuck === null)) return null;
  const { severity, verdict, confidence, risk } = lockHead(judgement);
  const { message, hint } = sentence(lock, judgement, subject);
  return {
    path,
    target: subject.target,
    severity,
    verdict,
    message,
    fixHint: hint,
    confidence,
    evidence: judgement.evidence,
    identity: lockIdentity(lock),
    risk,
  };
}

/** Reasons for which a lock is taken away. */
const BROKEN: readonly Reason[] = ["owner-dead", "pid-reused", "pid-is-thread", "no-payload", "descriptor-closed"];

/** What ranks a finding about a lock that was judged so. */
export function lockHead({ verdict, reason, confidence, solid }: Judgement): Head {
  const removable = BROKEN.includes(reason);
  return {
    severity: removable || reason === "past-max-hold" ? "error" : "warning",
    verdict,
    confidence,
    risk: removable ? (verdict === "gone" && solid ? "safe" : "confirm") : null,
  };
}

/** What makes a finding about this lock the same one next time. */
export function lockIdentity({ look }: FoundLock): string {
  return look.kind === "file" ? look.snapshot.content : look.kind;
}

interface Sentence {
  readonly message: string;
  readonly hint: string;
}

function sentence(lock: FoundLock, judgement: Judgement, subject: LockSubject): Sentence {
  const payload = lock.look.kind === "file" ? lock.look.snapshot.payload : null;
  const pid = payload?.status === "ok" ? payload.pid : null;
  const broken = (why: string): Sentence => ({ message: `${subject.broken}: ${why}.`, hint: FIX_HINT });
  const unknown = (why: string, hint: string): Sentence => ({ message: `${subject.doubtful}: ${why}.`, hint });
  switch (judgement.reason) {
    case "owner-dead":
      return broken(`process ${pid}, which holds its lock, is gone`);
    case "pid-reused":
      return broken(
        `its lock names process ${pid}, but that number belongs to another process now, started after the lock was made`,
      );
    case "pid-is-thread":
      return broken(`its lock names process ${pid}, but that number belongs to a thread of another process now`);
    case "no-payload":
      return broken("its lock names no owner and has not changed since");
    case "descriptor-closed":
      return broken(`process ${pid} runs but let go of the lock without removing it`);
    case "past-max-hold":
      return {
        message: `${subject.stuck}: process ${pid} has held its lock longer than its own limit, so every later run on it fails.`,
        hint: "The lock is in use and stays. Restart the gateway: `openclaw gateway restart`.",
      };
    case "not-openclaw":
      return unknown(
        `its lock names process ${pid}, which runs but is not OpenClaw`,
        "If that process has nothing to do with OpenClaw, stop OpenClaw and move the lock away by hand.",
      );
    case "link":
      return unknown(
        "its lock is a link to another file",
        "Look at the link; it is never followed or removed by this tool.",
      );
    case "shared-file-system":
      return unknown(
        "its lock lies on a file system that other machines share, where the owner cannot be seen from here",
        "Run openclaw-vitals on the machine that runs this OpenClaw.",
      );
    case "other-user":
      return unknown(
        "its lock belongs to another user, whose processes cannot be looked into from here",
        "Run openclaw-vitals as the user that runs OpenClaw.",
      );
    case "other-namespace":
      return unknown(
        "its lock was not made in this container, so its owner cannot be seen from here",
        "Run openclaw-vitals in the container, or on the machine, that made the lock.",
      );
    case "unseen-gateway":
      return unknown(
        "its lock may be that of a gateway which is at work but cannot be seen from here",
        UNSEEN_GATEWAY_HINT,
      );
    case "fresh":
      return unknown(
        "its lock names no owner and was written in the future, as a clock was set back since",
        "Set the clock right. When no OpenClaw is running and the lock is still there, move it away by hand.",
      );
    case "held-from-elsewhere":
      return unknown(
        "another process than the one it names, perhaps in a container, has its lock open",
        "Run openclaw-vitals in the container that holds it.",
      );
    default:
      return unknown(
        "its owner cannot be told from here",
        "Run openclaw-vitals as the user, and on the machine, that runs OpenClaw.",
      );
  }
}

/** A path as it can be pasted into a shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function notAFile({ look, path }: FoundLock, subject: LockSubject): FindingDraft | null {
  if (look.kind === "file" || look.kind === "missing") return null;
  const what = {
    link: "a symbolic link stands where its lock should be",
    directory: "a directory stands where its lock should be",
    special: "something that is no regular file stands where its lock should be",
    unreadable: `its lock cannot be read${look.kind === "unreadable" ? ` (${look.why})` : ""}`,
  }[look.kind];
  const hint =
    look.kind === "unreadable"
      ? "Run openclaw-vitals as the user that runs OpenClaw."
      : `Stop OpenClaw, look at it and move it away: \`mv ${shellWord(path)} ${shellWord(`${path}.aside`)}\`. This tool never follows or removes it.`;
  return {
    path,
    target: subject.target,
    severity: "warning",
    verdict: "unknown",
    message: `${subject.doubtful}: ${what}.`,
    fixHint: hint,
    confidence: "unknown",
    evidence: [{ what: "kind of entry", value: look.kind, source: "lstat" }],
    identity: look.kind,
    risk: null,
  };
}
