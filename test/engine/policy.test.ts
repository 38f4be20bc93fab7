/** Long because each key of the schema is tried with what it takes and what it does not. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { catalogue } from "../../src/engine/catalogue.ts";
import type { UserError } from "../../src/engine/errors.ts";
import { defaultPolicy } from "../../src/engine/policy.ts";
import { allowedText, type PolicyNode, policyKeys, policySchema } from "../../src/engine/policy-schema.ts";
import { type PolicySources, readPolicy } from "../../src/engine/policy-sources.ts";
import { policyRows } from "../../src/engine/policy-view.ts";
import { packageFile } from "../../src/package.ts";
import { put, tempDir } from "../facts/sandbox.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const SECRET = "s+/GHJKMNPQRTVWXYZ==";

/** An object with this value under a dotted key. */
function nested(key: string, value: unknown): object {
  return key
    .split(".")
    .reverse()
    .reduce<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

let [stateDir, elsewhere] = ["", ""];
beforeEach(() => {
  [stateDir, elsewhere] = [tempDir(), tempDir()];
});

/** Where a policy may come from, and how an error names that. */
const DOORS = {
  json: (value: unknown): [PolicySources, string] => {
    return [{ stateDir }, put(path.join(stateDir, "vitals.config.json"), JSON.stringify(value))];
  },
  yaml: (value: unknown): [PolicySources, string] => {
    const file = put(path.join(elsewhere, "of-mine.yaml"), JSON.stringify(value, null, 2));
    return [{ stateDir: elsewhere, file }, file];
  },
  "plugin config": (value: unknown): [PolicySources, string] => [
    { stateDir: elsewhere, pluginConfig: value },
    "openclaw.json plugins.entries.vitals.config",
  ],
};
type Door = keyof typeof DOORS;
const doors = Object.keys(DOORS) as Door[];

async function refused(sources: PolicySources): Promise<UserError> {
  const error = await readPolicy(sources, NOW).then(
    () => new Error("accepted"),
    (thrown: UserError) => thrown,
  );
  expect(error).toMatchObject({ name: "UserError" });
  return error as UserError;
}

/** Values this key does not take, with how they are shown in an error from a file and from the plugin's config. */
function wrongValues(node: PolicyNode): [unknown, string, string?][] {
  const text = node.type === "string" ? "this text" : "a text";
  const always: [unknown, string, string?][] = [
    [null, "null"],
    [{ a: SECRET }, "an object"],
    [SECRET, text],
  ];
  if (node.type !== "boolean") always.push([true, "true"]);
  if (node.type !== "array") always.push([[SECRET], "a list"]);
  if (node.enum) return [...always, [7, "7"], ["always", '"always"', text], ["", text]];
  if (node.type === "boolean") return [...always, [1, "1"], ["true", text]];
  if (node.type === "array") return [...always, [7, "7"]];
  const [least, most] = [node.minimum as number, node.maximum as number];
  const more: [unknown, string][] = [
    [least - 1, String(least - 1)],
    [most + 1, String(most + 1)],
    ["30", text],
  ];
  return [
    ...always,
    ...more,
    ...(node.type === "integer" ? [[least + 0.5, String(least + 0.5)] as [number, string]] : []),
  ];
}

describe.each(policyKeys())("%s", (key, node) => {
  test.each(doors)("a wrong value in %s: named with its place and what is allowed", async (door) => {
    for (const [value, fromFile, fromConfig = fromFile] of wrongValues(node)) {
      const [sources, where] = DOORS[door](nested(key, value));
      const error = await refused(sources);
      const shown = door === "plugin config" ? fromConfig : fromFile;
      expect(error.message).toBe(`${where}: "${key}" cannot be ${shown}.`);
      expect(error.remedy).toBe(`Allowed: ${allowedText(node)}.`);
      expect(error.message + error.remedy).not.toMatch(/undefined|HJKM|\\/);
    }
  });

  test("its default is allowed, and the one that is in force", async () => {
    const sources = DOORS.json(nested(key, node.default))[0];
    const { policy } = await readPolicy(sources, NOW);
    expect(node.default).toBeDefined();
    const inForce = policyRows({ policy, origins: new Map() }).find((row) => row.key === key);
    expect(inForce?.value ?? policy.silence).toEqual(node.default);
    expect(node.description).toMatch(/\.$/);
  });
});

/** The keys that hold others, with those. */
function sections(node = policySchema(), above = ""): [string, string[]][] {
  const below = Object.entries(node.properties ?? {});
  const deeper = below.filter(([, inner]) => inner.type === "object");
  return [
    [above, below.map(([name]) => name)],
    ...deeper.flatMap(([name, inner]) => sections(inner, above === "" ? name : `${above}.${name}`)),
  ];
}

test.each(sections())("the section %j: what is none, and a key it does not have", async (above, names) => {
  for (const door of doors) {
    const [notOne, where] = DOORS[door](above === "" ? ["x"] : nested(above, 3));
    const wrong = await refused(notOne);
    expect(wrong.message).toBe(`${where}: "${above || "(top level)"}" cannot be ${above === "" ? "a list" : "3"}.`);
    expect(wrong.remedy).toBe(`Allowed: an object with ${names.join(", ")}.`);
    const strange = above === "" ? "strange" : `${above}.strange`;
    const [sources, place] = DOORS[door](nested(strange, SECRET));
    const unknown = await refused(sources);
    expect(unknown.message).toBe(`${place}: unknown key "${strange}".`);
    expect(unknown.remedy).toBe(`Allowed here: ${names.join(", ")}.`);
  }
});

describe("what no schema says", () => {
  const item = (more: object): object => ({ silence: [{ reason: "known", until: "2026-12-31", ...more }] });
  const id = "0123456789ab";

  test.each<[string, object, string, RegExp]>([
    ["an unknown check", { checks: { nope: {} } }, 'unknown key "checks.nope"', /stale-lock, .*host-hazard/],
    ["a check silenced that is none", item({ check: "nope" }), '"silence.0.check" cannot be "nope"', /"stale-lock"/],
    ["neither id nor check", item({}), '"silence.0" has neither "id" nor "check"', /"id" for one finding/],
    ["both", item({ id, check: "stale-lock" }), '"silence.0" has both "id" and "check"', /one of them/],
    ["an id that is none", item({ id: "12" }), '"silence.0.id" cannot be "12"', /12 hexadecimal digits/],
    ["an id without quotes", item({ id: 123456789012 }), '"silence.0.id" cannot be 123456789012', /in quotes/],
    [
      "no reason",
      { silence: [{ id, until: "2026-12-31" }] },
      '"silence.0.reason" is missing',
      /a text that is not empty/,
    ],
    ["an empty reason", item({ id, reason: "" }), '"silence.0.reason" cannot be ""', /not empty, at most 200 char/],
    ["a blank reason", item({ id, reason: " \t" }), '"silence.0.reason" cannot be " \\t"', /not empty/],
    ["a long reason", item({ id, reason: "x".repeat(201) }), '"silence.0.reason" cannot be this text', /at most 200/],
    ["no end", { silence: [{ id, reason: "known" }] }, '"silence.0.until" is missing', /a date such as 2026-12-31/],
    ["another date", item({ id, until: "31.12.2026" }), '"silence.0.until" cannot be "31.12.2026"', /such as 2026/],
    ["no day", item({ id, until: "2026-02-30" }), '"silence.0.until" cannot be "2026-02-30"', /a date such as/],
    ["no month", item({ id, until: "2026-13-01" }), '"silence.0.until" cannot be "2026-13-01"', /a date such as/],
    ["over a year", item({ id, until: "2027-11-23" }), '"silence.0.until" cannot be "2027-11-23"', /at most a year/],
    ["another key", item({ id, forever: true }), 'unknown key "silence.0.forever"', /id, check, reason, until/],
    ["an entry that is none", { silence: ["all"] }, '"silence.0" cannot be a text', /an object with id, check/],
    [
      "a risk without asking",
      { repair: { allow: ["disruptive"] } },
      '"repair.allow.0" cannot be "disruptive"',
      /"safe"/,
    ],
    ["a risk twice", { repair: { allow: ["safe", "safe"] } }, '"repair.allow" cannot be this list', /at most once/],
  ])("%s", async (_what, value, message, remedy) => {
    for (const door of ["json", "yaml"] as const) {
      const [sources, where] = DOORS[door](value);
      const error = await refused(sources);
      expect(error.message).toBe(`${where}: ${message}.`);
      expect(error.remedy).toMatch(remedy);
    }
  });

  test("of the plugin's config no text is shown, not even a word", async () => {
    for (const value of [{ autoHeal: "token" }, item({ check: "token" }), item({ id, until: "31.12.2026" })]) {
      const error = await refused(DOORS["plugin config"](value)[0]);
      expect(error.message).toMatch(/cannot be this text\.$/);
    }
  });

  test("the longest silence, the last one of the list, is allowed", async () => {
    const [sources] = DOORS.yaml(item({ id, until: "2027-11-21" }));
    expect((await readPolicy(sources, NOW)).policy.silence).toHaveLength(1);
    expect((await readPolicy(DOORS.json(item({ id, until: "2020-01-01" }))[0], NOW)).policy.silence).toHaveLength(1);
  });

  test("nor is one too long for a clock that was not set yet", async () => {
    const [sources] = DOORS.yaml(item({ id, until: "2027-11-21" }));
    expect((await readPolicy(sources, 60_000)).policy.silence).toHaveLength(1);
    const [never] = DOORS.yaml(item({ id, until: "2027-02-30" }));
    await expect(readPolicy(never, 60_000)).rejects.toThrow(/cannot be/);
  });

  test.each(["__proto__", "constructor", "toString"])("%s is no key", async (name) => {
    const [sources] = DOORS.json({});
    put(path.join(sources.stateDir, "vitals.config.json"), `{ "${name}": { "locks": {} } }`);
    expect((await refused(sources)).message).toContain(`unknown key "${name}"`);
    expect({}).not.toHaveProperty("locks");
  });
});

describe("where a value comes from", () => {
  test("without any, all are defaults and every key has one", async () => {
    const { policy, origins } = await readPolicy({ stateDir: path.join(tempDir(), "none") });
    expect(policy).toEqual(defaultPolicy);
    expect(origins.size).toBe(0);
    for (const row of policyRows({ policy, origins })) {
      expect(row).toMatchObject({ source: "default", where: null });
      expect(row.value).toBeDefined();
    }
  });

  test("flags over file over plugin config, key by key; lists as a whole", async () => {
    const file = put(
      path.join(stateDir, "vitals.config.yaml"),
      "locks: { graceSeconds: 60 }\nrepair: { allow: [] }\nchecks: { stale-lock: { severity: off } }\n",
    );
    const pluginConfig = {
      locks: { graceSeconds: 90, soleOwner: true },
      repair: { allow: ["safe", "confirm"] },
      checks: { "stale-lock": { severity: "info" }, "host-hazard": { severity: "info" } },
      autoHeal: "fix",
    };
    const { policy, origins } = await readPolicy({ stateDir, pluginConfig });
    expect(policy).toMatchObject({
      locks: { graceSeconds: 60, soleOwner: true },
      repair: { allow: [] },
      checks: { "stale-lock": { severity: "off" }, "host-hazard": { severity: "info" } },
      autoHeal: "fix",
      restart: { cooldownMinutes: 10 },
    });
    const config = { source: "plugin-config", where: "plugins.entries.vitals.config" };
    expect(Object.fromEntries(origins)).toEqual({
      "locks.graceSeconds": { source: "file", where: file },
      "locks.soleOwner": config,
      "repair.allow": { source: "file", where: file },
      "checks.stale-lock.severity": { source: "file", where: file },
      "checks.host-hazard.severity": config,
      autoHeal: config,
    });
    const flags = { yes: true, only: ["stale-lock", "host-hazard", "config-lock"], skip: ["config-lock"] };
    const flagged = await readPolicy({ stateDir, pluginConfig, flags });
    const severity = (id: string) => flagged.policy.checks[id]?.severity;
    expect(flagged.policy.repair.allow).toEqual(["safe", "confirm"]);
    expect(["stale-lock", "host-hazard", "config-lock", "gateway-lock"].map(severity)).toEqual([
      "default",
      "info",
      "off",
      "off",
    ]);
    const origin = (id: string) => flagged.origins.get(`checks.${id}.severity`)?.where;
    expect(["stale-lock", "host-hazard", "config-lock", "gateway-lock"].map(origin)).toEqual([
      "--only",
      "plugins.entries.vitals.config",
      "--skip",
      "--only",
    ]);
    expect(flagged.origins.get("repair.allow")).toEqual({ source: "flag", where: "--yes" });
  });

  test("a file named by hand replaces the one in the state dir", async () => {
    put(path.join(stateDir, "vitals.config.json"), "{ broken");
    const file = put(path.join(tempDir(), "x.yml"), "autoHeal: off\n");
    expect((await readPolicy({ stateDir, file })).policy.autoHeal).toBe("off");
  });

  test.each([
    ["yaml", ""],
    ["yaml", "# autoHeal: off\n\n  # more\n"],
    ["yaml", "---\n"],
    ["json", " \n"],
    ["json", "{}"],
  ])("a %s file that says nothing: %j", async (ending, text) => {
    const file = put(path.join(tempDir(), `empty.${ending}`), text);
    expect((await readPolicy({ stateDir: tempDir(), file })).policy).toEqual(defaultPolicy);
  });

  test.each([
    ["p.yaml", `autoHeal: off\nautoHeal: "${SECRET}"\n`, "no valid YAML (line 2, column 1)"],
    ["p.yml", `autoHeal: "${SECRET}\n`, "no valid YAML (line 2, column 1)"],
    ["p.yaml", `a: !${SECRET} b`, "no valid YAML (line 1, column"],
    ["p.json", `{\n  "autoHeal": ${SECRET} }`, "no valid JSON (line 2, column 15)"],
    ["p.json", `{ "autoHeal": "off", // ${SECRET}\n }`, "no valid JSON (JSON knows no comments"],
    ["p.json", "{", "no valid JSON (line 1, column 2)"],
  ])("%s that cannot be parsed says where, and nothing of its text: %j", async (name, text, message) => {
    const file = put(path.join(tempDir(), name), text);
    const error = await refused({ stateDir: tempDir(), file });
    expect(error.message).toContain(`Policy ${file} cannot be read: it is ${message}`);
    expect(error.message + error.remedy).not.toContain("HJKM");
  });

  test("a folder, and a file that runs code, are no policy", async () => {
    mkdirSync(path.join(stateDir, "vitals.config.json"));
    expect((await refused({ stateDir })).message).toContain("is not a regular file");
    const file = put(path.join(stateDir, "p.js"), "throw new Error('ran')");
    expect((await refused({ stateDir, file })).message).toContain("is not a JSON or YAML file");
  });
});

test("the schema knows every check, and the plugin's manifest has it", () => {
  const ids = catalogue().map(({ id }) => id);
  expect(Object.keys(policySchema().properties?.["checks"]?.properties ?? {})).toEqual(ids);
  const manifest = JSON.parse(readFileSync(packageFile("openclaw.plugin.json"), "utf8"));
  expect(manifest.configSchema).toEqual(policySchema());
});
