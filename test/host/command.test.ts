import { describe, expect, test } from "vitest";
import { doctorCommand } from "../../src/host/command.ts";
import { isEnabled } from "../../src/host/enabled.ts";
import { argumentsAfterCommand } from "../../src/host/plugin.ts";

const argv = (line: string): string[] => ["node", "/x/openclaw.mjs", ...line.split(" ").filter(Boolean)];
const none = { repairs: false, data: false, nonInteractive: false, yes: false, force: false };

describe("doctorCommand", () => {
  test.each([
    ["doctor", {}],
    ["--profile work doctor", {}],
    ["--profile=work doctor", {}],
    ["--profile doctor doctor --fix", { repairs: true }],
    ["--log-level debug --dev --no-color doctor", {}],
    ["--container box doctor", {}],
    ["doctor --fix", { repairs: true }],
    ["doctor --repair", { repairs: true }],
    ["doctor --yes", { repairs: true, yes: true }],
    ["doctor --force", { repairs: true, force: true }],
    ["doctor --fix --non-interactive", { repairs: true, nonInteractive: true }],
    ["doctor --lint", { data: true }],
    ["doctor --json", { data: true }],
    ["doctor --lint --fix", { data: true, repairs: true }],
    ["doctor --post-upgrade", { data: true }],
    ["doctor --help", { data: true }],
    ["doctor -h", { data: true }],
    ["doctor --deep", {}],
  ])("%s", (line, expected) => {
    expect(doctorCommand(argv(line))).toEqual({ ...none, ...expected });
  });

  test.each([
    "",
    "--profile doctor",
    "plugins doctor",
    "plugins doctor --fix",
    "--profile doctor status",
    "agent --local --message doctor",
    "update",
    "vitals",
  ])("%j is another command", (line) => {
    expect(doctorCommand(argv(line))).toBeNull();
  });
});

describe("argumentsAfterCommand", () => {
  test.each([
    ["vitals", []],
    ["vitals fix --dry-run", ["fix", "--dry-run"]],
    ["--profile work vitals --json", ["--json"]],
    ["--profile vitals vitals explain vitals", ["explain", "vitals"]],
    ["--dev vitals undo --repair 1", ["undo", "--repair", "1"]],
    ["status", []],
  ])("%s", (line, expected) => {
    expect(argumentsAfterCommand(argv(line))).toEqual(expected);
  });

  test("a host started from a path with the word in it", () => {
    expect(argumentsAfterCommand(["vitals", "vitals", "vitals", "check"])).toEqual(["check"]);
  });
});

describe("isEnabled", () => {
  const entry = (enabled: unknown) => ({ plugins: { entries: { vitals: { enabled } } } });

  test.each([
    undefined,
    null,
    "text",
    [],
    {},
    { plugins: null },
    { plugins: {} },
    { plugins: { entries: null } },
    { plugins: { entries: { vitals: null } } },
    entry(true),
    entry(undefined),
    { plugins: { enabled: true } },
    { plugins: { allow: [] } },
    { plugins: { allow: ["other", "vitals"] } },
    { plugins: { deny: ["other"] } },
    { plugins: { entries: { other: { enabled: false } } } },
  ])("on: %j", (config) => {
    expect(isEnabled(config)).toBe(true);
  });

  test.each([
    entry(false),
    { plugins: { enabled: false } },
    { plugins: { enabled: false, entries: { vitals: { enabled: true } } } },
    { plugins: { allow: ["other"] } },
    { plugins: { deny: ["vitals"] } },
    { plugins: { deny: ["vitals"], allow: ["vitals"] } },
  ])("off: %j", (config) => {
    expect(isEnabled(config)).toBe(false);
  });
});
