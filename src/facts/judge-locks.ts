import { isVoidable, type Judgement, judgeLock } from "../engine/verdict.ts";
import type { Judged } from "./facts.ts";
import type { FoundLock, ListedFolder } from "./found-lock.ts";
import type { UnseenGateway } from "./gateway-port.ts";
import { isUnchanged, lookAtLock } from "./lock-file.ts";
import { caseOf, judgeSnapshot, type LockRules } from "./lock-owner.ts";
import { lookedAtAgain, PackedLock } from "./packed-lock.ts";
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
  // Each takes the place of what it was made from: of a hundred thousand there need not be two.
  const judged = [...locks] as Judged<T>[];
  const held = new Map<string, Judgement>();
  for (const [at, lock] of judged.entries()) {
    const about = caseOf(lock, table, rules);
    // To wait for what is known already would take longer than to judge it.
    const known = about instanceof Promise ? await about : about;
    const judgement = known && judgeLock(known);
    judged[at] = judgedAs(lock, judgement?.verdict === "held" ? alike(judgement, held) : judgement);
  }
  const isVoid = ({ judgement }: Judged<T>): boolean => judgement !== null && isVoidable(judgement);
  if (judged.some(isVoid) && (await findUnseenGateway()) !== null)
    for (const [at, lock] of judged.entries())
      if (isVoid(lock)) judged[at] = judgedAs(lock, await judgeSnapshot(lock, table, rules, findUnseenGateway));
  return await judgeReleasesAgain(stillThere(judged), rules, findUnseenGateway);
}

/** Of many locks nothing is copied: they were read to be judged once. */
function judgedAs<T extends FoundLock>(lock: T, judgement: Judgement | null): Judged<T> {
  if (!(lock instanceof PackedLock)) return { ...lock, judgement };
  lock.judgement = judgement;
  return lock as typeof lock & Judged<T>;
}

/** Of locks in use nothing is told but that they are: one judgement without evidence does for all that are alike. */
function alike(judgement: Judgement, known: Map<string, Judgement>): Judgement {
  const { verdict, reason, confidence, report, solid } = judgement;
  const key = `${reason} ${confidence} ${report} ${solid}`;
  const first = known.get(key) ?? { verdict, reason, confidence, report, solid, evidence: [] };
  known.set(key, first);
  return first;
}

function stillThere<T extends FoundLock>(judged: readonly Judged<T>[]): Judged<T>[] {
  const asListed = new Map<ListedFolder, boolean>();
  const isAsListed = (folder: ListedFolder): boolean => {
    const known = asListed.get(folder) ?? folder.isAsListed();
    asListed.set(folder, known);
    return known;
  };
  return judged.filter(({ judgement, look, listed, path }) => {
    if (!judgement?.report || look.kind !== "file" || (listed && isAsListed(listed))) return true;
    return isUnchanged(path, look.snapshot);
  });
}

async function judgeReleasesAgain<T extends FoundLock>(
  judged: Judged<T>[],
  rules: LockRules,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<Judged<T>[]> {
  if (!judged.some((lock) => lock.judgement?.verdict === "leaked")) return judged;
  await new Promise((resolve) => setTimeout(resolve, pauses.release));
  const table = await openProcessTable();
  const settled: Judged<T>[] = [];
  for (const lock of judged) {
    if (lock.judgement?.verdict !== "leaked") settled.push(lock);
    else if (lock.look.kind === "file" && isUnchanged(lock.path, lock.look.snapshot)) {
      const now = lookedAtAgain(lock, lookAtLock(lock.path));
      settled.push(judgedAs(now, await judgeSnapshot(now, table, rules, findUnseenGateway)));
    }
  }
  return settled;
}
