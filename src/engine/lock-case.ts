import type { UnseenGateway } from "../facts/gateway-port.ts";
import type { LockSnapshot } from "../facts/lock-file.ts";
import type { Holders, PidNamespace, ProcessState } from "../facts/processes.ts";

/** Smaller differences between two clock readings prove nothing. Milliseconds. */
export const CLOCK_MARGIN_MS = 2_000;

/** Everything a verdict rests on, read beforehand. Times in milliseconds since the epoch. */
export interface LockCase {
  readonly path: string;
  readonly snapshot: LockSnapshot;
  /** Same file and content at two looks; only needed when the payload names no owner. */
  readonly unchanged: boolean;
  /** Type of a network or host-shared file system, null for a local one. */
  readonly sharedFileSystem: string | null;
  /** State of the pid in the payload; null when there is none. */
  readonly owner: ProcessState | null;
  readonly ownerDescriptorsReadable: boolean;
  readonly holders: Holders;
  readonly namespace: PidNamespace;
  /** A gateway that is at work where we cannot see its process. Absent: not asked. Only asked for `isVoidable`. */
  readonly unseenGateway?: UnseenGateway | null;
  readonly uid: number | null;
  readonly nowMs: number;
  readonly graceMs: number;
  /** The operator's word that nobody outside this container writes into the state dir. It says nothing elsewhere. */
  readonly soleOwner?: boolean | undefined;
}

/** Inside a container of which the operator says that nobody else writes into the state dir. */
export function isAlone({ namespace, soleOwner }: LockCase): boolean {
  return namespace.initial === false && soleOwner === true;
}

export function ageMs({ snapshot, nowMs }: LockCase): number {
  const { payload } = snapshot;
  return nowMs - ((payload.status === "ok" ? payload.createdAtMs : null) ?? snapshot.mtimeMs);
}
