import type { LockCase } from "../engine/lock-case.ts";
import { isVoidable, type Judgement, judgeLock } from "../engine/verdict.ts";
import type { FoundLock } from "./found-lock.ts";
import type { UnseenGateway } from "./gateway-port.ts";
import type { Holders, ProcessState, ProcessTable } from "./processes.ts";

/** What the policy says about locks. */
export interface LockRules {
  readonly graceSeconds: number;
  /** Nobody outside this container writes into the state dir. */
  readonly soleOwner?: boolean | undefined;
}

/**
 * Gathers what a verdict on this lock rests on and judges it; null when there is no regular file to judge. Only when
 * nobody seems to hold it any more it is asked whether a gateway is at work out of sight.
 */
export async function judgeSnapshot(
  lock: FoundLock,
  table: ProcessTable,
  rules: LockRules,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<Judgement | null> {
  const about = await caseOf(lock, table, rules);
  if (about === null) return null;
  const judgement = judgeLock(about);
  if (!isVoidable(judgement)) return judgement;
  return judgeLock({ ...about, unseenGateway: await findUnseenGateway() });
}

/** What a verdict on this lock rests on; null for no regular file. At once where the process table tells at once. */
export function caseOf(
  lock: FoundLock,
  table: ProcessTable,
  { graceSeconds, soleOwner }: LockRules,
): LockCase | null | Promise<LockCase> {
  if (lock.look.kind !== "file") return null;
  const { snapshot } = lock.look;
  const pid = snapshot.payload.status === "ok" ? snapshot.payload.pid : null;
  const place = { dev: snapshot.dev, ino: snapshot.ino, path: lock.path, owner: pid };
  const about = (owner: ProcessState | null, holders: Holders): LockCase => ({
    path: lock.path,
    snapshot,
    unchanged: lock.unchanged,
    sharedFileSystem: lock.sharedFileSystem,
    owner,
    ownerDescriptorsReadable: pid !== null && owner?.state === "alive" && table.canReadDescriptors(pid),
    holders,
    namespace: table.namespace(),
    uid: table.uid,
    nowMs: Date.now(),
    graceMs: graceSeconds * 1000,
    soleOwner,
  });
  const owner = pid === null ? null : table.get(pid);
  if (owner instanceof Promise) return owner.then(async (known) => about(known, await table.holders(place)));
  const holders = table.holders(place);
  return holders instanceof Promise ? holders.then((known) => about(owner, known)) : about(owner, holders);
}
