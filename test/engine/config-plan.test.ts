import path from "node:path";
import { describe, expect, test } from "vitest";
import { type ConfigChange, planConfigEdits } from "../../src/engine/config-plan.ts";
import { UserError } from "../../src/engine/errors.ts";
import { readConfigGraph } from "../../src/facts/config-graph.ts";
import { put, tempDir } from "../facts/sandbox.ts";

function plan(files: Record<string, string | Buffer>, ...changes: ConfigChange[]) {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) put(path.join(dir, name), text);
  const planned = planConfigEdits(readConfigGraph(path.join(dir, "openclaw.json"), {}), changes);
  return planned.map(({ file, ...rest }) => ({ ...rest, file: path.relative(dir, file), real: undefined }));
}

const SHARED = {
  "openclaw.json": "{ a: { $include: './x.json' }, b: { $include: './x.json' } }",
  "x.json": "{ n: 1 }",
};

describe("what to edit where", () => {
  test("by file, with paths within it, in the order of the changes", () => {
    const files = {
      "openclaw.json": "{ $include: './x.json', b: { n: 1 } }",
      "x.json": "{ a: { n: 1 }, b: { n: 2 } }",
    };
    const changes: ConfigChange[] = [
      { path: ["a", "n"], set: 5 },
      { path: ["b", "n"], remove: true, dropEmpty: true },
      { path: ["a", "m"], set: 6 },
    ];
    const drop = { path: ["b", "n"], remove: true, dropEmpty: true };
    const set = [{ path: ["a", "n"], set: 5 }, drop, { path: ["a", "m"], set: 6 }];
    expect(plan(files, ...changes)).toMatchObject([
      { file: "x.json", included: true, shared: false, edits: set },
      { file: "openclaw.json", included: false, shared: false, edits: [drop] },
    ]);
  });

  test("a file that is included twice is said to be shared", () => {
    expect(plan(SHARED, { path: ["b", "n"], set: 2 })).toMatchObject([{ file: "x.json", shared: true }]);
  });

  test("nothing for what is not there", () => {
    expect(plan(SHARED, { path: ["c", "n"], remove: true })).toEqual([]);
  });
});

test.each<[string, ConfigChange, RegExp]>([
  ["below a value", { path: ["a", "n", "x"], set: 1 }, /^a\.n\.x has no place/],
  ["in the place of a whole file", { path: ["a"], set: 1 }, /^a is a file of its own\.$/],
  ["of a whole file's content", { path: ["a"], remove: true }, /^a is a file of its own\.$/],
])("refuses a change %s", (_what, change, message) => {
  expect(() => plan(SHARED, change)).toThrow(message);
  expect(() => plan(SHARED, change)).toThrow(UserError);
});

test("a file with bytes that are no UTF-8 is left alone", () => {
  const files = {
    "openclaw.json": "{ a: { $include: './x.json' }, n: 1 }",
    "x.json": Buffer.from("{ /* \xe9 */ n: 1 }", "latin1"),
  };
  expect(() => plan(files, { path: ["a", "n"], set: 2 })).toThrow(/x\.json is not UTF-8 throughout\.$/);
  expect(plan(files, { path: ["n"], set: 2 })).toHaveLength(1);
});

test("nothing can be planned for a config with a problem", () => {
  expect(() => plan({ "openclaw.json": "{" }, { path: ["a"], set: 1 })).toThrow(
    /^a has no place in the config as it is\.$/,
  );
  expect(plan({ "openclaw.json": "{" }, { path: ["a"], remove: true })).toEqual([]);
});
