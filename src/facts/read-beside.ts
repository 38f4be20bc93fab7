import { Worker } from "node:worker_threads";
import { moduleFile } from "../package.ts";
import type { FolderRead } from "./lock-folder.ts";
import type { BareLocks } from "./packed-locks.ts";

/** Folders that two threads share: who takes the next number reads that folder. */
export interface BesideTask {
  readonly dirs: readonly string[];
  readonly next: Int32Array;
}

/** What the other thread read: the numbers of folders, and their locks. */
export interface ReadBeside {
  readonly read: [number, FolderRead][];
  readonly packed: BareLocks;
}

/**
 * Has a second thread read folders, too. It takes no more memory than it needs for its task.
 * @returns what it read; null when it came to nothing, and what it had taken is unread.
 */
export async function readBeside(task: BesideTask): Promise<ReadBeside | null> {
  try {
    const thread = new Worker(moduleFile("src/facts/lock-reader"), {
      workerData: task,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    return await new Promise((resolve) => {
      thread.once("message", resolve);
      for (const event of ["error", "messageerror", "exit"]) thread.once(event, () => resolve(null));
    });
  } catch {
    return null; // no thread can be had
  }
}
