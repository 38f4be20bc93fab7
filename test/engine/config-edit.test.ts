import { describe, expect, test } from "vitest";
import { type ConfigEdit, editConfigText } from "../../src/engine/config-edit.ts";
import { UserError } from "../../src/engine/errors.ts";

function edited(text: string, ...edits: ConfigEdit[]): string {
  return editConfigText(text, edits).text;
}

describe("set", () => {
  test.each([
    [
      "an object key by key, so that comments and order stay",
      "{ a: { x: 1, /* y */ y: 2, z: 3 } }",
      { y: 5, x: 1, w: null },
      "{ a: { x: 1, /* y */ y: 5, w: null } }",
    ],
    [
      "an object in the place of a value",
      "{\n  a: 1,\n}",
      { x: [1, "it's"], y: {} },
      `{\n  a: {\n    x: [1, "it's"],\n    y: {},\n  },\n}`,
    ],
    ["a text, quoted as the others", "{ b: 'x', a: 1 }", 'it\'s "so"', `{ b: 'x', a: 'it\\'s "so"' }`],
    ["a text with a line separator", '{"a":1}', "\u2028", '{"a":"\\u2028"}'],
    [
      "a list",
      "{\n\ta: [1], // x\n}",
      [{ id: "x" }, {}],
      '{\n\ta: [\n\t\t{\n\t\t\tid: "x",\n\t\t},\n\t\t{},\n\t], // x\n}',
    ],
    ["nothing new", "{ a: 0x10 }", 16, "{ a: 0x10 }"],
  ])("%s", (_what, text, set, result) => {
    expect(edited(text, { path: ["a"], set })).toBe(result);
  });

  test("a key that is no word is quoted; one on a line with a comment gets a line of its own", () => {
    expect(edited("{ a: 1 // x\n}", { path: ["b-c"], set: true })).toBe('{ a: 1, // x\n  "b-c": true\n}');
  });

  test("an item behind the last one, and in an empty list", () => {
    expect(edited("[1, 2]", { path: [2], set: 3 })).toBe("[1, 2, 3]");
    expect(edited("{ a: [] }", { path: ["a", 0], set: 3 })).toBe("{ a: [3] }");
  });

  test("several edits at once, each on what the one before has left", () => {
    const edits: ConfigEdit[] = [
      { path: ["a", "b"], set: 1 },
      { path: ["a", "b"], remove: true, dropEmpty: true },
      { path: ["c"], set: 2 },
    ];
    expect(edited("{}", ...edits)).toBe('{ "c": 2 }');
  });
});

describe("refused, with nothing changed", () => {
  test.each<[string, string, ConfigEdit, RegExp]>([
    ["text that is no JSON5", "{ a: sk-planted }", { path: ["a"], set: 1 }, /not valid JSON5/],
    [
      "a reference to the environment",
      "{ a: '${" + "X}' }",
      { path: ["a"], set: 1 },
      /a takes its value from the environment/,
    ],
    ["a reference within", "{ a: ['x-${" + "X}'] }", { path: ["a"], set: [] }, /from the environment/],
    [
      "a value in the way",
      "{ a: { b: 'sk-planted' } }",
      { path: ["a", "b", "c"], set: 1 },
      /a\.b does not have the shape/,
    ],
    ["a list in the way", "{ a: [] }", { path: ["a", "b"], set: 1 }, /a does not have the shape/],
    ["a hole in a list", "{ a: [] }", { path: ["a", 1], set: 1 }, /a does not have the shape/],
    ["a list that would have to be made", "{}", { path: ["a", 0], set: 1 }, /the config does not have the shape/],
  ])("%s", (_what, text, edit, message) => {
    expect(() => edited(text, edit)).toThrow(message);
    expect(() => edited(text, edit)).toThrow(UserError);
    expect(() => edited(text, edit)).not.toThrow(/planted/);
  });

  test("an escaped reference is a text like any other", () => {
    expect(edited("{ a: '$${" + "X}' }", { path: ["a"], set: 1 })).toBe("{ a: 1 }");
  });
});

describe("remove", () => {
  test.each<[string, string, ConfigEdit["path"], string]>([
    ["the only one", "{ a: 1 }", ["a"], "{}"],
    ["the last without a comma", "{ b: 1, a: 2 }", ["a"], "{ b: 1 }"],
    ["the first", "{ a: 1, b: 2 }", ["a"], "{ b: 2 }"],
    [
      "one with a comment of another beside it",
      "{ b: 1, /* b */ a: 2, /* c */ c: 3 }",
      ["a"],
      "{ b: 1, /* b */ /* c */ c: 3 }",
    ],
    [
      "whole lines with the comment behind",
      "{\n  a: [\n    1,\n  ], // a\n  // b\n  b: 1,\n}",
      ["a"],
      "{\n  // b\n  b: 1,\n}",
    ],
    [
      "lines, but not a comment that goes on",
      "{\n  a: 1, /* b\n  b */\n  b: 1\n}",
      ["a"],
      "{\n  /* b\n  b */\n  b: 1\n}",
    ],
    ["an item", "{ l: [1, 2, 3] }", ["l", 1], "{ l: [1, 3] }"],
    ["what is not there", "{ b: 1 }", ["a", "c"], "{ b: 1 }"],
    ["of a text, nothing", "{ a: 'x' }", ["a", 0], "{ a: 'x' }"],
  ])("%s", (_what, text, path, result) => {
    expect(editConfigText(text, [{ path, remove: true }])).toEqual({ text: result, changed: result !== text });
  });

  test("a reference may go with its key", () => {
    expect(edited("{ a: '${" + "X}', b: 1 }", { path: ["a"], remove: true })).toBe("{ b: 1 }");
  });

  test("empty objects above go when asked, not those with comments, other keys or a namesake", () => {
    const drop = (text: string) => edited(text, { path: ["a", "b", "c"], remove: true, dropEmpty: true });
    expect(drop("{ a: { b: { c: 1 } }, d: 1 }")).toBe("{ d: 1 }");
    expect(drop("{ a: { b: { c: 1 } /* x */ }, d: 1 }")).toBe("{ a: { /* x */ }, d: 1 }");
    expect(drop("{ a: { b: { c: 1 }, e: 1 } }")).toBe("{ a: { e: 1 } }");
    expect(drop("{ a: { e: 1 }, a: { b: { c: 1 } } }")).toBe("{ a: { e: 1 }, a: {} }");
  });
});
