/**
 * A thread that reads case after case of one reader. It says in shared memory at which case it is, so that a case it
 * does not come back from is known to whoever watches it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort, workerData } from "node:worker_threads";
import { casesOf, readCase, readerNamed } from "./cases.ts";

/** What the thread is to do. */
export interface FuzzOrder {
  readonly reader: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** One number: the case at work. */
  readonly at: SharedArrayBuffer;
  /** Where files are made. */
  readonly folder: string;
}

/** What came of one case that failed. */
export interface Failure {
  readonly number: number;
  readonly error: string;
}

export interface FuzzCount {
  readonly read: number;
  readonly refused: number;
  readonly failures: readonly Failure[];
  /** Bytes on the heap after a clean-up: after a tenth of the cases, and after all. */
  readonly heapEarly: number;
  readonly heapLate: number;
  /** The case that took longest. */
  readonly longest: { readonly ms: number; readonly number: number };
}

/** More say nothing new. */
const MAX_FAILURES = 5;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function work({ reader: name, seed, from, to, at, folder }: FuzzOrder): Promise<FuzzCount> {
  const reader = readerNamed(name);
  const place = new Int32Array(at);
  const dir = mkdtempSync(path.join(folder || os.tmpdir(), "vitals-torture-"));
  const count = { read: 0, refused: 0 };
  const failures: Failure[] = [];
  let heapEarly = 0;
  let longest = { ms: 0, number: from };
  const early = from + Math.max(1, Math.floor((to - from) / 10));
  const caseOf = casesOf(reader, seed);
  try {
    for (let number = from; number < to && failures.length < MAX_FAILURES; number += 1) {
      Atomics.store(place, 0, number);
      const made = caseOf(number);
      const began = performance.now();
      try {
        count[await readCase(reader, made, dir)] += 1;
      } catch (error) {
        failures.push({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
      const ms = performance.now() - began;
      if (ms > longest.ms) longest = { ms, number };
      if (number === early) heapEarly = heapNow();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { ...count, failures, heapEarly, heapLate: heapNow(), longest };
}

function heapNow(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

parentPort?.postMessage(await work(workerData as FuzzOrder));
