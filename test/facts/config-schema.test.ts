import { mkdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { ruleByVersion } from "../../src/facts/config-schema.ts";
import { type ConfigSchema, readHostSchema, ruleBySchema } from "../hosts/harness/host-schema.ts";
import { put, tempDir } from "./sandbox.ts";

const MAX = ["agents", "defaults", "runRetries", "max"];

describe("the embedded summary", () => {
  test.each([
    ["2026.5.22", { type: "integer", above: 0 }],
    ["2026.7.1", { type: "integer", above: 0 }],
    ["2026.7.1-2", { type: "integer", above: 0 }],
    ["2026.7.35", { type: "integer", above: 0 }],
    ["2026.7.2-beta.7", "unknown"],
    ["2026.8.1-beta.1", "refused"],
    ["2026.8.1", "refused"],
    ["2026.9.6", "refused"],
    ["2026.5.1", "unknown"],
  ])("runRetries on %s", async (version, answer) => {
    expect(await ruleByVersion(MAX, version)).toEqual(answer);
  });

  test("a timeout of 0 is allowed from 2026.8.1 on", async () => {
    const timeout = ["agents", "defaults", "timeoutSeconds"];
    expect(await ruleByVersion(timeout, "2026.5.22")).toEqual({ type: "integer", above: 0 });
    expect(await ruleByVersion(timeout, "2026.9.6")).toEqual({ type: "integer", min: 0 });
  });

  test("items of lists and names are any", async () => {
    expect(await ruleByVersion(["agents", "list", 3, "runRetries", "min"], "2026.5.22")).toMatchObject({ above: 0 });
    const account = ["channels", "telegram", "accounts", "mine", "retry", "attempts"];
    expect(await ruleByVersion(account, "2026.5.22")).toEqual({ type: "integer", min: 1 });
    expect(await ruleByVersion(account, "2026.9.6")).toBe("refused");
  });

  test("nothing is said of other keys", async () => {
    for (const other of [
      ["gateway", "port"],
      ["agents", "list", "0", "runRetries"],
      ["agents", "list", "[]", "runRetries"],
      [],
    ])
      expect(await ruleByVersion(other, "2026.5.22")).toBe("unknown");
  });
});

describe("a host's schema", () => {
  const limited: ConfigSchema = { type: "integer", minimum: 1, maximum: 10 };
  const schema: ConfigSchema = {
    type: "object",
    additionalProperties: false,
    properties: {
      agents: {
        type: "object",
        properties: {
          entries: { type: "object", additionalProperties: { type: "object", properties: { n: limited } } },
          defaults: { anyOf: [{ type: "boolean" }, { type: "object", properties: { n: limited } }] },
        },
      },
      list: { type: "array", items: { type: "number", exclusiveMinimum: 0, maximum: Number.MAX_SAFE_INTEGER } },
      free: {},
    },
  };

  test.each([
    [["agents", "entries", "any", "n"], { type: "integer", min: 1, max: 10 }],
    [["agents", "list", 0, "n"], { type: "integer", min: 1, max: 10 }],
    [["agents", "defaults", "n"], { type: "integer", min: 1, max: 10 }],
    [["list", 7], { type: "number", above: 0 }],
    [["list", "x"], "refused"],
    [["agents", "entries", "any", "other"], "refused"],
    [["toString"], "refused"],
    [["free"], "unknown"],
    [["free", "x"], "refused"],
  ])("%j", (steps, answer) => {
    expect(ruleBySchema(schema, steps)).toEqual(answer);
  });
});

describe("a host that prints its schema", () => {
  test("is asked by its own command", async () => {
    const root = tempDir();
    put(
      path.join(root, "openclaw.mjs"),
      "console.log(JSON.stringify({ properties: { argv: process.argv.slice(2) } }));",
    );
    expect(await readHostSchema(root, {})).toEqual({ properties: { argv: ["config", "schema"] } });
  });

  test.each([
    ["prints something else", "console.log('hello');"],
    ["prints another object", "console.log('{}');"],
    ["fails", "throw new Error('no');"],
  ])("one that %s gives none", async (_what, script) => {
    const root = tempDir();
    put(path.join(root, "openclaw.mjs"), script);
    expect(await readHostSchema(root, {})).toBeNull();
  });

  test("nor does a folder without one", async () => {
    const root = tempDir();
    mkdirSync(path.join(root, "openclaw.mjs"));
    expect(await readHostSchema(root, {})).toBeNull();
  });
});
