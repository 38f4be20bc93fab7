import path from "node:path";
import { describe, expect, test } from "vitest";
import { configDiff } from "../../src/engine/config-diff.ts";
import { editConfigText } from "../../src/engine/config-edit.ts";
import { planConfigEdits } from "../../src/engine/config-plan.ts";
import { hunksOf } from "../../src/engine/line-diff.ts";
import { readConfigGraph } from "../../src/facts/config-graph.ts";
import { put, tempDir } from "../facts/sandbox.ts";
import { type GoldenCase, goldenCases } from "./config-golden.ts";

const cases = goldenCases();

test("there are at least forty pairs", () => {
  expect(cases.length).toBeGreaterThanOrEqual(40);
});

describe.each(cases)("$name: $about", (golden) => {
  test("comes out to the byte, and no other file is touched", () => {
    const changed = edited(golden).results.filter((result) => result.changed);
    expect(changed.map(({ name }) => name).sort()).toEqual([...golden.after.keys()].sort());
    for (const { name, text } of changed) expect(Buffer.from(text).equals(bytesOf(golden, name)), text).toBe(true);
  });

  test("changes only the lines it should", () => {
    const lines = edited(golden).results.map(({ name, before, text }) => {
      const hunks = hunksOf(before.split(/\r\n|\n|\r/), text.split(/\r\n|\n|\r/));
      const sum = (key: "removed" | "added") => hunks.reduce((total, hunk) => total + hunk[key], 0);
      return [name, [sum("removed"), sum("added")]];
    });
    expect(Object.fromEntries(lines)).toEqual(golden.lines);
  });

  test("means what was wanted, in the merged config", () => {
    const { dir, results } = edited(golden);
    for (const { name, text } of results) put(path.join(dir, name), text);
    const after = readConfigGraph(path.join(dir, "openclaw.json"), {});
    expect(after.problem).toBeNull();
    for (const change of golden.changes)
      expect(after.ownerOf(change.path)?.raw).toBe("set" in change ? change.set : undefined);
  });

  test("shows its change without a secret, a text or a comment", () => {
    for (const { name, before, text, edits, changed } of edited(golden).results) {
      const paths = edits.map((edit) => edit.path);
      const { unifiedDiff = "" } = configDiff(name, before, text, paths);
      expect(unifiedDiff).not.toMatch(/planted|\/\/|\/\*|\$\{|local|UTC/);
      expect(unifiedDiff !== "").toBe(changed);
    }
  });
});

function edited(golden: GoldenCase) {
  const dir = tempDir();
  for (const [name, bytes] of golden.before) put(path.join(dir, name), bytes);
  const graph = readConfigGraph(path.join(dir, "openclaw.json"), {});
  expect(graph.problem).toBeNull();
  const results = planConfigEdits(graph, golden.changes).map(({ file, edits }) => {
    const name = path.relative(dir, file).split(path.sep).join("/");
    const before = String(golden.before.get(name));
    return { name, before, edits, ...editConfigText(before, edits) };
  });
  return { dir, results };
}

function bytesOf(golden: GoldenCase, name: string): Buffer {
  return golden.after.get(name) ?? Buffer.alloc(0);
}
