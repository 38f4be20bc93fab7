import { constants, copyFileSync, linkSync, lstatSync, rmSync } from "node:fs";
import path from "node:path";
import { lookAtLock } from "../facts/lock-file.ts";
import { syncDirectory } from "./disk.ts";
import { errorCode, errorText } from "./errors.ts";
import { inFolder } from "./pinned-folder.ts";

/** Called before and after each step with its name; tests kill the process there or make it fail. */
export type StepHook = (step: string) => void;

/**
 * Puts a quarantined file back without ever replacing what is there now. Both are real paths.
 * @returns false when the place is taken by something else.
 */
export function putBack(from: string, to: string, onStep: StepHook = () => {}): boolean {
  const back = inFolder(path.dirname(from), (source) =>
    inFolder(path.dirname(to), (target) =>
      linkBack(source.at(path.basename(from)), target.at(path.basename(to)), onStep),
    ),
  );
  if (back) syncDirectory(path.dirname(to));
  return back;
}

function linkBack(from: string, to: string, onStep: StepHook): boolean {
  try {
    onStep("link back");
    linkSync(from, to);
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST") {
      if (!isSameFile(from, to)) return false;
    } else if (code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS") {
      // No hard links on this file system: an exclusive copy replaces nothing either.
      try {
        copyFileSync(from, to, constants.COPYFILE_EXCL);
      } catch (copyError) {
        if (errorCode(copyError) === "EEXIST") return false;
        throw copyError;
      }
    } else {
      throw error;
    }
  }
  onStep("drop the second name");
  rmSync(from, { force: true });
  return true;
}

/** A lock that nobody judged was moved: back with it. Never throws, so that the journal learns where it is. */
export function putBackMistake(
  move: { readonly from: string; readonly to: string },
  done: string,
  onStep?: StepHook,
): { phase: "kept" | "stuck"; reason: string } {
  let why = "its place is taken";
  try {
    if (putBack(move.from, move.to, onStep)) return { phase: "kept", reason: done };
  } catch (error) {
    if (lookAtLock(move.from).kind === "missing") return { phase: "kept", reason: "another run put it back" };
    why = `it could not be put back (${errorCode(error) ?? errorText(error)})`;
  }
  return { phase: "stuck", reason: `a new lock was moved by mistake and ${why}; it is kept at ${move.from}` };
}

/** Whether both names lead to one file. */
export function isSameFile(a: string, b: string): boolean {
  try {
    const [first, second] = [lstatSync(a, { bigint: true }), lstatSync(b, { bigint: true })];
    return first.ino === second.ino && first.dev === second.dev;
  } catch {
    return false; // one of them is gone
  }
}
