import type { BigIntStats } from "node:fs";
import type { LockPayload } from "./lock-file.ts";

/** A lock that says who made it. */
type Owned = LockPayload & { status: "ok" };

/** Numbers of a lock, one after the other. */
const WIDE = 3; // device, inode, nanoseconds of its change
const PLAIN = 8; // size, user, links, pid, creation, start, longest hold, where its content begins
const NONE = Number.NaN;

/** What packed locks are made of. */
export interface BareLocks {
  readonly length: number;
  readonly wide: BigInt64Array<ArrayBuffer>;
  readonly plain: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** So many of the bytes are in use. */
  readonly end: number;
}

const noLocks = (): BareLocks => ({
  length: 0,
  wide: new BigInt64Array(64 * WIDE),
  plain: new Float64Array(64 * PLAIN),
  bytes: new Uint8Array(8_192),
  end: 0,
});

/**
 * Locks as they were read, as bare numbers and bytes: a hundred thousand of them would be a million small objects, which
 * take the memory of a small machine, and as long to be kept in order as the locks take to be read. Whatever is asked of
 * a lock is made anew from here.
 */
export class PackedLocks {
  length: number;
  #wide: BigInt64Array<ArrayBuffer>;
  #plain: Float64Array<ArrayBuffer>;
  #bytes: Buffer<ArrayBuffer>;
  #end: number;

  constructor(bare: BareLocks = noLocks()) {
    this.length = bare.length;
    this.#wide = bare.wide;
    this.#plain = bare.plain;
    this.#bytes = Buffer.from(bare.bytes.buffer);
    this.#end = bare.end;
  }

  /** For another thread. Nothing can be asked here any more once they were handed over. */
  bare(): BareLocks {
    return { length: this.length, wide: this.#wide, plain: this.#plain, bytes: this.#bytes, end: this.#end };
  }

  /** @returns its place, by which it is asked for. */
  add(stat: BigIntStats, payload: Owned, content: Uint8Array): number {
    const at = this.length;
    this.length += 1;
    if (this.length * PLAIN > this.#plain.length) this.#grow();
    if (this.#end + content.length > this.#bytes.length) this.#bytes = enlarged(this.#bytes, content.length);
    const wide = at * WIDE;
    this.#wide[wide] = stat.dev;
    this.#wide[wide + 1] = stat.ino;
    this.#wide[wide + 2] = stat.mtimeNs;
    const plain = at * PLAIN;
    this.#plain[plain] = Number(stat.size);
    this.#plain[plain + 1] = Number(stat.uid);
    this.#plain[plain + 2] = Number(stat.nlink);
    this.#plain[plain + 3] = payload.pid;
    this.#plain[plain + 4] = payload.createdAtMs ?? NONE;
    this.#plain[plain + 5] = payload.starttime ?? NONE;
    this.#plain[plain + 6] = payload.maxHoldMs ?? NONE;
    this.#plain[plain + 7] = this.#end;
    this.#bytes.set(content, this.#end);
    this.#end += content.length;
    return at;
  }

  /** Device or inode. */
  identity(at: number, which: 0 | 1): string {
    return String(this.#wide[at * WIDE + which]);
  }

  changedNs(at: number): bigint {
    return this.#wide[at * WIDE + 2] ?? 0n;
  }

  size(at: number): number {
    return this.#number(at, 0);
  }

  uid(at: number): number {
    return this.#number(at, 1);
  }

  links(at: number): number {
    return this.#number(at, 2);
  }

  payload(at: number): Owned {
    return {
      status: "ok",
      pid: this.#number(at, 3),
      createdAtMs: orNull(this.#number(at, 4)),
      starttime: orNull(this.#number(at, 5)),
      maxHoldMs: orNull(this.#number(at, 6)),
    };
  }

  content(at: number): string {
    const end = at + 1 === this.length ? this.#end : this.#number(at + 1, 7);
    return this.#bytes.toString("latin1", this.#number(at, 7), end);
  }

  #number(at: number, which: number): number {
    return this.#plain[at * PLAIN + which] ?? NONE;
  }

  #grow(): void {
    const [wide, plain] = [this.#wide, this.#plain];
    this.#wide = new BigInt64Array(wide.length * 2);
    this.#wide.set(wide);
    this.#plain = new Float64Array(plain.length * 2);
    this.#plain.set(plain);
  }
}

function enlarged(bytes: Buffer, more: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(bytes.length * 2 + more); // of a pool it could not be handed over
  bytes.copy(larger);
  return larger;
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}

/** Whether a lock can be packed: nothing of it is lost then. A gateway's also says where that listens. */
export function isPackable({ dev, ino }: BigIntStats, payload: LockPayload): payload is Owned {
  if (payload.status !== "ok" || payload.port !== undefined) return false;
  return [dev, ino].every((number) => BigInt.asIntN(64, number) === number);
}
