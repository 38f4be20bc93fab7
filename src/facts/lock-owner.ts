import { type Judgement, judgeLock } from "../engine/verdict.ts";
import type { FoundLock } from "./found-lock.ts";
import type { ProcessTable } from "./processes.ts";

/** Gathers what a verdict on this lock rests on and judges it; null when there is no regular file to judge. */
export async function judgeSnapshot(
  lock: FoundLock,
  table: ProcessTable,
  graceSeconds: number,
): Promise<Judgement | null> {
  if (lock.look.kind !== "file") return null;
  const { snapshot } = lock.look;
  const pid = snapshot.payload.status === "ok" ? snapshot.payload.pid : null;
  const owner = pid === null ? null : await table.get(pid);
  return judgeLock({
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
  });
}
