import type { Judged } from "./facts.ts";
import type { FoundLock } from "./found-lock.ts";
import type { UnseenGateway } from "./gateway-port.ts";
import { isUnchanged, lookAtLock } from "./lock-file.ts";
import { judgeSnapshot, type LockRules } from "./lock-owner.ts";
import { pauses } from "./pauses.ts";
import { openProcessTable, type ProcessTable } from "./processes.ts";

/**
 * Judges locks that were read a moment ago. Their owners are looked at later than they were, so whatever would be
 * reported is looked at once more: a lock that was released or taken anew meanwhile is in use and no finding.
 */
export async function judgeLocks<T extends FoundLock>(
  locks: readonly T[],
  table: ProcessTable,
  rules: LockRules,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<Judged<T>[]> {
  const judged: Judged<T>[] = [];
  for (const lock of locks) {
    const judgement = await judgeSnapshot(lock, table, rules, findUnseenGateway);
    if (judgement?.report && lock.look.kind === "file" && !isUnchanged(lock.path, lock.look.snapshot)) continue;
    judged.push({ ...lock, judgement });
  }
  return await judgeReleasesAgain(judged, rules, findUnseenGateway);
}

async function judgeReleasesAgain<T extends FoundLock>(
  judged: readonly Judged<T>[],
  rules: LockRules,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<Judged<T>[]> {
  if (!judged.some((lock) => lock.judgement?.verdict === "leaked")) return [...judged];
  await new Promise((resolve) => setTimeout(resolve, pauses.release));
  const table = await openProcessTable();
  const settled: Judged<T>[] = [];
  for (const lock of judged) {
    if (lock.judgement?.verdict !== "leaked") settled.push(lock);
    else if (lock.look.kind === "file" && isUnchanged(lock.path, lock.look.snapshot)) {
      const now = { ...lock, look: lookAtLock(lock.path) };
      settled.push({ ...now, judgement: await judgeSnapshot(now, table, rules, findUnseenGateway) });
    }
  }
  return settled;
}
