import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isStartedBy } from "../../src/facts/process-parents.ts";
import { onLinux } from "../engine/sandbox.ts";
import { put, tempDir } from "./sandbox.ts";

/** A /proc with these processes and their parents. */
function table(parents: Readonly<Record<number, number>>): string {
  const root = tempDir();
  for (const [pid, parent] of Object.entries(parents))
    put(path.join(root, pid, "stat"), `${pid} (a (b) c) S ${parent} 1 1`);
  return root;
}

describe("whether a process was started by another", () => {
  const PARENTS = { 40: 30, 30: 20, 20: 1, 50: 50 };

  test.each([
    ["its parent", 40, true],
    ["the parent's parent", 30, true],
    ["one further up", 20, true],
    ["another", 77, false],
    ["the first process of all", 1, false],
  ])("%s: %s", (_, pid, expected) => {
    expect(isStartedBy(pid, 40, table(PARENTS))).toBe(expected);
  });

  test("a table that goes round ends", () => {
    expect(isStartedBy(7, 50, table(PARENTS))).toBe(false);
  });

  test("one that is gone in between ends it", () => {
    expect(isStartedBy(20, 99, table(PARENTS))).toBe(false);
  });

  test.skipIf(!onLinux)("for real, through a shell", () => {
    const module = fileURLToPath(new URL("../../src/facts/process-parents.ts", import.meta.url));
    const ask = `import("${module}").then(({ isStartedBy }) => console.log(isStartedBy(${process.pid}), isStartedBy(2)))`;
    const shell = `"${process.execPath}" --no-warnings -e '${ask}'; exit 0`;
    expect(execFileSync("/bin/sh", ["-c", shell], { encoding: "utf8" }).trim()).toBe("true false");
  });
});
