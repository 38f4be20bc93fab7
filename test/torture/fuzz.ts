/** A million cases, watched from outside: whatever throws, hangs or keeps memory is told so that it comes again. */
import { existsSync } from "node:fs";
import os from "node:os";
import { Worker } from "node:worker_threads";
import { casesOf, READERS, readerNamed } from "./cases.ts";
import type { FuzzCount, FuzzOrder } from "./fuzz-worker.ts";

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Only this case of this reader. */
  readonly only?: { readonly reader: string; readonly number?: number };
  /** How long a case may take before it counts as one that does not end. Milliseconds. */
  readonly hangMs?: number;
  readonly onReader?: (name: string, cases: number) => void;
}

/** One line of the table. */
export interface Fuzzed {
  readonly reader: string;
  readonly cases: number;
  readonly read: number;
  readonly refused: number;
  readonly seconds: number;
  /** The case that took longest. */
  readonly longest: { readonly ms: number; readonly number: number };
  readonly heapGrowthMiB: number;
  readonly problems: readonly string[];
}

/** A case takes some microseconds; what takes this long on any machine comes to no end. Milliseconds. */
const HANG_MS = 60_000;
const LOOK_MS = 250;
/** What a thread may keep for its work: a case has 64 KiB, its tree some hundred times that. MiB. */
const MAX_HEAP_MIB = 384;
/** Code that is compiled late, pools of the runtime. A leak of 20 bytes in each of a million cases would show. MiB. */
const MAX_GROWTH_MIB = 16;

/** Reads all cases, one reader after the other. */
export async function fuzz({ cases, seed, only, onReader, hangMs = HANG_MS }: FuzzOptions): Promise<Fuzzed[]> {
  const results: Fuzzed[] = [];
  for (const { name, share } of only === undefined ? READERS : [readerNamed(only.reader)]) {
    const from = only?.number ?? 0;
    const all = only === undefined ? Math.max(1, Math.round((cases * share) / 1000)) : cases;
    const to = only?.number === undefined ? all : from + 1;
    onReader?.(name, to - from);
    results.push(await fuzzReader(name, seed, from, to, hangMs));
  }
  return results;
}

async function fuzzReader(reader: string, seed: number, from: number, to: number, hangMs: number): Promise<Fuzzed> {
  const at = new SharedArrayBuffer(4);
  const folder = existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
  const began = performance.now();
  const count = await watched({ reader, seed, from, to, at, folder }, hangMs);
  const seconds = (performance.now() - began) / 1000;
  const heapGrowthMiB = Math.max(0, (count.heapLate - count.heapEarly) / 1_048_576);
  const problems = count.failures.map(({ number, error }) => replay(reader, seed, number, error));
  // Of a few cases the heap says nothing: most of it is code.
  if (to - from > 1000 && count.heapEarly > 0 && heapGrowthMiB > MAX_GROWTH_MIB)
    problems.push(`${reader}: the heap grew by ${heapGrowthMiB.toFixed(1)} MiB`);
  const { read, refused, longest } = count;
  return { reader, cases: to - from, read, refused, seconds, longest, heapGrowthMiB, problems };
}

/** How a case that failed is told, and how it is had again. */
function replay(reader: string, seed: number, number: number, error: string): string {
  const bytes = casesOf(readerNamed(reader), seed)(number).bytes.toString("base64");
  return `${reader}, case ${number}: ${error}\n  again: npm run torture -- --seed ${seed} --reader "${reader}" --case ${number}\n  base64: ${bytes}`;
}

/** Runs the thread to its end, or to the end of our patience with one case. */
async function watched(order: FuzzOrder, hangMs: number): Promise<FuzzCount> {
  const place = new Int32Array(order.at).fill(-1); // it loads its modules first
  const worker = new Worker(new URL("./fuzz-worker.ts", import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    execArgv: ["--no-warnings"],
    stderr: true, // a library warns of strange characters
  });
  const failed = (error: string): FuzzCount => ({
    read: 0,
    refused: 0,
    failures: [{ number: Math.max(order.from, Atomics.load(place, 0)), error }],
    heapEarly: 0,
    heapLate: 0,
    longest: { ms: 0, number: order.from },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<FuzzCount>((resolve) => {
      let last = -2;
      let since = performance.now();
      timer = setInterval(() => {
        const now = Atomics.load(place, 0);
        if (now !== last) [last, since] = [now, performance.now()];
        else if (performance.now() - since > (now < 0 ? HANG_MS : hangMs))
          resolve(failed(`no end after ${hangMs / 1000} s`));
      }, LOOK_MS);
      worker.once("message", resolve);
      worker.once("error", (error) => resolve(failed(String(error))));
      worker.once("exit", () => setImmediate(() => resolve(failed("the thread ended early"))));
    });
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
