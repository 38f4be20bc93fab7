/** The program of a thread that reads folders beside the one that started it: see `readBeside`. */
import { parentPort, workerData } from "node:worker_threads";
import { readFolder } from "./lock-folder.ts";
import { PackedLocks } from "./packed-locks.ts";
import type { BesideTask, ReadBeside } from "./read-beside.ts";

const { dirs, next } = workerData as BesideTask;
const packed = new PackedLocks();
const read: ReadBeside["read"] = [];
for (let n = Atomics.add(next, 0, 1); n < dirs.length; n = Atomics.add(next, 0, 1))
  read.push([n, readFolder(dirs[n] as string, packed)]);
const bare = packed.bare();
parentPort?.postMessage({ read, packed: bare } satisfies ReadBeside, [
  bare.wide.buffer,
  bare.plain.buffer,
  bare.bytes.buffer,
]);
