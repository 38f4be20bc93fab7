/**
 * Writes the sampler's file. Everything here runs inside a gateway: nothing throws, nothing waits for a disk on the
 * event loop, and nothing is written over that is not a plain file of ours.
 */

import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { randomHex } from "../digest.ts";
import { makePrivateDir } from "../engine/disk.ts";
import { errorCode, UserError } from "../engine/errors.ts";
import { lifeLine, MAX_RING_BYTES, parseRing, type RingLife, sampleLine, vitalRingPath } from "../facts/vital-ring.ts";
import type { VitalLife, VitalSample } from "../facts/vital-signs.ts";
import { retain, ringText } from "./vital-ring-retention.ts";

/** From here on the file is made small: a week of one gateway takes a fifth less. */
const LARGE_BYTES = 196_608;
/** And not again before it is so much larger: an hour and more of one gateway. */
const GROWTH_BYTES = 49_152;
/** When it cannot be made small, nothing is added beyond this: a reader takes in the whole of it. */
const FULL_BYTES = MAX_RING_BYTES / 2;
/** Lines that wait for a slow disk; the oldest are lost. */
const MAX_WAITING = 30;
/** A draft this old is what a killed gateway left. */
const LEFT_BEHIND_MS = 3_600_000;
/** After a failure to make the file small the next try comes so much later. */
const RETRY_MS = 600_000;

const FLAGS = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export interface RingWriter {
  /** Takes a sample to be written. Returns at once. */
  append(sample: VitalSample): void;
  /** Settles when everything is written, or cannot be. */
  close(): Promise<void>;
}

export interface RingWriterOptions {
  readonly stateDir: string;
  /** The life that begins now. */
  readonly life: Omit<VitalLife, "samples" | "startedAtMs">;
  /** Told once why nothing can be written. */
  readonly warn: (message: string) => void;
  readonly now?: () => number;
  /** Default 196,608. */
  readonly largeBytes?: number;
}

/** Begins a life in the file of this state dir. */
export function openRingWriter(options: RingWriterOptions): RingWriter {
  const { stateDir, life, warn, now = Date.now, largeBytes = LARGE_BYTES } = options;
  const file = vitalRingPath(stateDir);
  let warned = false;
  let folderMade = false;
  let waiting: VitalSample[] = [];
  let current = beginLife(now());
  let lastAtMs = 0;
  let compactAtBytes = largeBytes;
  let compactNotBefore = 0;
  /** Which file has the line of the current life. */
  let inode = -1;

  function beginLife(startedAtMs: number): Omit<RingLife, "samples"> {
    return { ...life, id: randomHex(4), startedAtMs };
  }

  const textOf = (samples: readonly VitalSample[], known: boolean): string => {
    let text = known ? "" : lifeLine(current);
    for (const sample of samples) {
      // Within a life time goes on: a clock that was set back begins another one.
      if (sample.atMs <= lastAtMs) {
        current = beginLife(sample.atMs);
        text += lifeLine(current);
      }
      lastAtMs = sample.atMs;
      text += sampleLine(current.id, sample);
    }
    return text;
  };

  const keepSmall = async (size: number): Promise<void> => {
    if (size <= compactAtBytes || performance.now() < compactNotBefore) return;
    compactNotBefore = performance.now() + RETRY_MS;
    try {
      compactAtBytes = Math.max(largeBytes, (await compact(file, now())) + GROWTH_BYTES);
      compactNotBefore = 0;
    } catch {
      // The file stays as it was: it is tried again later.
    }
  };

  const write = async (samples: readonly VitalSample[]): Promise<void> => {
    // Looked at once: it is done on the event loop.
    if (!folderMade) makePrivateDir(path.dirname(file));
    folderMade = true;
    await withFile(file, async (_handle, { size }) => await keepSmall(size));
    await withFile(file, async (handle, { size, ino }) => {
      if (size > FULL_BYTES) throw new Error("the file is full");
      // A file that was replaced may have been emptied of this life.
      const known = ino === inode && size > 0;
      inode = -1;
      await writeAll(handle, textOf(samples, known));
      inode = ino;
    });
  };

  const work = async (): Promise<void> => {
    do {
      const samples = waiting;
      waiting = [];
      try {
        await write(samples);
      } catch (error) {
        folderMade = false;
        if (!warned) warn(`The sampler's records cannot be written (${reasonOf(error)}); it goes on trying.`);
        warned = true;
      }
    } while (waiting.length > 0);
    working = null;
  };

  let working: Promise<void> | null = work();
  return {
    append(sample) {
      waiting = [...waiting, sample].slice(-MAX_WAITING);
      working ??= work();
    },
    async close() {
      await working;
    },
  };
}

/** Opens the file for appending, and makes it when it is not there. @throws when something else stands there. */
async function withFile(file: string, act: (handle: FileHandle, there: Stats) => Promise<void>): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | FLAGS, 0o600);
  try {
    await act(handle, await describe(handle));
  } finally {
    await handle.close();
  }
}

async function describe(handle: FileHandle): Promise<Stats> {
  const there = await handle.stat();
  if (!there.isFile() || there.nlink > 1) throw new Error("another kind of file stands in their place");
  if (process.platform !== "win32" && (there.mode & 0o777) !== 0o600) await handle.chmod(0o600).catch(() => {});
  return there;
}

/** Without paths: the host's log is shared when users report a bug. */
function reasonOf(error: unknown): string {
  const code = errorCode(error);
  if (code !== undefined) return code === "ELOOP" ? "a link stands in their place" : code;
  if (error instanceof UserError) return "their folder cannot be made";
  return error instanceof Error && !error.message.includes(path.sep) ? error.message : "unknown reason";
}

async function writeAll(handle: FileHandle, text: string): Promise<void> {
  const { bytesWritten } = await handle.write(text);
  if (bytesWritten < Buffer.byteLength(text)) throw new Error("the disk is full");
}

/**
 * Replaces the file in one step by what is to be kept of it. What others appended meanwhile is taken over.
 * @returns its size now. @throws when it could not be replaced; it is then as it was.
 */
async function compact(file: string, nowMs: number): Promise<number> {
  await removeLeftDrafts(file, nowMs);
  const draft = `${file}.${randomHex(4)}.draft`;
  const before = await open(file, constants.O_RDONLY | FLAGS);
  try {
    const { size } = await describe(before);
    const text = ringText(retain(parseRing(await readFrom(before, Math.max(0, size - MAX_RING_BYTES), size)), nowMs));
    const after = await open(draft, "wx", 0o600);
    try {
      await after.chmod(0o600); // whatever the umask
      await writeAll(after, text);
      await rename(draft, file);
      const late = await readFrom(before, size, (await before.stat()).size);
      if (late !== "") await writeAll(after, late);
    } finally {
      await after.close();
    }
    return Buffer.byteLength(text);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await before.close();
  }
}

async function readFrom(handle: FileHandle, from: number, to: number): Promise<string> {
  const bytes = Buffer.alloc(to - from);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
  return bytes.toString("utf8", 0, bytesRead);
}

async function removeLeftDrafts(file: string, nowMs: number): Promise<void> {
  const [folder, start] = [path.dirname(file), `${path.basename(file)}.`];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(start) || !name.endsWith(".draft")) continue;
    const draft = path.join(folder, name);
    const there = await stat(draft).catch(() => null);
    if (there !== null && nowMs - there.mtimeMs > LEFT_BEHIND_MS) await rm(draft, { force: true });
  }
}
