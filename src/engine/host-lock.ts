import { closeSync, fstatSync, linkSync, lstatSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { openProcessTable, type ProcessTable } from "../facts/processes.ts";
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
  const table = await openProcessTable();
  const self = await table.get(process.pid);
  const ticks = self.state === "alive" ? self.startTicks : null;
  const payload = {
    pid: process.pid,
    createdAt: new Date().toISOString(),
    ...(ticks === null ? {} : { starttime: ticks }),
  };
  const draft = `${file}.vitals-${process.pid}`;
  await dropDrafts(file, table);
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

/** What a crash of ours left beside the lock; it never was one. */
async function dropDrafts(file: string, table: ProcessTable): Promise<void> {
  const prefix = `${path.basename(file)}.vitals-`;
  for (const name of namesIn(path.dirname(file))) {
    const pid = name.startsWith(prefix) ? /^\d{1,10}$/.exec(name.slice(prefix.length))?.[0] : undefined;
    if (pid === undefined) continue;
    const isOver = Number(pid) === process.pid || (await table.get(Number(pid))).state === "absent";
    if (isOver) rmSync(path.join(path.dirname(file), name), { force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // then nothing can be written there either, and that is said
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
