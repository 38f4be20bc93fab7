import type { GatewayProcess } from "../facts/gateway.ts";
import { readLife } from "../facts/gateway.ts";
import type { ChangeKind } from "./change-kinds.ts";
import type { ChangeEntry, JournalEntry } from "./journal-entry.ts";

/** A restart in the journal: what the gateway's lock said before. Its `from` is that lock, its `to` the evidence. */
export function restartDetail({ pid, startTicks, createdAtMs, port }: GatewayProcess): ChangeEntry["detail"] {
  return { pid, startTicks, createdAtMs, port };
}

/** A restart cannot be taken back. One that was interrupted is settled by looking at the gateway's lock. */
export const restartKind: ChangeKind = {
  settle({ from, at, detail }) {
    const now = readLife(from);
    // Without a gateway it may still be on its way, or have ended for good.
    if (now === null) return null;
    const same =
      now.pid === detail["pid"] && now.startTicks === detail["startTicks"] && now.createdAtMs === detail["createdAtMs"];
    if (same) return { phase: "kept", reason: "interrupted; the gateway runs on as before" };
    if (now.createdAtMs !== null && now.createdAtMs < Date.parse(at))
      return { phase: "kept", reason: "interrupted; the gateway was started before" };
    return { phase: "done", reason: "interrupted; the gateway was started since" };
  },
  canUndo: () => false,
  undo: () => ({ status: "skipped", reason: "a restart cannot be taken back" }),
};

/**
 * Milliseconds until another restart may be tried; 0 when it may be tried now. Counts from when one was begun, whatever
 * came of it.
 * @param minutes Policy `restart.cooldownMinutes`.
 */
export function cooldownLeft(entries: readonly Pick<JournalEntry, "kind" | "phase" | "at">[], minutes: number): number {
  const cooldownMs = minutes * 60_000;
  // The end of one that was interrupted is written by a later run.
  const begun = entries.filter(({ kind, phase }) => kind === "restart" && phase === "intent");
  const times = begun.map(({ at }) => Date.parse(at));
  const last = Math.max(Number.NEGATIVE_INFINITY, ...times.filter(Number.isFinite));
  const since = Date.now() - last;
  // A clock that was set back would make the wait endless.
  return since < 0 || since >= cooldownMs ? 0 : cooldownMs - since;
}
