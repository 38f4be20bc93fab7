import type { JudgedLock } from "../facts/facts.ts";
import type { FindingDraft, Severity } from "./types.ts";
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

/** The finding for one judged lock; null when a look now says nothing is wrong. */
export function lockFinding(lock: JudgedLock, host: HostEra): FindingDraft | null {
  const { judgement } = lock;
  const session = `Session ${lock.session} in agent \`${lock.agent}\``;
  const common = { path: lock.path, target: `agent ${lock.agent}, session ${lock.session}` };
  if (judgement === null) return notAFile(lock, session, common);
  if (!judgement.report) return null;
  const { confidence, evidence } = judgement;
  const identity = lock.look.kind === "file" ? lock.look.snapshot.sha256 : "";
  if (isResidue(judgement, host)) {
    return {
      ...common,
      severity: "info",
      verdict: "residue",
      message: `The session lock of ${lock.session} in agent \`${lock.agent}\` is left over from before the upgrade: OpenClaw ${host.version ?? "now"} keeps sessions in a database and never reads it.`,
      fixHint: fixHint(),
      confidence,
      evidence: [...evidence, { what: "sessions are kept in", value: "SQLite", source: "host version" }],
      identity,
    };
  }
  const { severity, message, hint, removable } = sentence(lock, judgement, session);
  return {
    ...common,
    severity,
    verdict: judgement.verdict,
    message,
    fixHint: hint,
    confidence,
    evidence,
    identity,
    risk: removable ? (judgement.verdict === "gone" && judgement.solid ? "safe" : "confirm") : null,
  };
}

interface Sentence {
  readonly severity: Severity;
  readonly message: string;
  readonly hint: string;
  readonly removable: boolean;
}

function sentence(lock: JudgedLock, judgement: Judgement, session: string): Sentence {
  const payload = lock.look.kind === "file" ? lock.look.snapshot.payload : null;
  const pid = payload?.status === "ok" ? payload.pid : null;
  const broken = (severity: Severity, why: string): Sentence => ({
    severity,
    message: `${session} cannot run: ${why}.`,
    hint: fixHint(),
    removable: true,
  });
  const unknown = (why: string, hint: string): Sentence => ({
    severity: "warning",
    message: `${session} may be locked for good: ${why}.`,
    hint,
    removable: false,
  });
  switch (judgement.reason) {
    case "owner-dead":
      return broken("error", `process ${pid}, which holds its lock, is gone`);
    case "pid-reused":
      return broken(
        "error",
        `its lock names process ${pid}, but that number belongs to another process now, started after the lock was made`,
      );
    case "pid-is-thread":
      return broken(
        "error",
        `its lock names process ${pid}, but that number belongs to a thread of another process now`,
      );
    case "no-payload":
      return broken("error", "its lock names no owner and has not changed since");
    case "descriptor-closed":
      return broken("error", `process ${pid} runs but let go of the lock without removing it`);
    case "past-max-hold":
      return {
        severity: "error",
        message: `${session} is stuck: process ${pid} has held its lock longer than its own limit, so every later run on it fails.`,
        hint: "The lock is in use and stays. Restart the gateway: `openclaw gateway restart`.",
        removable: false,
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

function notAFile(
  { look }: JudgedLock,
  session: string,
  common: { path: string; target: string },
): FindingDraft | null {
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
      : "Look at it and move it away by hand; it is never followed or removed by this tool.";
  return {
    ...common,
    severity: "warning",
    verdict: "unknown",
    message: `${session} may be locked for good: ${what}.`,
    fixHint: hint,
    confidence: "unknown",
    evidence: [{ what: "kind of entry", value: look.kind, source: "lstat" }],
    identity: look.kind,
    risk: null,
  };
}

function fixHint(): string {
  return "Run `openclaw doctor --fix` or `openclaw-vitals fix`; the lock is moved aside and can be put back.";
}
