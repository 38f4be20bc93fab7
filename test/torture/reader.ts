/** What a reader under torture is, and what holds for each of them. */
import { strict as assert } from "node:assert";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type fc from "fast-check";

/** A text that is valid, and what its reader must make of it; compared deeply. */
export interface Made {
  readonly text: string;
  readonly says: unknown;
}

export interface Reader {
  readonly name: string;
  /** Of a thousand cases. */
  readonly share: number;
  /** Files and lines as hosts and we ourselves left them. */
  readonly samples: readonly Buffer[];
  /** Larger ones it refuses unread; without it they are larger than any that is measured. */
  readonly maxBytes?: number;
  readonly made: fc.Arbitrary<Made>;
  /**
   * Reads, and asserts what must hold whatever was read. `null`: refused in the way its contract allows.
   * @throws for anything that must not happen.
   */
  read(bytes: Buffer, dir: string): Promise<{ readonly says: unknown } | null> | { readonly says: unknown } | null;
}

const FIXTURES = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** Recorded files, e.g. `stale-lock`, whose names match. */
export function fixtures(folder: string, name = /./): Buffer[] {
  const dir = path.join(FIXTURES, folder);
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)));
}

/** Each line of these files. */
export function lines(files: readonly Buffer[]): Buffer[] {
  return files.flatMap((file) =>
    file
      .toString("utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => Buffer.from(line)),
  );
}

/**
 * Nothing in it has a prototype that a text chose, no number is one that JSON cannot say, and the prototype of all
 * objects is as it was.
 */
export function assertSound(value: unknown, { finite = true } = {}): void {
  assert.equal(({} as { polluted?: unknown }).polluted, undefined, "the prototype of all objects was changed");
  const queue: unknown[] = [value];
  for (let one = queue.pop(); one !== undefined || queue.length > 0; one = queue.pop()) {
    if (typeof one === "number" && finite) assert.ok(Number.isFinite(one), `a number that is ${one}`);
    if (typeof one !== "object" || one === null || Buffer.isBuffer(one)) continue;
    if (one instanceof Map) queue.push(...one.values());
    else {
      const prototype: unknown = Object.getPrototypeOf(one);
      const known = prototype === Object.prototype || prototype === Array.prototype || prototype === null;
      assert.ok(known || !Object.hasOwn(prototype as object, "polluted"), "a prototype came out of a text");
      for (const key of Object.keys(one)) queue.push((one as Record<string, unknown>)[key]);
    }
  }
}

/** Writes a file of a case, and its folder the first time. @returns its path. */
export function put(file: string, bytes: string | Buffer): string {
  try {
    writeFileSync(file, bytes);
  } catch {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return file;
}
