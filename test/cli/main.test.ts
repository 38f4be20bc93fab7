/** Long because the promises of the command line as a whole: codes, documents, streams, choices. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import {
  brokenState,
  deadPid,
  hasPermissions,
  inventory,
  moduleUrl,
  payload,
  put,
  runUnprivileged,
  tempDir,
} from "../facts/sandbox.ts";
import { cli, cliJson } from "./terminal.ts";

// The version of #70004: sessions in files, and older than the hazards of the catalogue.
const HOST = ["--host-version", "2026.4.15"];

/** A state dir in which all is well. */
function healthy(): string {
  const stateDir = path.join(tempDir(), ".openclaw");
  put(path.join(stateDir, "openclaw.json"), "{}");
  return stateDir;
}

describe("exit codes and documents", () => {
  test("0: nothing found", async () => {
    const { code, document, stderr } = await cliJson(["--state-dir", healthy(), ...HOST]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(document).toMatchObject({
      schemaVersion: 1,
      ok: true,
      checksRun: expect.any(Number),
      checksSkipped: expect.any(Number),
      findings: [],
      tool: { name: "openclaw-vitals", version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      host: { version: "2026.4.15", source: "--host-version" },
      timings: { total: expect.any(Number) },
    });
  });

  test("1: a finding has the host's fields and ours", async () => {
    const { stateDir, locks } = brokenState();
    const { code, document } = await cliJson(["check", "--state-dir", stateDir, ...HOST]);
    expect(code).toBe(1);
    expect(document).toMatchObject({
      ok: false,
      findings: [
        {
          id: expect.stringMatching(/^[0-9a-f]{12}$/),
          checkId: "vitals/stale-lock",
          severity: "error",
          message: expect.stringMatching(/^Session one in agent `coder` cannot run: process \d+/),
          path: locks[0],
          target: "agent coder, session one",
          fixHint: expect.any(String),
          source: "openclaw-vitals",
          docsUrl: expect.stringContaining("stale-lock"),
          verdict: "gone",
          confidence: "proven",
          fix: { id: "stale-lock", risk: "safe", summary: expect.any(String) },
        },
      ],
    });
    for (const one of document.findings[0].evidence)
      expect(one).toEqual({ what: expect.any(String), value: expect.anything(), source: expect.any(String) });
  });

  test("fix: 0 when nothing is left, 1 when something is", async () => {
    const { stateDir, locks } = brokenState();
    const held = put(path.join(stateDir, "agents/coder/sessions/dir.jsonl.lock/keep"));
    const first = await cliJson(["fix", "--state-dir", stateDir, ...HOST]);
    expect(first.code).toBe(1);
    expect(first.document).toMatchObject({
      schemaVersion: 1,
      ok: false,
      run: expect.any(String),
      repairs: [
        {
          fixId: "stale-lock",
          checkId: "vitals/stale-lock",
          status: "repaired",
          target: "agent coder, session one",
          changes: [expect.stringContaining("moved")],
          effects: [{ kind: "file", action: "move into the quarantine", target: locks[0] }],
          diffs: [],
        },
      ],
      remaining: [{ path: path.dirname(held), verdict: "unknown", fix: null }],
    });
    expect(existsSync(locks[0] as string)).toBe(false);

    const other = brokenState();
    expect(await cliJson(["--fix", "--state-dir", other.stateDir, ...HOST])).toMatchObject({
      code: 0,
      document: { ok: true, remaining: [] },
    });
  });

  test("the same finding keeps its id, another lock gets another", async () => {
    const { stateDir } = brokenState(["one", "two"]);
    const ids = async () =>
      (await cliJson(["--state-dir", stateDir, ...HOST])).document.findings.map((one: { id: string }) => one.id);
    const [first, again] = [await ids(), await ids()];
    expect(first).toEqual(again);
    expect(new Set(first).size).toBe(2);
  });
});

describe("stdout is one JSON document, also when the tool fails", () => {
  const bad = (text: string, name: string): string => put(path.join(tempDir(), name), text);

  test.each([
    ["a missing state dir", () => ["--state-dir", path.join(tempDir(), "none")], /No OpenClaw state/],
    ["a state dir that is a file", () => ["--state-dir", bad("", "file")], /not a directory/],
    ["an empty state dir flag", () => ["--state-dir", ""], /is empty/],
    ["a missing config", () => ["--state-dir", healthy(), "--config", "/none.json"], /does not exist/],
    ["an unknown check", () => ["--state-dir", healthy(), "--only", "nope"], /no check "nope"/],
    ["an unknown check to skip", () => ["--state-dir", healthy(), "--skip", "vitals/nope"], /no check "vitals\/nope"/],
    ["an unknown flag", () => ["--nope"], /Unknown option/],
    ["an unknown command", () => ["nope"], /no command/],
    ["a command of Object's prototype", () => ["constructor"], /no command/],
    ["a bad threshold", () => ["--severity-min", "fatal"], /--severity-min does not know "fatal"/],
    ["a missing policy", () => ["--state-dir", healthy(), "--policy", "/none.yaml"], /does not exist/],
    ["a wrong policy key", () => ["--state-dir", healthy(), "--policy", bad("lock: {}", "p.yaml")], /"lock"/],
    [
      "a wrong policy value",
      () => ["--state-dir", healthy(), "--policy", bad('{"locks":{"graceSeconds":1}}', "p.json")],
      /locks\.graceSeconds/,
    ],
    ["bad YAML", () => ["--state-dir", healthy(), "--policy", bad("a: [", "p.yml")], /cannot be read/],
    ["bad JSON", () => ["--state-dir", healthy(), "--policy", bad("{", "p.json")], /cannot be read/],
    [
      "a policy that could run code",
      () => ["--state-dir", healthy(), "--policy", bad("throw 1", "p.js")],
      /not a JSON or YAML/,
    ],
    ["explain without a check", () => ["explain"], /needs the id/],
    ["explain of an unknown check", () => ["explain", "nope"], /no check "nope"/],
    ["undo of an unknown run", () => ["undo", "nope", "--state-dir", healthy()], /no run nope/],
    ["history nowhere", () => ["history", "--state-dir", path.join(tempDir(), "none")], /No OpenClaw state/],
  ])("%s", async (_what, args, message) => {
    const argv = args();
    const { code, document, stderr } = await cliJson(argv);
    expect(code).toBe(2);
    expect(document).toMatchObject({
      schemaVersion: 1,
      ok: false,
      findings: [],
      error: { message: expect.stringMatching(message), remedy: expect.stringMatching(/\S/) },
    });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/defect|\n\s+at /);

    const human = await cli(argv);
    expect(human).toMatchObject({ code: 2, stdout: "" });
    expect(human.stderr).toBe(stderr);
  });

  test.each(["check", "fix", "history", "undo"])(
    "%s on a broken config goes on and quotes nothing of it",
    async (command) => {
      const { stateDir } = brokenState();
      writeFileSync(path.join(stateDir, "openclaw.json"), '{ "token": "sk-planted" ');
      const { code, document, stdout, stderr } = await cliJson([command, "--state-dir", stateDir, ...HOST]);
      expect(code).toBe(command === "check" || command === "fix" ? 1 : 0);
      expect(stdout + stderr).not.toContain("planted");
      if (command === "check") {
        const ids = document.findings.map((one: { checkId: string }) => one.checkId);
        expect(ids).toEqual(["vitals/stale-lock", "vitals/facts"]);
        expect(document.findings[1]).toMatchObject({ severity: "warning", message: expect.stringContaining("line 1") });
      }
    },
  );

  test.skipIf(!hasPermissions)("an unreadable state dir", async () => {
    const stateDir = healthy();
    chmodSync(path.dirname(stateDir), 0o755);
    chmodSync(stateDir, 0);
    const { stdout, stderr, exitCode } = await runUnprivileged(
      `import { runCli } from ${JSON.stringify(moduleUrl("src/cli/main.ts"))};
       process.exitCode = await runCli(process.argv.slice(1), process);`,
      ["--state-dir", stateDir, "--json"],
    );
    chmodSync(stateDir, 0o755);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("EACCES"), remedy: "Run as the user that runs OpenClaw." },
    });
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test.each([["--version"], ["--help"], ["list"], ["explain", "stale-lock"]])("%s %s", async (...args) => {
    const { code, document } = await cliJson(args.filter((arg) => arg !== undefined));
    expect({ code, isObject: typeof document === "object" }).toEqual({ code: 0, isObject: true });
  });
});

describe("what is chosen", () => {
  const checks = async (...args: string[]) => {
    const { stateDir } = brokenState();
    put(path.join(stateDir, "agents/coder/sessions/silent.jsonl.lock"), payload(deadPid()));
    const { document } = await cliJson(["--state-dir", stateDir, ...HOST, ...args]);
    return { ...document, ids: document.findings.map((one: { checkId: string }) => one.checkId) };
  };

  test("all", async () => {
    expect(await checks()).toMatchObject({ ids: ["vitals/lock-without-transcript", "vitals/stale-lock"] });
  });

  test.each([["stale-lock"], ["vitals/stale-lock"]])("--only %s", async (id) => {
    const result = await checks("--only", id);
    expect(result).toMatchObject({ ids: ["vitals/stale-lock"], checksRun: 1 });
    expect(result.checksSkipped).toBeGreaterThan(0);
  });

  test("--skip", async () => {
    expect(await checks("--skip", "vitals/stale-lock")).toMatchObject({ ids: ["vitals/lock-without-transcript"] });
    expect(await checks("--only", "stale-lock", "--skip", "stale-lock")).toMatchObject({
      ids: [],
      checksRun: 0,
      ok: true,
    });
  });

  test("fix repairs only what is chosen", async () => {
    const { stateDir, locks } = brokenState();
    const silent = put(path.join(stateDir, "agents/coder/sessions/silent.jsonl.lock"), payload(deadPid()));
    await cliJson(["fix", "--state-dir", stateDir, ...HOST, "--only", "lock-without-transcript"]);
    expect([existsSync(locks[0] as string), existsSync(silent)]).toEqual([true, false]);
  });

  test("--severity-min leaves out what is below, and moves the threshold", async () => {
    const { stateDir } = brokenState();
    const residue = ["--state-dir", stateDir, "--host-version", "2026.8.2"];
    expect(await cliJson(residue)).toMatchObject({ code: 0, document: { ok: true, findings: [{ severity: "info" }] } });
    expect(await cliJson([...residue, "--severity-min", "info"])).toMatchObject({ code: 1, document: { ok: false } });
    expect(await cliJson([...residue, "--severity-min", "warning"])).toMatchObject({
      code: 0,
      document: { findings: [] },
    });

    const warning = healthy();
    mkdirSync(path.join(warning, "agents/a/sessions/x.jsonl.lock"), { recursive: true });
    expect(await cliJson(["--state-dir", warning, ...HOST])).toMatchObject({ code: 1 });
    expect(await cliJson(["--state-dir", warning, ...HOST, "--severity-min", "error"])).toMatchObject({
      code: 0,
      document: { ok: true, findings: [] },
    });
  });

  test("the environment of the terminal is the one that counts", async () => {
    const { stateDir } = brokenState();
    expect(await cliJson(["check", ...HOST], { OPENCLAW_STATE_DIR: stateDir })).toMatchObject({
      code: 1,
      document: { stateDir },
    });
    expect(await cliJson(["fix", ...HOST], { HOME: path.dirname(stateDir) })).toMatchObject({
      code: 0,
      document: { stateDir },
    });
  });

  test("in an update nothing is above a warning", async () => {
    const { stateDir } = brokenState();
    const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_UPDATE_IN_PROGRESS: "1" };
    expect((await cliJson([...HOST], env)).document.findings).toMatchObject([{ severity: "warning" }]);
  });
});

describe("output for people", () => {
  test("findings with evidence and the way on", async () => {
    const { stateDir } = brokenState();
    const { code, stdout, stderr } = await cli(["--state-dir", stateDir, ...HOST]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/^OpenClaw 2026\.4\.15 at /);
    expect(stdout).toContain("error  Session one in agent `coder` cannot run");
    expect(stdout).toContain(path.join("agents", "coder", "sessions", "one.jsonl.lock"));
    expect(stdout).toMatch(/1 finding: 1 error\. `openclaw-vitals fix` can repair all of them\.\n$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no colour goes into a pipe
    expect(stdout).not.toMatch(/\u001b/);
  });

  test("--quiet says nothing when nothing is wrong, and everything else as ever", async () => {
    const stateDir = healthy();
    expect(await cli(["--quiet", "--state-dir", stateDir, ...HOST])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await cli(["fix", "--quiet", "--state-dir", stateDir])).toEqual({ code: 0, stdout: "", stderr: "" });
    const broken = brokenState();
    expect((await cli(["--quiet", "--state-dir", broken.stateDir, ...HOST])).stdout).toContain("cannot run");
    expect((await cliJson(["--quiet", "--state-dir", stateDir, ...HOST])).document.ok).toBe(true);
  });

  test("no control character of a file name gets through, in any command", async () => {
    const { stateDir } = brokenState(["a\u001b[31mb\nc\u0007\u202e"], "new\nagent\u009b");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    for (const args of [[], ["fix", "--dry-run"], ["fix"], ["history"], ["undo"]]) {
      const { stdout, stderr, code } = await cli([...args, "--state-dir", stateDir, ...HOST]);
      expect(code).toBeLessThan(2);
      expect(stdout).toContain("\\u{1b}");
      expect(stdout + stderr).not.toMatch(raw);
      for (const line of stdout.split("\n")) expect(line).not.toMatch(/^(c|agent)/);
    }
  });

  test("list and explain", async () => {
    const list = await cli(["list"]);
    expect(list.stdout).toMatch(/^stale-lock\s+safe\s+Session write locks left behind$/m);
    expect(list.stdout.split("\n").filter(Boolean)).toHaveLength((await cliJson(["list"])).document.checks.length);
    expect((await cli(["list", "--only", "stale-lock"])).stdout.trim().split("\n")).toHaveLength(1);
    const explained = await cli(["explain", "vitals/stale-lock"]);
    expect(explained.stdout).toMatch(/^# /);
    expect((await cliJson(["explain", "stale-lock"])).document).toMatchObject({
      check: { id: "stale-lock", fix: { risk: "safe" }, docsUrl: expect.any(String) },
      text: explained.stdout,
    });
  });

  test("help names every command and flag", async () => {
    const { stdout, code } = await cli(["--help"]);
    expect(stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(code).toBe(0);
    for (const word of ["check", "fix", "undo", "history", "list", "explain", "demo", "--state-dir", "--json", "--yes"])
      expect(stdout).toContain(word);
    expect((await cli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("undo and history", () => {
  test("a run is listed, undone byte for byte, and listed as undone", async () => {
    const { stateDir, locks } = brokenState(["one", "two"]);
    const at = ["--state-dir", stateDir, ...HOST];
    const contents = locks.map((lock) => readFileSync(lock));
    expect((await cli(["history", ...at])).stdout).toBe("Nothing was ever repaired here.\n");
    expect(await cli(["undo", ...at])).toMatchObject({ code: 0, stdout: "Nothing to undo.\n" });

    const { run } = (await cliJson(["fix", ...at])).document;
    expect((await cliJson(["history", ...at])).document.runs).toMatchObject([
      {
        run,
        repairs: [
          { n: 1, canUndo: true, state: "moved", path: locks[0] },
          { n: 2, canUndo: true },
        ],
      },
    ]);
    expect((await cli(["history", ...at])).stdout).toMatch(/can be undone {2}stale-lock {2}agents/);

    const one = await cliJson(["undo", run, "--repair", "2", ...at]);
    expect(one).toMatchObject({
      code: 0,
      document: { ok: true, run, undone: [{ n: 2, status: "restored", path: locks[1] }] },
    });
    expect(locks.map((lock) => existsSync(lock))).toEqual([false, true]);

    const rest = await cli(["undo", ...at]);
    expect(rest).toMatchObject({ code: 0, stdout: expect.stringMatching(/^restored {2}agents.*one\.jsonl\.lock\n$/) });
    expect(locks.map((lock) => readFileSync(lock))).toEqual(contents);
    expect((await cli(["history", ...at])).stdout).not.toContain("can be undone");
    expect((await cliJson(["undo", ...at])).document).toMatchObject({ ok: true, run: null, undone: [] });
    expect(await cliJson(["undo", run, "--repair", "9", ...at])).toMatchObject({ code: 2 });
  });

  test("a newer lock is never replaced", async () => {
    const { stateDir, locks } = brokenState();
    const at = ["--state-dir", stateDir, ...HOST];
    await cliJson(["fix", ...at]);
    put(locks[0] as string, "newer");
    expect(await cliJson(["undo", ...at])).toMatchObject({
      code: 1,
      document: { ok: false, undone: [{ status: "skipped", reason: "a newer file stands in its place" }] },
    });
    expect(readFileSync(locks[0] as string, "utf8")).toBe("newer");
  });
});

describe("what is not written", () => {
  test.each([
    ["check"],
    ["check", "--json"],
    ["fix", "--dry-run"],
    ["fix", "--dry-run", "--yes", "--force", "--json"],
    ["history"],
    ["list"],
    ["undo", "--dry-run"],
    ["undo"],
  ])("%s %s", async (...args) => {
    const { stateDir } = brokenState(["one", "two"]);
    put(path.join(stateDir, "agents/coder/sessions/empty.jsonl.lock"));
    mkdirSync(path.join(stateDir, "agents/coder/sessions/dir.jsonl.lock"));
    const before = inventory(stateDir);
    await cli([...args.filter((arg) => arg !== undefined), "--state-dir", stateDir, ...HOST]);
    expect(inventory(stateDir)).toEqual(before);
  });

  test("a dry run says what it would do", async () => {
    const { stateDir, locks } = brokenState();
    const { code, document } = await cliJson(["fix", "--dry-run", "--state-dir", stateDir, ...HOST]);
    expect(code).toBe(1);
    expect(document).toMatchObject({
      ok: false,
      run: null,
      repairs: [
        { status: "planned", changes: [], effects: [{ action: "move into the quarantine", target: locks[0] }] },
      ],
      remaining: [{ path: locks[0] }],
    });
    const { stdout } = await cli(["fix", "--dry-run", "--state-dir", stateDir, ...HOST]);
    expect(stdout).toMatch(/^planned {2}agent coder, session one\n {2}move into the quarantine: agents/);
    expect(stdout).toContain("Nothing was changed (--dry-run).");
  });

  test("fix writes nothing but the move and its own folder", async () => {
    const { stateDir, locks } = brokenState();
    const outside = (entry: string): boolean =>
      !/^(vitals|\.|agents[/\\]coder[/\\]sessions) /.test(entry) && !/^vitals[/\\]/.test(entry);
    const before = inventory(stateDir).filter(outside);
    await cli(["fix", "--state-dir", stateDir, ...HOST]);
    const moved = path.relative(stateDir, locks[0] as string);
    expect(inventory(stateDir).filter(outside)).toEqual(before.filter((entry) => !entry.startsWith(`${moved} `)));
  });
});
