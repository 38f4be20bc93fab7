/** Which bytes a case of the run has: told by seed and number alone, so that each can be had again. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { CONTROLS } from "./controls.ts";
import { mutate } from "./mutate.ts";
import { randomOf } from "./random.ts";
import type { Made, Reader } from "./reader.ts";
import { FILE_READERS } from "./readers-file.ts";
import { lockPayload } from "./readers-lock.ts";
import { SMALL_READERS } from "./readers-small.ts";
import { TEXT_READERS } from "./readers-text.ts";

export const READERS: readonly Reader[] = [lockPayload, ...TEXT_READERS, ...FILE_READERS, ...SMALL_READERS];

/** A reader, or a control, by its name. @throws when there is none. */
export function readerNamed(name: string): Reader {
  const found = [...READERS, ...CONTROLS].find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`there is no reader "${name}", only ${READERS.map((one) => one.name).join(", ")}`);
  return found;
}

/** Texts that are made at once, as making them is slow; each serves several cases. */
const POOL = 64;
const CASES_PER_POOL = 2_048;

export interface Case {
  readonly bytes: Buffer;
  /** What it says, where it is a text that is valid; undefined where nobody knows. */
  readonly says?: unknown;
}

/** The case with this number, from 0. */
export type CaseMaker = (number: number) => Case;

export function casesOf(reader: Reader, seed: number): CaseMaker {
  const salt = [...reader.name].reduce((sum, char) => (Math.imul(sum, 31) + (char.codePointAt(0) ?? 0)) | 0, seed);
  let pool: readonly Made[] = [];
  let texts: readonly Buffer[] = [];
  let poolOf = -1;
  return (number) => {
    const nth = Math.floor(number / CASES_PER_POOL);
    if (nth !== poolOf) {
      pool = fc.sample(reader.made, { seed: salt ^ nth, numRuns: POOL });
      texts = [...reader.samples, ...pool.map(({ text }) => Buffer.from(text))];
      poolOf = nth;
    }
    const random = randomOf(salt, number);
    if (random.once(8)) {
      const { text, says } = random.pick(pool);
      return { bytes: Buffer.from(text), says };
    }
    return { bytes: mutate(random.pick(texts), random, texts) };
  };
}

/** Reads a case. @returns whether it was read or refused. @throws when the reader breaks its word. */
export async function readCase(reader: Reader, { bytes, says }: Case, dir: string): Promise<"read" | "refused"> {
  const came = await reader.read(bytes, dir);
  if (says !== undefined) {
    assert.ok(came !== null, "a text that is valid was refused");
    assert.deepStrictEqual(came.says, says);
  }
  return came === null ? "refused" : "read";
}
