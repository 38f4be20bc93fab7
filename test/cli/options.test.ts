import { describe, expect, test } from "vitest";
import { COMMANDS, isJson, parseCommandLine } from "../../src/cli/options.ts";
import { UserError } from "../../src/engine/errors.ts";

const parse = (...argv: string[]) => parseCommandLine(argv);

function refused(...argv: string[]): { message: string; remedy: string } {
  try {
    parseCommandLine(argv);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    const { message, remedy } = error as UserError;
    expect(remedy).not.toBe("");
    expect(message).toMatch(/\.$/);
    expect(message).not.toMatch(/\.\.$|\n/);
    return { message, remedy };
  }
  throw new Error(`${argv.join(" ")} was understood`);
}

describe("parseCommandLine", () => {
  test("nothing means check, with every default", () => {
    expect(parse()).toEqual({
      command: "check",
      named: false,
      operands: [],
      output: undefined,
      withDiagnostics: false,
      stateDir: undefined,
      configPath: undefined,
      policyFile: undefined,
      only: [],
      skip: [],
      severityMin: undefined,
      format: "human",
      hostVersion: undefined,
      watchForMs: undefined,
      nonInteractive: false,
      yes: false,
      force: false,
      dryRun: false,
      color: true,
      quiet: false,
      repairs: undefined,
      help: false,
      version: false,
    });
  });

  test.each([
    [["--state-dir", "/s"], { stateDir: "/s" }],
    [["--state-dir=/s"], { stateDir: "/s" }],
    [["--config", "c.json"], { configPath: "c.json" }],
    [["--policy", "p.yaml"], { policyFile: "p.yaml" }],
    [["--only", "a", "--only", "b, c"], { only: ["a", "b", "c"] }],
    [["--skip", "a,,b"], { skip: ["a", "b"] }],
    [["--severity-min", "error"], { severityMin: "error" }],
    [["--format", "json"], { format: "json" }],
    [["--format", "human"], { format: "human" }],
    [["--format", "sarif"], { command: "check", format: "sarif" }],
    [["fix", "--format", "markdown"], { command: "fix", format: "markdown" }],
    [["--format", "prometheus"], { format: "prometheus" }],
    [["report", "--output", "r.zip"], { command: "report", output: "r.zip", withDiagnostics: false }],
    [["report", "-o", "r.zip", "--with-diagnostics"], { output: "r.zip", withDiagnostics: true }],
    [["--json"], { format: "json" }],
    [["--host-version", "2026.5.22"], { hostVersion: "2026.5.22" }],
    [["--host-version", "v2026.8.1-beta.1"], { hostVersion: "2026.8.1-beta.1" }],
    [["--host-version", "2026.7.1-2"], { hostVersion: "2026.7.1-2" }],
    [["--watch-for", "2m"], { command: "check", watchForMs: 120_000 }],
    [["check", "--watch-for=1.5s"], { watchForMs: 1_500 }],
    [["--watch-for", "1h"], { watchForMs: 3_600_000 }],
    [["fix", "--watch-for", "2m"], { command: "fix", watchForMs: 120_000 }],
    [["--fix", "--watch-for", "2m"], { command: "fix", watchForMs: 120_000 }],
    [["--non-interactive"], { nonInteractive: true }],
    [["--yes"], { yes: true }],
    [["-y"], { yes: true }],
    [["--force"], { force: true }],
    [["fix", "--dry-run"], { command: "fix", dryRun: true }],
    [["--no-color"], { color: false }],
    [["--quiet"], { quiet: true }],
    [["-q"], { quiet: true }],
    [["--help"], { help: true }],
    [["-h"], { help: true }],
    [["--version"], { version: true }],
    [["-V"], { version: true }],
    [["check", "--fix"], { command: "fix" }],
    [["check", "--repair"], { command: "fix" }],
    [["--fix"], { command: "fix" }],
    [["--repair", "--yes"], { command: "fix", yes: true, repairs: undefined }],
    [["--yes"], { command: "check" }],
    [["undo"], { command: "undo", operands: [], repairs: undefined }],
    [["undo", "run-1", "--repair", "1", "--repair=2,3"], { command: "undo", operands: ["run-1"], repairs: [1, 2, 3] }],
    [["explain", "stale-lock"], { command: "explain", operands: ["stale-lock"] }],
  ])("%j", (argv, expected) => {
    expect(parse(...argv)).toMatchObject(expected);
  });

  test.each(Object.keys(COMMANDS))("%s is a command", (command) => {
    expect(parse(command)).toMatchObject({ command });
  });

  test.each([
    [["--nope"], /Unknown option '--nope'/],
    [["-z"], /Unknown option '-z'/],
    [["--state-dir"], /argument missing/],
    [["--state-dir", "--json"], /ambiguous/],
    [["--json=1"], /does not take an argument/],
    [["--format", "xml"], /does not know "xml"/],
    [["history", "--format", "sarif"], /`history` has no format "sarif"/],
    [["report", "--format", "markdown"], /`report` has no format "markdown"/],
    [["check", "--output", "x.zip"], /`check` has no --output/],
    [["fix", "--with-diagnostics"], /`fix` has no --with-diagnostics/],
    [["--severity-min", "warn"], /does not know "warn"/],
    [["--host-version", "latest"], /does not know "latest"/],
    [["--host-version", ""], /does not know ""/],
    [["--state-dir", ""], /--state-dir is empty/],
    [["--config", " "], /--config is empty/],
    [["--policy="], /--policy is empty/],
    [["--only", ""], /--only is empty/],
    [["fix", "--skip", ","], /--skip is empty/],
    [["nope"], /no command "nope"/],
    [["toString"], /no command "toString"/],
    [["__proto__"], /no command "__proto__"/],
    [["check", "extra"], /does not take "extra"/],
    [["undo", "a", "b"], /does not take "b"/],
    [["undo", "--repair", "x"], /not "x"/],
    [["undo", "--repair"], /argument missing/],
    [["undo", "--dry-run"], /no --dry-run/],
    [["undo", "--watch-for", "2m"], /`undo` has no --watch-for/],
    [["--watch-for", "2"], /does not know "2"/],
    [["--watch-for", "2h"], /does not take 2h/],
    [["--watch-for="], /does not know ""/],
  ])("%j is refused", (argv, message) => {
    expect(refused(...argv).message).toMatch(message);
  });

  test("the remedy names what is allowed", () => {
    expect(refused("--severity-min", "warn").remedy).toBe("Allowed: info, warning, error.");
    expect(refused("nope").remedy).toContain("check, fix, undo, history");
    expect(refused("undo", "a", "b").remedy).toContain("undo [run] [--repair n]");
  });
});

test.each([
  [true, ["--json"]],
  [true, ["fix", "--nope", "--json"]],
  [true, ["--format=json"]],
  [true, ["--format", "json"]],
  [false, []],
  [false, ["json"]],
  [false, ["--format", "human"]],
  [false, ["--state-dir", "json"]],
])("isJson is %s for %j", (expected, argv) => {
  expect(isJson(argv)).toBe(expected);
});
