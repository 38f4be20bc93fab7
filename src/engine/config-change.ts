import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import type { ChangeKind } from "./change-kinds.ts";
import type { PlannedChange } from "./changes.ts";
import {
  type ConfigFile,
  draftPath,
  hash,
  hashOf,
  readConfigFile,
  replaceConfigFile,
  writeDurably,
} from "./config-file.ts";
import { errorCode, errorText } from "./errors.ts";
import { takeHostLock } from "./host-lock.ts";
import type { StepHook } from "./put-back.ts";
import type { RepairOutcome, RepairRun } from "./types.ts";

/** One file of the config with its new text. */
export interface ConfigChange {
  readonly before: ConfigFile;
  readonly text: string;
  /** What is told of it, one sentence for each key; never a value that was not ours to choose. */
  readonly changes: readonly string[];
  /** Says what is wrong with the text that now stands in the file, null when it is as intended. */
  verify(text: string): string | null;
}

/**
 * Writes one config file: a copy of the old content is kept, the new one replaces it in one step under the host's own
 * lock, is read again and verified, and is rolled back when it is not as intended.
 */
export async function writeConfig(change: ConfigChange, run: RepairRun): Promise<RepairOutcome> {
  const { before } = change;
  const content = Buffer.from(change.text);
  const wrong = change.verify(change.text);
  if (wrong !== null) return { status: "failed", reason: wrong };
  const lock = await takeHostLock(`${before.path}.lock`);
  if (typeof lock === "string") return { status: "skipped", reason: lock };
  try {
    return await run.quarantine.change(
      {
        kind: "config",
        checkId: run.checkId,
        fixId: run.fixId,
        findingId: run.findingId,
        from: before.path,
        keepAs: path.basename(before.path),
        detail: { before: before.sha256, after: hash(content) },
      },
      (entry, onStep) => write(change, content, entry, onStep),
    );
  } finally {
    lock.release();
  }
}

function write(
  { before, verify, changes }: ConfigChange,
  content: Uint8Array,
  { run, n, to }: PlannedChange,
  onStep: StepHook,
): RepairOutcome {
  onStep("keep a copy");
  writeDurably(to, before.bytes);
  const draft = draftPath(before.path, run, n);
  const failed = replaceConfigFile(before, content, draft, onStep);
  if (failed !== null) return { status: "failed", reason: failed };
  onStep("verify");
  const wrong = verify(readFileSync(before.path, "utf8"));
  if (wrong === null) return { status: "repaired", changes };
  const written = readConfigFile(before.path);
  const stuck =
    written.sha256 === hash(content) ? replaceConfigFile(written, before.bytes, draft, onStep) : "it changed again";
  return {
    status: "failed",
    reason: stuck === null ? `${wrong}; rolled back` : `${wrong}; the old content is kept at ${to}`,
  };
}

/** Changes of config files: undone by writing the kept copy back, unless somebody changed the file since. */
export const configChange: ChangeKind = {
  settle(entry) {
    rmSync(draftPath(entry.from, entry.run, entry.n), { force: true });
    return hashOf(entry.from) === entry.detail["after"]
      ? { phase: "done", reason: "interrupted after it was written" }
      : { phase: "kept", reason: "interrupted before it was written, or it was changed since" };
  },
  canUndo: ({ to, detail }) => hashOf(to) === detail["before"],
  undo(entry, onStep) {
    const copy = entry.to;
    try {
      const now = readConfigFile(entry.from);
      if (now.sha256 === entry.detail["before"]) return { status: "restored" };
      if (now.sha256 !== entry.detail["after"])
        return { status: "skipped", reason: `it was changed since; its old content is kept at ${copy}` };
      const kept = readConfigFile(copy);
      if (kept.sha256 !== entry.detail["before"])
        return { status: "failed", reason: `${copy} is not what was kept there` };
      const failed = replaceConfigFile(now, kept.bytes, draftPath(entry.from, entry.run, entry.n), onStep);
      return failed === null ? { status: "restored" } : { status: "failed", reason: failed };
    } catch (error) {
      return { status: "failed", reason: `it could not be put back: ${errorCode(error) ?? errorText(error)}` };
    }
  },
};
