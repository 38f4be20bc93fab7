import { configChange } from "./config-change.ts";
import type { ChangeEntry, ChangeKindName } from "./journal-entry.ts";
import type { StepHook } from "./put-back.ts";
import { restartKind } from "./restart-kind.ts";

/** How one kind of change is brought to an end after a crash, and taken back. Never throws. */
export interface ChangeKind {
  /** Looks how a change ended whose last line is `intent`; null when that cannot be told now. */
  settle(entry: ChangeEntry): { readonly phase: "done" | "kept"; readonly reason: string } | null;
  /** Whether there is something to take back. */
  canUndo(entry: ChangeEntry): boolean;
  /** Takes it back; never over what somebody changed since. */
  undo(
    entry: ChangeEntry,
    onStep: StepHook,
  ): { readonly status: "restored" } | { readonly status: "skipped" | "failed"; readonly reason: string };
}

const KINDS: Partial<Record<ChangeKindName, ChangeKind>> = { config: configChange, restart: restartKind };

/** Undefined for a kind that only a newer version knows. */
export function changeKind(kind: ChangeKindName): ChangeKind | undefined {
  return Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
}
