import { type LockLook, lookAtLock, sameLock } from "../facts/lock-file.ts";
import { whatStands } from "./disk.ts";
import { errorCode, errorText } from "./errors.ts";
import type { Removal } from "./quarantine.ts";
import type { RepairOutcome } from "./types.ts";

/** Why a file is left alone. */
export type Left = RepairOutcome & { readonly status: "skipped" | "failed" };

/** The file when it is still what was judged, else why it is left alone. */
export function look({ path: file, judged }: Removal): LockLook | Left {
  const guard = whatStands(`${file}.reclaim`);
  if (guard === "something") return { status: "skipped", reason: "another process is reclaiming it" };
  // A name that would be too long is no guard's.
  if (guard !== "nothing" && guard.why !== "ENAMETOOLONG") return unreadable(`${file}.reclaim`, guard.why);
  const now = lookAtLock(file);
  if (now.kind === "missing") return { status: "skipped", reason: "it is gone already" };
  if (now.kind === "unreadable") return unreadable(file, now.why);
  if (now.kind !== "file" || !sameLock(now.snapshot, judged))
    return { status: "skipped", reason: "it changed since it was judged" };
  return now;
}

/** That it stays, because nobody knows what it is. */
export function unreadable(file: string, why: string): Left {
  return { status: "failed", reason: `${file} could not be looked at: ${why}` };
}

/** That a move of it failed. */
export function failure(error: unknown): Left {
  if (errorCode(error) === "ENOENT") return { status: "skipped", reason: "it is gone already" };
  return { status: "failed", reason: `it could not be moved: ${errorCode(error) ?? errorText(error)}` };
}
