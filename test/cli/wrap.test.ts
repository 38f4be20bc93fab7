import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { columnsOf } from "../../src/cli/terminal.ts";
import { wrap } from "../../src/cli/wrap.ts";

const SENTENCE = "  error  Session one in agent `coder` cannot run: process 42, which holds its lock, is gone.";

describe("lines on a terminal", () => {
  test.each([40, 60, 200])("break between words and stay within %i columns", (columns) => {
    const wide = `${SENTENCE} ${"and so on ".repeat(20)}end`;
    const lines = wrap(wide, columns).split("\n");
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.min(columns, 120));
    expect(lines.map((line) => line.trim()).join(" ")).toBe(wide.trim());
    for (const line of lines.slice(1)) expect(line).toMatch(/^ {4}\S/);
  });

  test("a path stays one word, so that it can be copied", () => {
    const path = `/home/me/${"deep/".repeat(20)}a.lock`;
    const lines = wrap(`moved ${path} away`, 60).split("\n");
    expect(lines).toEqual(["moved", `  ${path}`, "  away"]);
  });

  test("a command stays on one line, so that it can be copied", () => {
    const text = "9 notes that need no action, all of them: `openclaw-vitals --only host-hazard,x`";
    expect(wrap(text, 60).split("\n")).toEqual([
      "9 notes that need no action, all of them:",
      "  `openclaw-vitals --only host-hazard,x`",
    ]);
  });

  test("a diff and what fits are as they were", () => {
    const diff = `      -        "key": "${"a long value ".repeat(10)}"`;
    expect(wrap(diff, 60)).toBe(diff);
    expect(wrap("short\n\nlines\n", 60)).toBe("short\n\nlines\n");
  });

  test("a list of words and what they mean keeps its columns", () => {
    expect(wrap("  preflight --to <version>  Say whether it may be upgraded now", 60).split("\n")).toEqual([
      "  preflight --to <version>  Say whether it may be upgraded",
      "                            now",
    ]);
  });

  test("a line that is coloured as a whole keeps its indent", () => {
    const lines = wrap(`\u001b[2m  - ${"and so on ".repeat(8)}end\u001b[22m`, 60).split("\n");
    expect(lines.map((line) => stripVTControlCharacters(line))).toEqual([
      expect.stringMatching(/^ {2}- and/),
      expect.stringMatching(/^ {4}\S.*end$/),
    ]);
  });

  test("colours do not count", () => {
    expect(wrap("\u001b[31mred\u001b[39m and then some more words", 30).split("\n")).toHaveLength(1);
  });

  test("no terminal, nothing to fit into", () => {
    const stream = (isTTY: boolean) => ({ isTTY, columns: 60 }) as NodeJS.WriteStream;
    expect([columnsOf(stream(true)), columnsOf(stream(false))]).toEqual([60, undefined]);
    expect(wrap(SENTENCE, undefined)).toBe(SENTENCE);
  });
});
