import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ConfigChange } from "../../src/engine/config-plan.ts";

/**
 * One pair of `test/fixtures/config`: the files of a config before, those that are different after, and the changes
 * of the merged config that lead from one to the other.
 */
export interface GoldenCase {
  readonly name: string;
  readonly about: string;
  /** OpenClaw versions whose `config validate` accepts what comes out. */
  readonly hosts: readonly string[];
  readonly changes: readonly ConfigChange[];
  /** Lines taken away and added, by file; files that are looked at and left are there with none. */
  readonly lines: Readonly<Record<string, readonly [number, number]>>;
  readonly before: ReadonlyMap<string, Buffer>;
  readonly after: ReadonlyMap<string, Buffer>;
}

const FOLDER = fileURLToPath(new URL("../fixtures/config/", import.meta.url));

export function goldenCases(): GoldenCase[] {
  return readdirSync(FOLDER).map((name) => {
    const described = JSON.parse(readFileSync(path.join(FOLDER, name, "case.json"), "utf8"));
    return { name, ...described, before: filesIn(name, "before"), after: filesIn(name, "after") };
  });
}

function filesIn(name: string, side: "before" | "after"): Map<string, Buffer> {
  const folder = path.join(FOLDER, name, side);
  const found = readdirSync(path.join(FOLDER, name)).includes(side)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
    : [];
  const files = found.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [path.relative(folder, file).split(path.sep).join("/"), readFileSync(file)]));
}
