/** Long because each rule of includes, references and ownership is a case, as the host has them. */
import { linkSync, symlinkSync } from "node:fs";
import path from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { type ConfigGraph, formatPath, readConfigGraph } from "../../src/facts/config-graph.ts";
import { put, tempDir } from "./sandbox.ts";

const SECRET = "sk-planted-secret";
const posix = test.skipIf(process.platform === "win32");

function read(
  files: Record<string, string | Buffer>,
  env: NodeJS.ProcessEnv = {},
): { dir: string; graph: ConfigGraph } {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) put(path.join(dir, name), text);
  return { dir, graph: readConfigGraph(path.join(dir, "openclaw.json"), env) };
}

const INCLUDING = {
  "openclaw.json": `{
  // the rest is in other files
  $include: ["./base.json5", "./site/site.json5"],
  agents: { defaults: { timeoutSeconds: 60 }, list: [{ id: "own" }] },
}
`,
  "base.json5":
    "{\n  agents: {\n    defaults: { timeoutSeconds: 1, maxConcurrent: 2 },\n    list: [{ id: 'base' }] } }",
  "site/site.json5": "{ agents: { $include: 'agents.json5' } }",
  "site/agents.json5": "\uFEFF{ defaults: { runRetries: {\r\n  max: 160 } }, list: [{ id: 'site' }] }",
};

const documents = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom("$include", "__proto__", "constructor", "1", "\u2028")),
  fc.jsonValue({ maxDepth: 4 }),
);

property.prop([documents, fc.constantFrom(undefined, 2), fc.boolean()], { numRuns: 60 })(
  "a config that is taken as it is has the values it has when it is merged",
  (document, indent, deep) => {
    const text = JSON.stringify(document, null, indent);
    // As many brackets as are too many to be taken as it is.
    const long = text.replace(/\}$/, `${text.length > 4 ? "," : ""}"deep":[${"[],".repeat(250)}0]}`);
    const { dir, graph } = read({ "openclaw.json": deep ? long : text });
    if (graph.problem !== null) {
      expect(text, graph.problem.message).toContain("$include");
      return;
    }
    expect(graph.ownerOf([])?.raw).toEqual(graph.raw);
    expect(Object.keys(graph.raw)).not.toContain("__proto__");
    for (const key of Object.keys(graph.raw))
      expect(graph.ownerOf([key])).toMatchObject({ raw: graph.raw[key], file: path.join(dir, "openclaw.json") });
    expect(graph.notices).toEqual([]);
  },
);

test("a key that is given twice is noticed when somebody asks, and the last one counts", () => {
  const { graph } = read({ "openclaw.json": '{"a":1,"b":{"c":1,"c":2},"a":{"d":3}}' });
  expect(graph.raw).toEqual({ a: { d: 3 }, b: { c: 2 } });
  expect(graph.notices.map(({ message }) => /`(.*)`/.exec(message)?.[1])).toEqual(["a", "b.c"]);
  expect(graph.ownerOf(["a", "d"])).toMatchObject({ raw: 3, line: 1 });
});

describe("who owns a key", () => {
  test("file, line, column, the path within the file, and who else has it", () => {
    const { dir, graph } = read(INCLUDING);
    expect(graph.problem).toBeNull();
    expect(graph.ownerOf(["agents", "defaults", "runRetries", "max"])).toMatchObject({
      file: path.join(dir, "site/agents.json5"),
      line: 2,
      column: 3,
      path: ["defaults", "runRetries", "max"],
      included: true,
      shared: false,
      raw: 160,
      value: 160,
      alsoIn: [],
    });
    expect(graph.ownerOf(["agents", "defaults", "timeoutSeconds"])).toMatchObject({
      file: path.join(dir, "openclaw.json"),
      line: 4,
      column: 25,
      included: false,
      raw: 60,
      alsoIn: [{ file: path.join(dir, "base.json5"), line: 3, column: 17, included: true }],
    });
  });

  test("joined lists: each item in its own file, at its place there", () => {
    const { dir, graph } = read(INCLUDING);
    const owners = [0, 1, 2].map((index) => graph.ownerOf(["agents", "list", index, "id"]));
    expect(owners.map((owner) => [path.relative(dir, owner?.file ?? ""), owner?.path, owner?.raw])).toEqual([
      ["base.json5", ["agents", "list", 0, "id"], "base"],
      [path.join("site", "agents.json5"), ["list", 0, "id"], "site"],
      ["openclaw.json", ["agents", "list", 0, "id"], "own"],
    ]);
  });

  test("an object merged from several files has a place in each, the last word last", () => {
    const { dir, graph } = read(INCLUDING);
    const owner = graph.ownerOf(["agents", "defaults"]);
    expect(owner?.file).toBe(path.join(dir, "openclaw.json"));
    expect(owner?.alsoIn.map(({ file }) => path.relative(dir, file))).toEqual([
      "base.json5",
      path.join("site", "agents.json5"),
    ]);
    expect(owner?.raw).toEqual({ timeoutSeconds: 60, maxConcurrent: 2, runRetries: { max: 160 } });
  });

  test("nobody", () => {
    const { graph } = read(INCLUDING);
    for (const none of [
      ["x"],
      ["agents", "list", 3],
      ["agents", "list", "0"],
      ["agents", 0],
      ["toString"],
      ["$include"],
    ])
      expect(graph.ownerOf(none)).toBeNull();
  });

  test("a file that is included at two places is shared", () => {
    const { graph } = read({
      "openclaw.json": "{ a: { $include: './x.json' }, b: { $include: './x.json' }, c: { $include: './y.json' } }",
      "x.json": "{ n: 1 }",
      "y.json": "{ n: 1 }",
    });
    expect(["a", "b", "c"].map((key) => graph.ownerOf([key, "n"])?.shared)).toEqual([true, true, false]);
    expect(graph.files.map((file) => path.basename(file.path))).toEqual(["openclaw.json", "x.json", "y.json"]);
  });
});

describe("where to write", () => {
  test("at the owner's place, or in the file that has the last word on the object above", () => {
    const { dir, graph } = read(INCLUDING);
    const place = (...steps: (string | number)[]) => {
      const found = graph.placeFor(steps);
      return found && [path.relative(dir, found.file), found.path, found.exists];
    };
    expect(place("agents", "defaults", "maxConcurrent")).toEqual([
      "base.json5",
      ["agents", "defaults", "maxConcurrent"],
      true,
    ]);
    expect(place("agents", "defaults", "runRetries", "min")).toEqual([
      path.join("site", "agents.json5"),
      ["defaults", "runRetries", "min"],
      false,
    ]);
    expect(place("agents", "list", 1, "tools", "exec")).toEqual([
      path.join("site", "agents.json5"),
      ["list", 0, "tools", "exec"],
      false,
    ]);
    expect(place("cron", "retry")).toEqual(["openclaw.json", ["cron", "retry"], false]);
  });

  test("nowhere below a value, nor behind the end of a list", () => {
    const { graph } = read(INCLUDING);
    expect(graph.placeFor(["agents", "defaults", "timeoutSeconds", "x"])).toBeNull();
    expect(graph.placeFor(["agents", "list", 3])).toBeNull();
  });
});

describe("references to the environment", () => {
  const text = `{
    env: { vars: { OWN: "of the config", SHADOWED: "no", AGAIN: "\${OWN}" } },
    a: "\${GIVEN}-\${OWN}-\${SHADOWED}", b: "\${MISSING} \${EMPTY} \${AGAIN}", c: "$\${GIVEN} \${lower} $GIVEN", d: ["\${GIVEN}"],
  }`;

  test("stay what they are in the raw value, and are resolved as the host does in the other", () => {
    const { graph } = read({ "openclaw.json": text }, { GIVEN: "given", SHADOWED: "yes", EMPTY: "" });
    expect(graph.ownerOf(["a"])).toMatchObject({
      raw: "${" + "GIVEN}-${" + "OWN}-${" + "SHADOWED}",
      value: "given-of the config-yes",
      variables: ["GIVEN", "OWN", "SHADOWED"],
      unresolved: [],
    });
    expect(graph.ownerOf(["b"])).toMatchObject({
      value: "${" + "MISSING} ${" + "EMPTY} ${" + "AGAIN}",
      unresolved: ["MISSING", "EMPTY", "AGAIN"],
    });
    expect(graph.ownerOf(["c"])).toMatchObject({ value: "${" + "GIVEN} ${" + "lower} $GIVEN", variables: [] });
    expect(graph.ownerOf(["d"])).toMatchObject({ value: ["given"], variables: ["GIVEN"] });
    expect(graph.value).toMatchObject({ a: "given-of the config-yes" });
    expect(graph.raw).toMatchObject({ d: ["${" + "GIVEN}"] });
  });
});

describe("problems name file, line and remedy, and quote nothing", () => {
  test.each([
    [
      "broken text",
      { "openclaw.json": `{\n  token: "${SECRET}",\n  a: ${SECRET} }` },
      "openclaw.json",
      3,
      /not valid JSON5/,
    ],
    [
      "broken included text",
      { "openclaw.json": "{ $include: 'a.json' }", "a.json": `{\n "t" "${SECRET}" }` },
      "a.json",
      2,
      /not valid JSON5/,
    ],
    [
      "a missing file",
      { "openclaw.json": "{\n  agents: {\n    $include: './no.json' } }" },
      "openclaw.json",
      3,
      /cannot be read \(ENOENT\)/,
    ],
    [
      "a circle",
      { "openclaw.json": "{ $include: 'a.json' }", "a.json": "{\n x: { $include: 'openclaw.json' } }" },
      "a.json",
      2,
      /includes itself/,
    ],
    ["outside", { "openclaw.json": "{\n $include: '../x.json' }" }, "openclaw.json", 2, /outside the config folder/],
    ["a number", { "openclaw.json": "{ $include: 5 }" }, "openclaw.json", 1, /no file name/],
    [
      "a number in a list",
      { "openclaw.json": "{ $include: ['a.json', 5] }", "a.json": "{}" },
      "openclaw.json",
      1,
      /no file name/,
    ],
    [
      "keys beside a list",
      { "openclaw.json": "{ a: {\n $include: 'a.json', b: 1 } }", "a.json": "[]" },
      "openclaw.json",
      2,
      /no object/,
    ],
    [
      "not an object",
      { "openclaw.json": "{ $include: 'a.json' }", "a.json": `["${SECRET}"]` },
      "openclaw.json",
      null,
      /not an object/,
    ],
    ["a NUL in the name", { "openclaw.json": "{ $include: 'a\\0.json' }" }, "openclaw.json", 1, /cannot be read/],
    [
      "nested beyond reason",
      { "openclaw.json": `{ a: ${"[".repeat(300)}${"]".repeat(300)} }` },
      "openclaw.json",
      null,
      /nested too deeply/,
    ],
  ])("%s", (_what, files, file, line, message) => {
    const { dir, graph } = read(files as Record<string, string>);
    expect(graph).toMatchObject({ exists: true, raw: {}, value: {} });
    expect(graph.problem).toMatchObject({ file: path.join(dir, file), line, message: expect.stringMatching(message) });
    expect(graph.problem?.remedy).toMatch(/^[A-Z].*\.$/);
    expect(JSON.stringify(graph.problem)).not.toContain("planted");
    expect(graph.ownerOf(["a"])).toBeNull();
    expect(graph.placeFor(["a"])).toBeNull();
  });

  posix("a hard link is refused, as by the host", () => {
    const dir = tempDir();
    linkSync(put(path.join(dir, "a.json"), "{}"), path.join(dir, "b.json"));
    const file = put(path.join(dir, "openclaw.json"), "{ $include: './a.json' }");
    expect(readConfigGraph(file, {}).problem?.message).toMatch(/more than one hard link/);
  });

  posix("a link to a file already being read goes round in a circle, once around later than by name", () => {
    const dir = tempDir();
    put(path.join(dir, "a.json"), "{ x: { $include: './l.json' } }");
    symlinkSync("a.json", path.join(dir, "l.json"));
    const file = put(path.join(dir, "openclaw.json"), "{ $include: './a.json' }");
    expect(readConfigGraph(file, {}).problem?.message).toMatch(/includes itself$/);
  });

  test("more than the host takes in one included file", () => {
    const { graph } = read({ "openclaw.json": "{ $include: 'a.json' }", "a.json": `{}${" ".repeat(2_097_151)}` });
    expect(graph.problem?.message).toMatch(/is too large$/);
  });
});

describe("what is strange but no problem", () => {
  test("keys given twice, with the place of the later one", () => {
    const { dir, graph } = read({ "openclaw.json": "{\n  a: { b: 1,\n    'b': 2 },\n}" });
    expect(graph).toMatchObject({ problem: null, raw: { a: { b: 2 } } });
    expect(graph.notices).toMatchObject([{ file: path.join(dir, "openclaw.json"), line: 3, column: 5 }]);
    expect(graph.notices[0]?.message).toMatch(/gives `a\.b` more than once; the last one counts$/);
    expect(graph.ownerOf(["a", "b"])).toMatchObject({ line: 3 });
  });

  test("bytes that are no UTF-8, and a byte order mark", () => {
    const { graph } = read({ "openclaw.json": Buffer.from("{ /* caf\xe9 */ a: 1 }", "latin1") });
    expect(graph).toMatchObject({ problem: null, raw: { a: 1 }, files: [{ utf8: false, bom: false }] });
    expect(graph.notices[0]?.message).toMatch(/is not UTF-8 throughout$/);
    const marked = read({ "openclaw.json": "\uFEFF{ a: 1 }" }).graph;
    expect(marked).toMatchObject({ notices: [], files: [{ utf8: true, bom: true }] });
    expect(marked.ownerOf(["a"])).toMatchObject({ line: 1, column: 3 });
  });

  test("no file at all", () => {
    expect(read({}).graph).toMatchObject({ exists: false, problem: null, raw: {}, files: [] });
  });
});

posix("the config's folder counts as it is named, not where a link leads", () => {
  const dir = tempDir();
  put(path.join(dir, "real/c.json"), "{ $include: './beside.json' }");
  put(path.join(dir, "named/beside.json"), "{ a: 1 }");
  symlinkSync(path.join(dir, "real/c.json"), path.join(dir, "named/openclaw.json"));
  const graph = readConfigGraph(path.join(dir, "named/openclaw.json"), {});
  expect(graph).toMatchObject({ problem: null, raw: { a: 1 } });
  expect(graph.files[0]).toMatchObject({ real: path.join(dir, "real/c.json") });
});

test("paths as people write them", () => {
  expect(formatPath(["agents", "list", 0, "my-agent", "x y"])).toBe('agents.list[0].my-agent["x y"]');
  expect(formatPath([])).toBe("");
});
