import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { quantile } from "../src/engine/baseline-statistics.ts";

/** A whole process that is timed. Its output is thrown away by the kernel, so that no reader is measured with it. */
export interface Program {
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Exit codes that mean that it did its work; default 0 and 1. */
  readonly codes?: readonly number[];
  /** Done before each of its runs, not measured. */
  prepare?(): void | Promise<void>;
}

/** Of a sample: its middle, and where its middle half lies. */
export interface Spread {
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
}

/** One figure: a program against a reference that ran right before or after it. */
export interface Figure {
  readonly name: string;
  readonly subject: string;
  readonly reference: string;
  /** Milliseconds of wall clock, whole processes. */
  readonly subjectMs: Spread;
  readonly referenceMs: Spread;
  /** Of the pairs: how many times the reference. */
  readonly ratio: Spread;
  readonly pairs: number;
  /** What the ratio should be at most; absent for figures that only inform. */
  readonly limit?: number;
  /** Whether the median keeps to it; absent without a limit. */
  readonly holds?: boolean;
}

/** Runs a program once. @returns milliseconds from start to end. @throws with what it wrote when it failed. */
export async function timed(program: Program): Promise<number> {
  await program.prepare?.();
  const nothing = openSync("/dev/null", "w");
  try {
    return await new Promise((resolve, reject) => {
      const began = performance.now();
      const child = spawn(process.execPath, ["--no-warnings", ...program.args], {
        env: program.env ?? { PATH: process.env["PATH"] },
        stdio: ["ignore", nothing, "pipe"],
      });
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-2_000);
      });
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        const ms = performance.now() - began;
        if ((program.codes ?? [0, 1]).includes(code ?? -1)) resolve(ms);
        else reject(new Error(`${program.args.join(" ")} ended with ${code ?? signal}: ${said}`));
      });
    });
  } finally {
    closeSync(nothing);
  }
}

/**
 * Runs both in turn, each pair in the other order than the one before, so that a slow moment of the machine strikes
 * both. One run of each comes first and does not count.
 */
export async function compare(
  about: Pick<Figure, "name" | "subject" | "reference" | "limit">,
  subject: Program,
  reference: Program,
  pairs: number,
): Promise<Figure> {
  const [subjects, references, ratios]: [number[], number[], number[]] = [[], [], []];
  await timed(subject);
  await timed(reference);
  for (let pair = 0; pair < pairs; pair += 1) {
    const first = pair % 2 === 0 ? subject : reference;
    const [a, b] = [await timed(first), await timed(first === subject ? reference : subject)];
    const [ours, theirs] = first === subject ? [a, b] : [b, a];
    subjects.push(ours);
    references.push(theirs);
    ratios.push(ours / theirs);
  }
  const ratio = spread(ratios);
  return {
    ...about,
    subjectMs: spread(subjects),
    referenceMs: spread(references),
    ratio,
    pairs,
    ...(about.limit === undefined ? {} : { holds: ratio.median <= about.limit }),
  };
}

export function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), q1: quantile(values, 0.25), q3: quantile(values, 0.75) };
}
