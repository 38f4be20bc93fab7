import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, linkSync, lstatSync, openSync, rmSync, writeSync } from "node:fs";
import { openProcessTable } from "../facts/processes.ts";
import { errorCode, errorText } from "./errors.ts";

/**
 * Takes a lock of the host's general file lock, so that no host writes meanwhile. It appears whole, with its owner in
 * it, by a link: one that a crash of ours left behind names a dead process, which every host takes back by itself.
 * @returns how to release it, or why it could not be taken.
 */
export async function takeHostLock(file: string): Promise<{ release(): void } | string> {
  const self = await (await openProcessTable()).get(process.pid);
  const ticks = self.state === "alive" ? self.startTicks : null;
  const payload = {
    pid: process.pid,
    createdAt: new Date().toISOString(),
    ...(ticks === null ? {} : { starttime: ticks }),
  };
  const draft = `${file}.vitals-${randomBytes(4).toString("hex")}`;
  let fd: number;
  try {
    fd = openSync(draft, "wx", 0o600);
  } catch (error) {
    return `the folder of ${file} cannot be written (${errorCode(error) ?? errorText(error)})`;
  }
  try {
    writeSync(fd, `${JSON.stringify(payload, null, 2)}\n`);
    linkSync(draft, file);
  } catch (error) {
    closeSync(fd);
    return errorCode(error) === "EEXIST"
      ? `another process is changing it: ${file} stands there`
      : `${file} cannot be taken (${errorCode(error) ?? errorText(error)})`;
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

function isOpenAt(file: string, fd: number): boolean {
  try {
    const [there, ours] = [lstatSync(file, { bigint: true }), fstatSync(fd, { bigint: true })];
    return there.ino === ours.ino && there.dev === ours.dev;
  } catch {
    return false;
  }
}
