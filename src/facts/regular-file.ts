import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from "node:fs";
import { exposes, resolveLinks } from "./paths.ts";

const CAREFULLY = (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0) | (constants.O_NOCTTY ?? 0);

/** Why a file is not read although it is there. */
export class Unsuitable extends Error {
  readonly why: "not a regular file" | "too large" | "a link to another user's file";

  constructor(why: Unsuitable["why"]) {
    super(`it is ${why}`);
    this.why = why;
  }
}

export interface RegularFile {
  readonly bytes: Buffer;
  readonly stat: Stats;
}

/**
 * Reads a file whose content somebody else may have chosen, and what it is as well: never waits for a FIFO or a
 * device, also for one that takes the file's place meanwhile, and never takes in more than `maxBytes`. Links are
 * followed unless told otherwise, by root only as far as whoever made them could go.
 * @throws Unsuitable, or the file system's error.
 */
export function readRegularFile(file: string, maxBytes: number, { follow = true } = {}): RegularFile {
  if (follow && exposes(file)) throw new Unsuitable("a link to another user's file");
  const real = follow ? resolveLinks(file) : file;
  // Opening a device can do something, so it is asked first; whatever stands there by then is asked again.
  assertSuitable(lstatSync(real), maxBytes);
  const fd = openSync(real, constants.O_RDONLY | CAREFULLY);
  try {
    const stat = fstatSync(fd);
    assertSuitable(stat, maxBytes);
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null);
    return { bytes: bytes.subarray(0, length), stat };
  } finally {
    closeSync(fd);
  }
}

function assertSuitable(stat: Stats, maxBytes: number): void {
  if (!stat.isFile()) throw new Unsuitable("not a regular file");
  if (stat.size > maxBytes) throw new Unsuitable("too large");
}
