import { expect, test } from "vitest";
import { configDiff } from "../../src/engine/config-diff.ts";
import { editConfigText } from "../../src/engine/config-edit.ts";
import type { ConfigPath } from "../../src/facts/config-file.ts";

function lines(before: string, after: string, ...paths: ConfigPath[]): string[] {
  return configDiff("openclaw.json", before, after, paths).unifiedDiff?.split("\n") ?? [];
}

test("one line of a whole config shows the key that changes and nothing else of it", () => {
  const before = '{"token":"planted","pin":4711,"agents":{"max":160}} // planted';
  const after = before.replace("160", "32");
  expect(lines(before, after, ["agents", "max"])).toEqual([
    "--- openclaw.json",
    "+++ openclaw.json",
    "@@ -1 +1 @@",
    '-…"max":160…',
    '+…"max":32…',
    "",
  ]);
});

test("texts and comments within a removed object are hidden, also over several lines", () => {
  const before =
    "{\n  retry: {\n    on: ['planted'], /* planted\n    planted */ n: 3,\n    why: 'planted\\\nplanted',\n  },\n  b: 1,\n}";
  const { text } = editConfigText(before, [{ path: ["retry"], remove: true }]);
  expect(lines(before, text, ["retry"]).slice(2)).toEqual([
    "@@ -2,6 +1,0 @@",
    "-  retry: {",
    "-    on: […], …",
    "-    … n: 3,",
    "-    why: …",
    "-…,",
    "-  },",
    "",
  ]);
});

test("objects made on the way are shown, those that were there are not", () => {
  const before = '{\n  "agents": { "pin": 4711 }\n}\n';
  const path = ["agents", "defaults", "n"];
  const { text } = editConfigText(before, [{ path, set: 1 }]);
  expect(lines(before, text, path).slice(3, 5)).toEqual(["-  …", '+  … "defaults": { "n": 1 } …']);
});

test("when an item goes, numbers of others cannot be told from its own: all is hidden", () => {
  const before = "{ l: [{ n: 1 }, { n: 4711 }] }";
  const { text } = editConfigText(before, [{ path: ["l", 0], remove: true }]);
  expect(lines(before, text, ["l", 0, "n"], ["l", 0]).slice(3)).toEqual(["-…", "+…", ""]);
});

test("no change, no diff", () => {
  expect(configDiff("x", "{}", "{}", [["a"]])).toEqual({ kind: "config", path: "x", unifiedDiff: "" });
});
