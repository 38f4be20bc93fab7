import { readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { packageFile } from "../../src/package.ts";
import { cli } from "../cli/terminal.ts";
import { brokenState, put, tempDir } from "../facts/sandbox.ts";

const HOST = ["--host-version", "2026.5.22"];

/** The schema is of draft 4, of which ajv knows all that this one uses but the name of its id. */
function validator() {
  const {
    id: _id,
    $schema: _draft,
    ...schema
  } = JSON.parse(readFileSync(packageFile("test/fixtures/sarif/schema-2.1.0.json"), "utf8")) as Record<string, unknown>;
  const formats = {
    uri: (text: string) => URL.canParse(text),
    "uri-reference": (text: string) => URL.canParse(text, "file:///") && !/[\s\\]/.test(text),
    "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  };
  return new Ajv({ strict: false, unicodeRegExp: false, allErrors: true, formats }).compile(schema);
}

async function sarif(stateDir: string, env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await cli(["check", "--format", "sarif", "--state-dir", stateDir, ...HOST], env);
  expect(stderr).toBe("");
  expect(stdout.trimEnd()).not.toContain("\n");
  // biome-ignore lint/suspicious/noExplicitAny: the document is what the tests look into
  return { code, log: JSON.parse(stdout) as any };
}

const validate = validator();

function configured(text: string, more: Record<string, string> = {}): string {
  const stateDir = path.join(tempDir(), ".openclaw");
  put(path.join(stateDir, "openclaw.json"), text);
  for (const [name, content] of Object.entries(more)) put(path.join(stateDir, name), content);
  return stateDir;
}

describe("SARIF", () => {
  test("the schema refuses what is not SARIF", () => {
    expect(validate({ version: "2.1.0", runs: [{}] })).toBe(false);
    expect(validate({ version: "2.1.0", runs: [{ tool: { driver: { name: "x" } }, results: [{}] }] })).toBe(false);
  });

  test.each([
    ["nothing found", () => configured("{}"), 0],
    ["locks", () => brokenState(["a b", "ü%"]).stateDir, 1],
    ["a config that cannot be read", () => configured("{ a: [ }"), 1],
  ])("%s is valid", async (_, make, code) => {
    const made = await sarif(make());
    validate(made.log);
    expect(validate.errors ?? []).toEqual([]);
    expect(made.code).toBe(code);
  });

  test("a finding about the config names file and line, of an included file too", async () => {
    const main = `{\n  $include: "./channels.json5",\n  agents: {\n    defaults: {\n      runRetries: { min: 64, max: 99 },\n    },\n  },\n}`;
    const stateDir = configured(main, {
      "channels.json5": "{\n channels: { telegram: {\n  retry: { attempts: 99 } } } }",
    });
    const { log } = await sarif(stateDir);
    validate(log);
    expect(validate.errors ?? []).toEqual([]);
    const places = log.runs[0].results
      .filter(({ ruleId }: { ruleId: string }) => ruleId === "retry-ceiling")
      .map(({ locations }: { locations: { physicalLocation: unknown }[] }) => locations[0]?.physicalLocation);
    expect(places).toEqual([
      {
        artifactLocation: { uri: "channels.json5", uriBaseId: "STATE_DIR" },
        region: { startLine: 3, startColumn: 12 },
      },
      { artifactLocation: { uri: "openclaw.json", uriBaseId: "STATE_DIR" }, region: { startLine: 5, startColumn: 7 } },
    ]);
  });

  test("a config that is not JSON5 is told with its line", async () => {
    const { log } = await sarif(configured("{\n  a: [\n}"));
    const [result] = log.runs[0].results;
    expect(result).toMatchObject({
      ruleId: "facts",
      level: "warning",
      locations: [{ physicalLocation: { artifactLocation: { uri: "openclaw.json" }, region: { startLine: 3 } } }],
    });
    expect(log.runs[0].tool.driver.rules[result.ruleIndex].id).toBe("facts");
  });

  test.each(["sarif", "markdown", "prometheus"])("a failure in %s leaves stdout empty", async (format) => {
    const { code, stdout, stderr } = await cli(["--format", format, "--state-dir", path.join(tempDir(), "none")]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/No OpenClaw state at/);
  });

  test("after fix it tells what is left", async () => {
    const { stateDir } = brokenState();
    put(path.join(stateDir, "openclaw.json"), "{ agents: { defaults: { runRetries: { min: 64, max: 99 } } } }");
    const args = ["--format", "sarif", "--state-dir", stateDir, ...HOST, "--only", "stale-lock,retry-ceiling"];
    const rules = ({ stdout }: { stdout: string }) =>
      JSON.parse(stdout).runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId);
    expect(rules(await cli(["fix", "--dry-run", ...args]))).toEqual(["stale-lock", "retry-ceiling"]);
    const fixed = await cli(["fix", "--yes", ...args]);
    expect(fixed).toMatchObject({ code: 0, stderr: "" });
    expect(rules(fixed)).toEqual([]);
  });

  test("rules come from the catalogue, results point to them and keep their fingerprint", async () => {
    const { stateDir } = brokenState(["one", "two"]);
    const [first, second] = [await sarif(stateDir), await sarif(stateDir)].map(({ log }) => log.runs[0]);
    const locks = first.results.filter(({ ruleId }: { ruleId: string }) => ruleId === "stale-lock");
    expect(locks).toHaveLength(2);
    for (const { ruleIndex, level } of locks) {
      expect(level).toBe("error");
      expect(first.tool.driver.rules[ruleIndex]).toMatchObject({
        id: "stale-lock",
        helpUri: expect.stringContaining("docs/checks/stale-lock.md"),
        shortDescription: { text: "Session write locks left behind." },
      });
    }
    const prints = (run: typeof first) =>
      run.results.map(({ partialFingerprints }: { partialFingerprints: unknown }) => partialFingerprints);
    expect(new Set(prints(first).map(JSON.stringify)).size).toBe(first.results.length);
    expect(prints(second)).toEqual(prints(first));
  });
});
