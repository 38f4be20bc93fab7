import { configChange } from "./config-write.ts";
import { cronKind } from "./cron-kind.ts";
import type { ChangeEntry, ChangeKindName } from "./journal-entry.ts";
import type { StepHook } from "./put-back.ts";
import { restartKind } from "./restart-kind.ts";
import { rowChange } from "./row-change.ts";

/** How one kind of change is brought to an end after a crash, and taken back. Never throws. */
export interface ChangeKind {
  /** Looks how a change, or an undo, ended that was killed; null when that cannot be told now. */
  settle(entry: ChangeEntry): { readonly phase: "done" | "kept" | "undone"; readonly reason: string } | null;
  /** Whether the journal's last word, `done` or `kept`, may not be how it ended. */
  isOpen?(entry: ChangeEntry): boolean;
  /** Whether there is something to take back. */
  canUndo(entry: ChangeEntry): boolean;
  /** Takes it back; never over what somebody changed since. */
  undo(
    entry: ChangeEntry,
    onStep: StepHook,
  ): { readonly status: "restored" } | { readonly status: "skipped" | "failed"; readonly reason: string };
  /** Drops what only undo needed, once the journal says `undone`; never throws. */
  tidy?(entry: ChangeEntry): void;
}

const KINDS: Partial<Record<ChangeKindName, ChangeKind>> = {
  config: configChange,
  cron: cronKind,
  restart: restartKind,
  row: rowChange,
};

/** Undefined for a kind that only a newer version knows. */
export function changeKind(kind: ChangeKindName): ChangeKind | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
}
