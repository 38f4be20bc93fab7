import fc from "fast-check";
import { expect, test } from "vitest";
import { type Hunk, hunksOf } from "../../src/engine/line-diff.ts";

const lines = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 });

test("the hunks lead from one text to the other, and say nothing needless", () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const hunks = hunksOf(before, after);
      expect(applied(before, after, hunks)).toEqual(after);
      const changes = hunks.reduce((sum, hunk) => sum + hunk.removed + hunk.added, 0);
      expect(changes).toBe(before.length + after.length - 2 * longestCommon(before, after));
    }),
    { numRuns: 2_000 },
  );
});

test("far apart changes are two hunks", () => {
  const before = Array.from({ length: 5_000 }, (_, n) => `line ${n}`);
  const after = before.with(10, "new").toSpliced(4_000, 1);
  expect(hunksOf(before, after)).toEqual([
    { from: 10, to: 10, removed: 1, added: 1 },
    { from: 4_000, to: 4_000, removed: 1, added: 0 },
  ]);
});

test("the same text has none", () => {
  expect(hunksOf(["a"], ["a"])).toEqual([]);
  expect(hunksOf([], [])).toEqual([]);
});

function applied(before: readonly string[], after: readonly string[], hunks: readonly Hunk[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const { from, to, removed, added } of hunks) {
    result.push(...before.slice(at, from), ...after.slice(to, to + added));
    at = from + removed;
  }
  return [...result, ...before.slice(at)];
}

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const one of a) {
    const next = [0];
    for (const [j, other] of b.entries())
      next.push(one === other ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    row = next;
  }
  return row.at(-1) ?? 0;
}
