import { keepSmallFor } from "../young-generation.ts";
import { type FolderRead, readFolder } from "./lock-folder.ts";
import { PackedLocks } from "./packed-locks.ts";
import type { BesideTask, ReadBeside } from "./read-beside.ts";

/** From so many locks on a second thread is worth its start, which takes as long as to read some thousand. */
const MANY = 8_000;

/** The locks of a folder, and where they are packed. */
export interface FolderLocks {
  readonly dir: string;
  readonly read: FolderRead;
  readonly packed: PackedLocks;
}

/** Reads folders, with the help of a second thread where there are many locks. In the order given. */
export async function readFolders(
  dirs: readonly string[],
  many = MANY,
  loadBeside: () => Promise<{ readBeside(task: BesideTask): Promise<ReadBeside | null> }> = () =>
    import("./read-beside.ts"),
): Promise<FolderLocks[]> {
  const task = { dirs, next: new Int32Array(new SharedArrayBuffer(4)) };
  const packed = new PackedLocks();
  const done = new Map<number, Omit<FolderLocks, "dir">>();
  let theirs: Promise<ReadBeside | null> | undefined;
  for (let n = Atomics.add(task.next, 0, 1); n < dirs.length; n = Atomics.add(task.next, 0, 1)) {
    done.set(n, { read: readFolder(dirs[n] as string, packed), packed });
    // It has to be started before we go on: while we read, nothing that is awaited comes to its turn.
    const expected = (packed.length / (n + 1)) * dirs.length;
    if (expected >= many && n + 1 < dirs.length) theirs ??= (await loadBeside()).readBeside(task);
    keepSmallFor(packed.length);
  }
  const beside = await theirs;
  if (beside) {
    const other = new PackedLocks(beside.packed);
    for (const [n, read] of beside.read) done.set(n, { read, packed: other });
  }
  // A thread that came to nothing may have taken some.
  return dirs.map((dir, n) => ({ dir, ...(done.get(n) ?? { read: readFolder(dir, packed), packed }) }));
}
