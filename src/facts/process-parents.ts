import { readText, statFields } from "./proc-files.ts";

/** More than any shell within a shell. */
const MOST = 64;

/**
 * Whether this process was started by that one, directly or through others that still run: it may end with it.
 * Without /proc only the direct parent is known. `from` and `root` are for tests.
 */
export function isStartedBy(pid: number, from = process.ppid, root = "/proc"): boolean {
  let parent = from;
  for (let depth = 0; depth < MOST && parent > 1; depth += 1) {
    if (parent === pid) return true;
    const stat = readText(`${root}/${parent}/stat`);
    if (stat === null) return false;
    parent = Number(statFields(stat)[1]);
  }
  return false;
}
