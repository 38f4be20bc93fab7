import { mkdirSync, symlinkSync, truncateSync } from "node:fs";
import path from "node:path";
import { x } from "tinyexec";
import { describe, expect, test } from "vitest";
import { configFacts, configValue } from "../../src/facts/config.ts";
import { readConfigGraph } from "../../src/facts/config-graph.ts";
import { put, tempDir } from "./sandbox.ts";

const SECRET = "sk-planted-secret";
const posix = test.skipIf(process.platform === "win32");

function readConfig(file: string, env: NodeJS.ProcessEnv) {
  return configFacts(readConfigGraph(file, env));
}

/** Writes the files into one folder and reads `openclaw.json` there. */
function read(files: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) put(path.join(dir, name), text);
  return { dir, config: readConfig(path.join(dir, "openclaw.json"), env) };
}

describe("the text", () => {
  test("JSON5 with comments, behind a byte order mark", () => {
    const { config } = read({ "openclaw.json": "\uFEFF{ // why\n session: { store: 'x', }, /* and */ n: +1, }" });
    expect(config).toMatchObject({ exists: true, problem: null, value: { session: { store: "x" }, n: 1 } });
  });

  test("missing", () => {
    expect(read({}).config).toMatchObject({ exists: false, value: {}, problem: null });
  });

  test.each([
    ["half written", `{ "token": "${SECRET}", "a": `, /is not valid JSON5 \(line 1, column \d+\)$/],
    ["a stray word", `{\n  "token": ${SECRET} }`, /is not valid JSON5 \(line 2, column \d+\)$/],
    ["empty", "", /is not valid JSON5 \(line 1, column 1\)$/],
    ["a string", `"${SECRET}"`, /is not an object$/],
    ["an array", `["${SECRET}"]`, /is not an object$/],
    ["null", "null", /is not an object$/],
  ])("%s is one sentence with the place, and quotes nothing", (_what, text, problem) => {
    const { dir, config } = read({ "openclaw.json": text });
    expect(config).toMatchObject({ exists: true, value: {}, problem: expect.stringMatching(problem) });
    expect(config.problem).toContain(path.join(dir, "openclaw.json"));
    expect(JSON.stringify(config)).not.toContain("planted");
  });

  test("nested beyond all reason", () => {
    expect(read({ "openclaw.json": "[".repeat(200_000) }).config.problem).toMatch(/cannot be read|is not valid JSON5/);
  });

  test("a directory in its place", () => {
    const dir = tempDir();
    mkdirSync(path.join(dir, "openclaw.json"));
    expect(readConfig(path.join(dir, "openclaw.json"), {}).problem).toMatch(/is not a regular file$/);
  });

  posix("a FIFO in its place does not block", async () => {
    const file = path.join(tempDir(), "openclaw.json");
    await x("mkfifo", [file]);
    expect(readConfig(file, {}).problem).toMatch(/is not a regular file$/);
  });

  test("2 GB are not read", () => {
    const file = put(path.join(tempDir(), "openclaw.json"), "{}");
    truncateSync(file, 2 ** 31);
    expect(readConfig(file, {}).problem).toMatch(/is too large$/);
  });

  posix("a link is followed, a loop of links is a problem", () => {
    const dir = tempDir();
    put(path.join(dir, "real", "c.json"), '{ $include: "./beside.json" }');
    put(path.join(dir, "beside.json"), "{ a: 1 }"); // beside the link: the host looks there, too
    symlinkSync(path.join(dir, "real", "c.json"), path.join(dir, "openclaw.json"));
    expect(readConfig(path.join(dir, "openclaw.json"), {})).toMatchObject({ problem: null, value: { a: 1 } });
    symlinkSync("loop.json", path.join(dir, "loop.json"));
    expect(readConfig(path.join(dir, "loop.json"), {})).toMatchObject({
      exists: true,
      problem: expect.stringMatching(/cannot be read \(ELOOP\)$/),
    });
  });
});

describe("$include", () => {
  test("one file, several, nested, in any depth; the including file wins", () => {
    const { config } = read({
      "openclaw.json": `{
        $include: ["a.json", "sub/b.json"],
        session: { store: "own" },
        agents: { $include: "./agents.json5", defaults: { n: 3 } },
      }`,
      "a.json": "{ session: { store: 'a', other: 'kept' }, only: 'a', list: [1] }",
      "sub/b.json": "{ $include: './c.json', only: 'b', list: [2] }",
      "sub/c.json": "{ deep: true, only: 'c' }",
      "agents.json5": "{ defaults: { n: 1, m: 2 }, list: [{ id: 'x' }] }",
    });
    expect(config).toMatchObject({ problem: null });
    expect(config.value).toEqual({
      session: { store: "own", other: "kept" },
      only: "b",
      list: [1, 2],
      deep: true,
      agents: { defaults: { n: 3, m: 2 }, list: [{ id: "x" }] },
    });
  });

  test("within an array", () => {
    const { config } = read({ "openclaw.json": "{ l: [{ $include: 'a.json' }, 2] }", "a.json": "{ id: 1 }" });
    expect(config.value).toEqual({ l: [{ id: 1 }, 2] });
  });

  test("outside the config's folder is refused, by path or by link, unless it is allowed", () => {
    const outside = tempDir();
    const secret = put(path.join(outside, "x.json"), `{ a: "${SECRET}" }`);
    for (const target of [secret, path.join("..", path.basename(outside), "x.json")]) {
      const { config } = read({ "openclaw.json": JSON.stringify({ $include: target }) });
      expect(config).toMatchObject({ value: {}, problem: expect.stringMatching(/from outside the config folder$/) });
    }
    const env = { OPENCLAW_INCLUDE_ROOTS: [" ", outside].join(path.delimiter) };
    expect(read({ "openclaw.json": JSON.stringify({ $include: secret }) }, env).config.problem).toBeNull();
  });

  test("a folder that only begins with the same name is outside", () => {
    const dir = tempDir();
    put(path.join(dir, "conf", "openclaw.json"), '{ $include: "../conf-other/x.json" }');
    put(path.join(dir, "conf-other", "x.json"), "{}");
    expect(readConfig(path.join(dir, "conf", "openclaw.json"), {}).problem).toMatch(/from outside/);
  });

  posix("a link out of the folder is refused; an allowed root may itself be a link", () => {
    const outside = tempDir();
    put(path.join(outside, "x.json"), "{ a: 1 }");
    const dir = tempDir();
    symlinkSync(outside, path.join(dir, "link"));
    const file = put(path.join(dir, "openclaw.json"), '{ $include: "./link/x.json" }');
    expect(readConfig(file, {}).problem).toMatch(/from outside/);
    expect(readConfig(file, { OPENCLAW_INCLUDE_ROOTS: path.join(dir, "link") })).toMatchObject({
      problem: null,
      value: { a: 1 },
    });
  });

  test("itself, alone or in a circle", () => {
    expect(read({ "openclaw.json": '{ $include: "openclaw.json" }' }).config.problem).toMatch(/includes itself$/);
    const circle = read({
      "openclaw.json": '{ $include: "a.json" }',
      "a.json": '{ x: { $include: "openclaw.json" } }',
    });
    expect(circle.config.problem).toMatch(/includes itself$/);
  });

  test("the same file twice side by side is no circle", () => {
    const { config } = read({
      "openclaw.json": '{ a: { $include: "x.json" }, b: { $include: "x.json" } }',
      "x.json": "{}",
    });
    expect(config.problem).toBeNull();
  });

  test("ten files within the first, not eleven", () => {
    const chain = (depth: number) =>
      Object.fromEntries(
        Array.from({ length: depth }, (_, n) => [
          n === 0 ? "openclaw.json" : `${n}.json`,
          n === depth - 1 ? "{ end: true }" : `{ $include: "${n + 1}.json" }`,
        ]),
      );
    expect(read(chain(11)).config).toMatchObject({ problem: null, value: { end: true } });
    expect(read(chain(12)).config.problem).toMatch(/nested too deeply$/);
  });

  test("a broken or missing included file is named", () => {
    const broken = read({ "openclaw.json": '{ $include: "a.json" }', "a.json": `{ "t": "${SECRET}" ` });
    expect(broken.config.problem).toBe(`${path.join(broken.dir, "a.json")} is not valid JSON5 (line 1, column 28)`);
    const missing = read({ "openclaw.json": '{ $include: "a.json" }' });
    expect(missing.config).toMatchObject({
      exists: true,
      problem: `${path.join(missing.dir, "a.json")}, which is included, cannot be read (ENOENT)`,
    });
  });

  test("__proto__ reaches no prototype", () => {
    const { config } = read({
      "openclaw.json": '{ $include: "a.json", a: {} }',
      "a.json": '{ "__proto__": { "bad": 1 }, a: { "__proto__": { "bad": 1 } } }',
    });
    expect(configValue(config, "bad")).toBeUndefined();
    expect(configValue(config, "a.bad")).toBeUndefined();
    expect(({} as { bad?: unknown }).bad).toBeUndefined();
  });
});

test("configValue finds own values only", () => {
  const { config } = read({ "openclaw.json": "{ a: { b: [{ c: 1 }], n: null } }" });
  expect(configValue(config, "a.b")).toEqual([{ c: 1 }]);
  expect(configValue(config, "a.n")).toBeNull();
  for (const none of ["a.x", "a.n.x", "a.b.0", "a.b.length", "toString", "a.constructor.name"])
    expect(configValue(config, none)).toBeUndefined();
});
