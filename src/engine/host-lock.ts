import { closeSync, fstatSync, linkSync, lstatSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { openProcessTable } from "../facts/processes.ts";
import { errorCode, errorText } from "./errors.ts";

/** Why a lock could not be taken. */
export interface NotTaken {
  readonly status: "skipped" | "failed";
  readonly reason: string;
}

/**
 * Takes a lock of the host's general file lock, so that no host writes meanwhile. It appears whole, with its owner in
 * it, by a link: one that a crash of ours left behind names a dead process, which every host takes back by itself, and
 * our own check of such locks as well.
 * @returns how to release it, or why it could not be taken.
 */
export async function takeHostLock(file: string): Promise<{ release(): void } | NotTaken> {
  const self = await (await openProcessTable()).get(process.pid);
  const ticks = self.state === "alive" ? self.startTicks : null;
  const payload = {
    pid: process.pid,
    createdAt: new Date().toISOString(),
    ...(ticks === null ? {} : { starttime: ticks }),
  };
  const draft = `${file}.vitals-${process.pid}`;
  let fd: number;
  try {
    fd = openSync(draft, "wx", 0o600);
  } catch (error) {
    const why = errorCode(error) ?? errorText(error);
    return { status: "failed", reason: `the folder of ${file} cannot be written (${why})` };
  }
  try {
    writeSync(fd, `${JSON.stringify(payload, null, 2)}\n`);
    linkSync(draft, file);
  } catch (error) {
    closeSync(fd);
    if (errorCode(error) !== "EEXIST")
      return { status: "failed", reason: `${file} cannot be taken (${errorCode(error) ?? errorText(error)})` };
    const remedy = "`openclaw-vitals fix --only config-lock` takes it away if its owner is gone";
    return { status: "skipped", reason: `another process is changing it: ${file} stands there; ${remedy}` };
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    release() {
      // Only our own: somebody may have taken it from us.
      if (isOpenAt(file, fd)) rmSync(file, { force: true });
      closeSync(fd);
    },
  };
}

/**
 * Removes what a crash of ours left beside the locks of these files: it never was a lock, but a lock that has it for a
 * second name is not ours to judge.
 * @returns how many were there.
 */
export async function dropLockDrafts(files: readonly string[]): Promise<number> {
  let dropped = 0;
  for (const file of files) {
    const prefix = `${path.basename(file)}.lock.vitals-`;
    for (const name of namesIn(path.dirname(file))) {
      const pid = name.startsWith(prefix) ? /^\d{1,10}$/.exec(name.slice(prefix.length))?.[0] : undefined;
      if (pid === undefined || !(await isGone(Number(pid)))) continue;
      if (isRemoved(path.join(path.dirname(file), name))) dropped += 1;
    }
  }
  return dropped;
}

function isRemoved(file: string): boolean {
  try {
    rmSync(file);
    return true;
  } catch {
    return false; // nobody but our own check looks at it, which then says so
  }
}

async function isGone(pid: number): Promise<boolean> {
  return (await (await openProcessTable()).get(pid)).state === "absent";
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // what cannot be read is said by those who need it
  }
}

function isOpenAt(file: string, fd: number): boolean {
  try {
    const [there, ours] = [lstatSync(file, { bigint: true }), fstatSync(fd, { bigint: true })];
    return there.ino === ours.ino && there.dev === ours.dev;
  } catch {
    return false;
  }
}
