import type { LockCase } from "../engine/lock-case.ts";
import { isVoidable, type Judgement, judgeLock } from "../engine/verdict.ts";
import type { FoundLock } from "./found-lock.ts";
import type { UnseenGateway } from "./gateway-port.ts";
import type { ProcessTable } from "./processes.ts";

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
  { graceSeconds, soleOwner }: LockRules,
  findUnseenGateway: () => Promise<UnseenGateway | null>,
): Promise<Judgement | null> {
  if (lock.look.kind !== "file") return null;
  const { snapshot } = lock.look;
  const pid = snapshot.payload.status === "ok" ? snapshot.payload.pid : null;
  const owner = pid === null ? null : await table.get(pid);
  const about: LockCase = {
    path: lock.path,
    snapshot,
    unchanged: lock.unchanged,
    sharedFileSystem: lock.sharedFileSystem,
    owner,
    ownerDescriptorsReadable: pid !== null && owner?.state === "alive" && table.canReadDescriptors(pid),
    holders: await table.holders({ dev: snapshot.dev, ino: snapshot.ino, path: lock.path, owner: pid }),
    namespace: table.namespace(),
    uid: table.uid,
    nowMs: Date.now(),
    graceMs: graceSeconds * 1000,
    soleOwner,
  };
  const judgement = judgeLock(about);
  if (!isVoidable(judgement)) return judgement;
  return judgeLock({ ...about, unseenGateway: await findUnseenGateway() });
}
