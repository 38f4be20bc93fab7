import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { randomHex } from "../digest.ts";
import { realPath } from "../facts/paths.ts";
import { readRegularFile, Unsuitable } from "../facts/regular-file.ts";
import { keepPrivate, makePrivateDir, syncDirectory } from "./disk.ts";
import { errorCode, errorText, UserError } from "./errors.ts";
import { isEntry, isNeeded, type JournalEntry, latestEntries, type NewEntry } from "./journal-entry.ts";
import { inFolder } from "./pinned-folder.ts";

/** A full segment is put aside when a run starts; it is dropped once nothing in it can be undone. Bytes. */
const SEGMENT_BYTES = 1_048_576;
/** A run with 100,000 repairs writes some 140 MB into one. */
const MAX_BYTES = 400_000_000;
const CURRENT = "journal.jsonl";
const NEITHER_LINK_NOR_WAIT = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const SEGMENT = /^journal\.(\d+)-[0-9a-f]+\.jsonl$/;

/** `<state>/vitals`, made private to its owner. @throws UserError when something else stands there. */
export function vitalsDir(stateDir: string): string {
  const dir = path.join(stateDir, "vitals");
  makePrivateDir(dir);
  return dir;
}

/**
 * Reads every entry, oldest first. Torn or foreign lines are left out.
 * @throws UserError when the journal is there but cannot be read.
 */
export function readJournal(stateDir: string): JournalEntry[] {
  const dir = path.join(stateDir, "vitals");
  const list = (): string[] => [...segments(dir).map((segment) => segment.file), path.join(dir, CURRENT)];
  for (;;) {
    const files = list();
    const entries = files.flatMap(readSegment);
    // A rotation in between hides the segment it makes from this reading.
    if (list().join("\n") === files.join("\n")) return entries;
  }
}

/** An open journal. */
export interface Journal {
  /** Returns when the line is on the disk; with `flush: false` when it is written. */
  append(entry: NewEntry, options?: { readonly flush?: boolean }): void;
  /** Returns when all lines are on the disk. @throws when it cannot be told that they are. */
  flush(): void;
  close(): void;
}

/**
 * Opens the journal of a state dir for appending.
 * @throws UserError when it cannot be written or something else stands in its place.
 */
export function openJournal(stateDir: string): Journal {
  const dir = vitalsDir(realPath(stateDir));
  let fd = openCurrent(dir);
  let torn = false;
  /** Lines that are written, but may not be on the disk. */
  let unsynced = "";
  const write = (lines: string): void => {
    const text = torn ? `\n${lines}` : lines;
    torn = true;
    if (writeSync(fd, text) < Buffer.byteLength(text))
      throw new Error("the journal could not be written whole (disk full?)");
    torn = false;
  };
  const settle = (flush: boolean): void => {
    const sync = (): void => {
      if (flush) fsyncSync(fd);
    };
    sync();
    if (fstatSync(fd).nlink === 0) {
      // Others rotated and dropped this segment while it was open here: readers must find the lines.
      closeSync(fd);
      fd = openCurrent(dir);
      write(unsynced);
      sync();
    }
    if (flush) unsynced = "";
  };
  return {
    append(entry, { flush = true } = {}) {
      const line = `${JSON.stringify({ v: 1, at: new Date().toISOString(), ...entry } satisfies JournalEntry)}\n`;
      write(line);
      unsynced += line;
      settle(flush);
    },
    flush() {
      settle(true);
    },
    close() {
      for (const last of [fsyncSync, closeSync]) {
        try {
          last(fd);
        } catch {
          // the intents are on the disk already, the next run settles them; what was done must still be reported
        }
      }
    },
  };
}

function openCurrent(dir: string): number {
  const file = path.join(dir, CURRENT);
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | NEITHER_LINK_NOR_WAIT;
  try {
    rotate(dir);
    const fd = inFolder(dir, (folder) => openSync(folder.at(CURRENT), flags, 0o600));
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.nlink > 1) throw new Error("another kind of file stands in its place");
      keepPrivate(fd, stat, 0o600);
      if (stat.size === 0) syncDirectory(dir);
      mendTornLine(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  } catch (error) {
    throw new UserError(
      `${file} cannot be written (${errorCode(error) ?? errorText(error)}).`,
      "It must be a plain file of the user that owns the state directory, on a writable disk: repairs are journaled there.",
    );
  }
}

function segments(dir: string): { file: string; number: number }[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    return unread(dir, error);
  }
  return names
    .flatMap((name) => {
      const number = SEGMENT.exec(name)?.[1];
      return number === undefined ? [] : [{ file: path.join(dir, name), number: Number(number) }];
    })
    .sort((a, b) => a.number - b.number);
}

/** What is not there has no entries; what cannot be read must not look as if it had none, or it would be dropped. */
function unread(file: string, error: unknown): never[] {
  const code = errorCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") return [];
  throw new UserError(
    `${file} cannot be read (${code ?? errorText(error)}).`,
    "Run as the user that owns the state directory: repairs are journaled there.",
  );
}

function readSegment(file: string): JournalEntry[] {
  let text: string;
  try {
    text = readRegularFile(file, MAX_BYTES, { follow: false }).bytes.toString("utf8");
  } catch (error) {
    // What else stands there is no journal of ours, and is said where one is written.
    if (error instanceof Unsuitable && error.why !== "too large") return [];
    return unread(file, error);
  }
  return text.split("\n").flatMap((line) => {
    // Only what begins and ends like ours: of anything else a megabyte would take the parser half a minute.
    if (!line.startsWith('{"v":1,') || !line.endsWith("}")) return [];
    try {
      const entry: unknown = JSON.parse(line);
      return isEntry(entry) ? [entry] : [];
    } catch {
      return [];
    }
  });
}

/** A writer that died within a line must not spoil the next one. */
function mendTornLine(fd: number): void {
  const { size } = fstatSync(fd);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  if (last[0] !== 0x0a) writeSync(fd, "\n");
}

/**
 * Renaming keeps every line: a writer that still has the old file open goes on writing into the segment,
 * which readers read too.
 */
function rotate(dir: string): void {
  const file = path.join(dir, CURRENT);
  try {
    if (lstatSync(file).size < SEGMENT_BYTES) return;
    const number = (segments(dir).at(-1)?.number ?? 0) + 1;
    // Two processes may rotate at once: a name of its own, so that neither replaces the other's segment.
    renameSync(file, path.join(dir, `journal.${number}-${randomHex(4)}.jsonl`));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  const all = latestEntries(readJournal(path.dirname(dir)));
  const needed = new Set(all.filter(isNeeded).map((entry) => entry.run));
  for (const segment of segments(dir).slice(0, -1)) {
    if (!readSegment(segment.file).some((entry) => needed.has(entry.run))) rmSync(segment.file, { force: true });
  }
}
