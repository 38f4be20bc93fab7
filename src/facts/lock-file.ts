import { isUtf8 } from "node:buffer";
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { errorCode, errorText } from "../engine/errors.ts";

/** The host writes about 150 bytes; whatever is larger than this is not one of its locks. */
const MAX_LOCK_BYTES = 16_384;
const MAX_PID = process.platform === "linux" ? 4_194_304 : 2_147_483_647;

/** What a lock says about its owner. Times in milliseconds since the epoch, `starttime` in clock ticks since boot. */
export type LockPayload =
  | {
      readonly status: "ok";
      readonly pid: number;
      readonly createdAtMs: number | null;
      readonly starttime: number | null;
      readonly maxHoldMs: number | null;
      /** Where a gateway of 2026.9.6 listens; only its locks say so. */
      readonly port?: number;
    }
  | { readonly status: "empty" }
  | { readonly status: "malformed"; readonly why: string };

/** Identity and content of a lock file at one moment. ctime is left out: a rename changes it. */
export interface LockSnapshot {
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly mtimeMs: number;
  readonly uid: number;
  readonly nlink: number;
  /** Its bytes, one character each; of one that is too large to be a lock the first ones. */
  readonly content: string;
  readonly payload: LockPayload;
}

/** A path that should be a lock: the snapshot of a regular file, or what stands in its place. */
export type LockLook =
  | { readonly kind: "file"; readonly snapshot: LockSnapshot }
  | { readonly kind: "missing" }
  | { readonly kind: "link" | "directory" | "special" }
  | { readonly kind: "unreadable"; readonly why: string };

/** Links are not followed and nothing blocks, whatever took the place of a file a moment ago. */
const SAFELY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** Where every lock is read; nothing else runs meanwhile. */
const buffer = Buffer.alloc(MAX_LOCK_BYTES + 1);

/**
 * Looks at one lock without following links, without blocking on a FIFO and without reading more than 16 KiB.
 * @param isFile a list of the folder says that it is a regular file: then this need not be asked before it is opened.
 */
export function lookAtLock(path: string, isFile = false): LockLook {
  return readLock(path, isFile, (stat, content) => ({ kind: "file", snapshot: snapshotOf(stat, content) }));
}

/** As `lookAtLock`; what is read of a regular file is taken from bytes that the next one is read into. */
export function readLock<T>(
  path: string,
  isFile: boolean,
  take: (stat: BigIntStats, content: Buffer) => T,
): T | Exclude<LockLook, { kind: "file" }> {
  try {
    // To open a device can do something; where links cannot be refused, a list is too old.
    if (!isFile || !constants.O_NOFOLLOW) {
      const entry = lstatSync(path, { throwIfNoEntry: false });
      if (entry === undefined) return { kind: "missing" };
      if (entry.isSymbolicLink()) return { kind: "link" };
      if (entry.isDirectory()) return { kind: "directory" };
      if (!entry.isFile()) return { kind: "special" };
    }
    const fd = openSync(path, SAFELY);
    try {
      const stat = fstatSync(fd, { bigint: true });
      if (!stat.isFile()) return { kind: "special" };
      return take(stat, buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0)));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
    if (code === "ELOOP") return { kind: "link" };
    return { kind: "unreadable", why: code ?? errorText(error) };
  }
}

/** A lock as it was read. */
export function snapshotOf(stat: BigIntStats, bytes: Buffer): LockSnapshot {
  const content = bytes.toString("latin1");
  return {
    dev: String(stat.dev),
    ino: String(stat.ino),
    size: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    mtimeMs: Number(stat.mtimeMs),
    uid: Number(stat.uid),
    nlink: Number(stat.nlink),
    content,
    payload: payloadOf(stat, bytes, content),
  };
}

/** True when both snapshots show the same file with the same content. */
export function sameLock(a: LockSnapshot, b: LockSnapshot): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.content === b.content;
}

/** Whether the same file, not written to since, is still at this path. Cheaper than a second look. */
export function isUnchanged(path: string, { dev, ino, size, mtimeNs }: LockSnapshot): boolean {
  try {
    const now = lstatSync(path, { bigint: true });
    return (
      String(now.dev) === dev && String(now.ino) === ino && Number(now.size) === size && String(now.mtimeNs) === mtimeNs
    );
  } catch {
    return false;
  }
}

/** What a lock says. A pid that cannot be one makes the whole payload malformed. */
export function payloadOf({ size }: BigIntStats, bytes: Buffer, content = bytes.toString("latin1")): LockPayload {
  if (size > MAX_LOCK_BYTES) return { status: "malformed", why: `${size} bytes long` };
  return parsePayload(bytes, content);
}

/** What a host writes is ASCII: such bytes are a text already. */
export function parsePayload(bytes: Buffer, content = bytes.toString("latin1")): LockPayload {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(content)) return parseText(content);
  if (!isUtf8(bytes)) return { status: "malformed", why: "not UTF-8 text" };
  return parseText(bytes.toString("utf8").replace(/^\uFEFF/, ""));
}

function parseText(text: string): LockPayload {
  if (text.trim() === "") return { status: "empty" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { status: "malformed", why: "not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { status: "malformed", why: "not a JSON object" };
  }
  const { pid, createdAt, starttime, startTime, maxHoldMs, port } = value as Record<string, unknown>;
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0 || pid > MAX_PID) {
    return { status: "malformed", why: "no valid pid" };
  }
  const createdAtMs = typeof createdAt === "string" ? Date.parse(createdAt) : Number.NaN;
  return {
    status: "ok",
    pid,
    createdAtMs: Number.isFinite(createdAtMs) ? createdAtMs : null,
    // Gateway locks spell it their own way.
    starttime: [starttime, startTime].find(isCount) ?? null,
    maxHoldMs: isCount(maxHoldMs) && maxHoldMs > 0 ? maxHoldMs : null,
    ...(isPort(port) ? { port } : {}),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** A TCP port somebody can listen on. */
export function isPort(value: unknown): value is number {
  return isCount(value) && value > 0 && value <= 65_535;
}
