import type { Facts, Judged } from "../facts/facts.ts";
import type { FoundLock } from "../facts/found-lock.ts";
import type { UnseenGateway } from "../facts/gateway-port.ts";
import type { LockLook } from "../facts/lock-file.ts";
import { judgeSnapshot } from "../facts/lock-owner.ts";
import { lookedAtAgain } from "../facts/packed-lock.ts";
import { openProcessTable, type ProcessTable } from "../facts/processes.ts";
import type { Policy } from "./policy.ts";
import type { Finding, Fix, Repair, Skip, Verdict } from "./types.ts";

/** Verdicts under which a lock may be moved away; `leaked` only after a person's yes. */
const REMOVABLE: readonly Verdict[] = ["gone", "residue", "leaked"];
/** A process table and a port's answer that are older are read again: a dead owner stays dead. Milliseconds. */
const MOMENT_MS = 250;

/** The facts that hold judged locks. */
export type LockFamily = "sessionLocks" | "configLocks" | "gatewayLocks";

/** Plans moving the lock of a finding into the quarantine. The lock is looked up among those of this family. */
export function planLockRemoval(family: LockFamily): Fix["plan"] {
  return async (finding, facts, policy) => {
    const { locks } = await facts[family](policy.locks.graceSeconds);
    return planRemoval(finding, locks, policy, facts);
  };
}

function planRemoval(
  finding: Finding,
  locks: readonly Judged<FoundLock>[],
  policy: Policy,
  facts: Facts,
): Repair | Skip {
  const lock = byPath(locks).get(finding.path ?? "");
  if (lock?.look.kind !== "file" || lock.judgement === null) return { skip: "there is no lock file to move" };
  if (!REMOVABLE.includes(lock.judgement.verdict)) return { skip: "its owner is not proven to be gone" };
  const { look, judgement, path } = lock;
  const judgeAgain = async (now: LockLook): Promise<true | string> => {
    const moment = currently(facts);
    const again = await judgeSnapshot(lookedAtAgain(lock, now), await moment.table, policy.locks, () => moment.gateway);
    return again?.verdict === judgement.verdict ? true : `a second look says "${again?.verdict ?? "no file"}"`;
  };
  return {
    summary: finding.fix?.summary ?? "",
    risk: finding.fix?.risk ?? "confirm",
    effects: [{ kind: "file", action: "move into the quarantine", target: path, dryRunSafe: true }],
    diffs: [],
    removes: true,
    async apply({ quarantine, checkId, fixId, findingId }) {
      return await quarantine.remove({ path, judged: look.snapshot, judgeAgain, checkId, fixId, findingId });
    },
  };
}

const indexes = new WeakMap<readonly Judged<FoundLock>[], ReadonlyMap<string, Judged<FoundLock>>>();

/** Each finding looks for its lock: in a list, a hundred thousand would look for minutes. */
function byPath(locks: readonly Judged<FoundLock>[]): ReadonlyMap<string, Judged<FoundLock>> {
  const index = indexes.get(locks) ?? new Map(locks.map((lock) => [lock.path, lock]));
  indexes.set(locks, index);
  return index;
}

interface Moment {
  readonly at: number;
  readonly table: Promise<ProcessTable>;
  readonly gateway: Promise<UnseenGateway | null>;
}

/**
 * Of one run only: its locks were there before it looked. A lock made since may have the inode of a file that somebody
 * had open then.
 */
const moments = new WeakMap<Facts, Moment>();

function currently(facts: Facts): Moment {
  const at = performance.now();
  let moment = moments.get(facts);
  if (moment === undefined || at - moment.at > MOMENT_MS) {
    let gateway: Promise<UnseenGateway | null> | undefined;
    moment = {
      at,
      table: openProcessTable(),
      // Asked only for a lock that would be moved otherwise.
      get gateway() {
        gateway ??= facts.fresh().unseenGateway();
        return gateway;
      },
    };
    moments.set(facts, moment);
  }
  return moment;
}
