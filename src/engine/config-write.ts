import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { sha256 } from "../digest.ts";
import type { ChangeKind } from "./change-kinds.ts";
import { errorCode, errorText } from "./errors.ts";
import { takeHostLock } from "./host-lock.ts";
import type { ChangeEntry } from "./journal-entry.ts";
import type { StepHook } from "./put-back.ts";
import { draftPath, hashOf, readStoredFile, replaceFile, type StoredFile, writeDurably } from "./replace-file.ts";
import type { RepairOutcome, RepairRun } from "./types.ts";

/** One file of the config and its new text. */
export interface ConfigWrite {
  readonly before: StoredFile;
  readonly text: string;
}

/** Files that are written together: all of them or none. */
export interface ConfigWrites {
  readonly files: readonly ConfigWrite[];
  /** The host's locks under which it would write them. */
  readonly locks: readonly string[];
  /** What is told of it, one sentence for each key; never a value that was not ours to choose. */
  readonly changes: readonly string[];
  /** Says what is wrong with the config that was written, null when it is as intended. */
  verify(): string | null;
}

/**
 * Writes files of the config: of each a copy of the old content is kept and the new one replaces it in one step, under
 * the host's own locks. Then they are read again; what is not as intended is rolled back.
 */
export async function writeConfig(writes: ConfigWrites, run: RepairRun): Promise<RepairOutcome> {
  const held: { release(): void }[] = [];
  try {
    for (const file of writes.locks) {
      const lock = await takeHostLock(file);
      if ("reason" in lock) return lock;
      held.push(lock);
    }
    return await writeNext(writes, 0, run);
  } finally {
    for (const lock of held) lock.release();
  }
}

/** The change of a file is done only when that of the next one is. */
async function writeNext(writes: ConfigWrites, index: number, run: RepairRun): Promise<RepairOutcome> {
  const file = writes.files[index];
  if (file === undefined) {
    const wrong = writes.verify();
    return wrong === null ? { status: "repaired", changes: writes.changes } : { status: "failed", reason: wrong };
  }
  const { before, text } = file;
  const content = Buffer.from(text);
  return await run.quarantine.change(
    {
      kind: "config",
      checkId: run.checkId,
      fixId: run.fixId,
      findingId: run.findingId,
      from: before.path,
      keepAs: path.basename(before.path),
      detail: { before: before.sha256, after: sha256(content) },
    },
    async ({ run: id, n, to }, onStep) => {
      onStep("keep a copy");
      writeDurably(to, before.bytes);
      const draft = draftPath(before.path, id, n);
      const failed = replaceFile(before, content, draft, onStep);
      if (failed !== null) return { status: "failed", reason: failed };
      const rest = await writeNext(writes, index + 1, run).catch(
        (error: unknown): RepairOutcome => ({ status: "failed", reason: errorText(error) }),
      );
      if (rest.status === "repaired") return rest;
      return { status: "failed", reason: `${rest.reason}; ${rollBack(file, draft, to, onStep)}` };
    },
  );
}

function rollBack({ before, text }: ConfigWrite, draft: string, copy: string, onStep: StepHook): string {
  const written = hashOf(before.path) === sha256(Buffer.from(text)) ? readStoredFile(before.path) : null;
  const stuck = written === null ? "changed" : replaceFile(written, before.bytes, draft, onStep);
  return stuck === null ? "rolled back" : `its old content is kept at ${copy}`;
}

function draftOf({ from, run, n }: ChangeEntry): string {
  return draftPath(from, run, n);
}

function dropDraft(entry: ChangeEntry): void {
  try {
    rmSync(draftOf(entry), { force: true });
  } catch {
    // no host looks at it; where it cannot be removed nothing can be written either, and that is said
  }
}

function wasTakenBack({ from, detail }: ChangeEntry): boolean {
  return hashOf(from) === detail["before"];
}

/** Changes of config files: undone by writing the kept copy back, unless somebody changed the file since. */
export const configChange: ChangeKind = {
  settle(entry) {
    dropDraft(entry);
    if (entry.phase === "done")
      return wasTakenBack(entry)
        ? { phase: "undone", reason: "interrupted after it was put back" }
        : { phase: "done", reason: "an interrupted undo had not written it yet" };
    return hashOf(entry.from) === entry.detail["after"]
      ? { phase: "done", reason: "interrupted after it was written" }
      : { phase: "kept", reason: "interrupted before it was written, or it was changed since" };
  },
  // Its content was written, or was about to be, by an undo that did not get to say so.
  isOpen: (entry) => entry.phase === "done" && (wasTakenBack(entry) || existsSync(draftOf(entry))),
  canUndo: ({ to, detail }) => hashOf(to) === detail["before"],
  undo(entry, onStep) {
    const copy = entry.to;
    try {
      const now = readStoredFile(entry.from);
      if (now.sha256 === entry.detail["before"]) return { status: "restored" };
      if (now.sha256 !== entry.detail["after"])
        return { status: "skipped", reason: `it was changed since; its old content is kept at ${copy}` };
      const kept = readStoredFile(copy);
      if (kept.sha256 !== entry.detail["before"])
        return { status: "failed", reason: `${copy} is not what was kept there` };
      const failed = replaceFile(now, kept.bytes, draftOf(entry), onStep);
      return failed === null ? { status: "restored" } : { status: "failed", reason: failed };
    } catch (error) {
      return { status: "failed", reason: `it could not be put back: ${errorCode(error) ?? errorText(error)}` };
    }
  },
};
