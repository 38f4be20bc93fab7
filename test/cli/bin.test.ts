import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Options, x } from "tinyexec";
import { beforeAll, describe, expect, test } from "vitest";
import { failureDocument } from "../../src/cli/main.ts";
import { UserError } from "../../src/engine/errors.ts";
import { brokenState, put, tempDir } from "../facts/sandbox.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BIN = path.join(ROOT, "dist/src/cli/bin.js");
const HOST = ["--host-version", "2026.5.22"];

beforeAll(async () => {
  if (!existsSync(BIN)) await x("npm", ["run", "build"], { nodeOptions: { cwd: ROOT }, throwOnError: true });
}, 120_000);

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const options: Partial<Options> = { timeout: 30_000, nodeOptions: { cwd: tempDir(), env } };
  const { stdout, stderr, exitCode } = await x(command, [...args], options);
  return { stdout, stderr, code: exitCode };
}

const bin = async (args: readonly string[], env?: NodeJS.ProcessEnv) =>
  await run(process.execPath, [BIN, ...args], env);

/** The command in a shell pipeline; `$0` is node, `$1` the program, `$2` the state dir. */
const shell = async (line: string, stateDir: string) => await run("sh", ["-c", line, process.execPath, BIN, stateDir]);

describe("the built command", () => {
  test("exit codes reach the shell", async () => {
    const { stateDir } = brokenState();
    expect(await bin(["--version"])).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^\d+\./) });
    expect(await bin(["--json", "--state-dir", stateDir, ...HOST])).toMatchObject({ code: 1, stderr: "" });
    expect(await bin(["--nope"])).toMatchObject({ code: 2, stdout: "" });
  });

  test("demo shows a real death, exits 0 and leaves nothing behind", async () => {
    const temp = tempDir();
    // Node keeps compiled code in the temporary folder too; that is not the demo's.
    const env = { TMPDIR: temp, TMP: temp, TEMP: temp, NODE_COMPILE_CACHE: path.join(tempDir(), "cache"), CI: "1" };
    const { stdout, stderr, code } = await bin(["demo", "--json"], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { ok, steps } = JSON.parse(stdout) as { ok: boolean; steps: { step: string; result: unknown }[] };
    expect(ok).toBe(true);
    expect(steps.map(({ result }) => result)).toMatchObject([
      { ok: true, findings: [] },
      { ok: false, findings: [{ verdict: "gone" }] },
      { ok: true, repairs: [{ status: "repaired" }] },
      { ok: true, findings: [] },
      [{ status: "restored" }],
    ]);
    expect(readdirSync(temp)).toEqual([]);
    const pid = /process (\d+)/.exec(steps[1]?.step ?? "")?.[1];
    expect(() => process.kill(Number(pid), 0)).toThrow(/ESRCH/);
  });

  test("a policy beside the working directory is not read", async () => {
    const cwd = tempDir();
    put(path.join(cwd, "vitals.config.yaml"), "nonsense: true");
    const { stateDir } = brokenState();
    const { exitCode } = await x(process.execPath, [BIN, "--state-dir", stateDir, ...HOST], { nodeOptions: { cwd } });
    expect(exitCode).toBe(1);
    put(path.join(stateDir, "vitals.config.yaml"), "nonsense: true");
    expect((await bin(["--state-dir", stateDir])).code).toBe(2);
  });
});

describe("a Node older than `engines` of package.json", () => {
  const { engines } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));
  const [, major, minor] = (/^>=(\d+)\.(\d+)\.0$/.exec(engines.node) ?? []).map(Number) as [number, number, number];

  /** The command under this Node, which says that it is another one. */
  const pretending = async (version: string, args: readonly string[]) => {
    const code = `import process from "node:process";
      Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`;
    return await run(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(code)}`, BIN, ...args]);
  };

  test.each([`${major}.${minor - 1}.9`, `${major - 1}.99.0`, "18.20.8"])("%s is told what is needed", async (node) => {
    const { code, stdout, stderr } = await pretending(node, ["check"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      `openclaw-vitals needs Node ${engines.node}; this is ${node}. Install a newer Node from https://nodejs.org, or put one first on the PATH.\n`,
    );
  });

  test("with --json stdout is the document of any failure", async () => {
    const { code, stdout } = await pretending("20.20.2", ["fix", "--format", "json"]);
    expect(code).toBe(2);
    const { error, ...document } = JSON.parse(stdout);
    expect(error).toEqual({ message: expect.stringContaining("needs Node"), remedy: expect.any(String) });
    expect({ ...document, error }).toEqual(failureDocument(new UserError(error.message, error.remedy)));
  });

  test.each([`${major}.${minor}.0`, `${major + 1}.0.0`, "100.0.0"])("%s is not one", async (node) => {
    expect(await pretending(node, ["--version"])).toMatchObject({ code: 0, stderr: "" });
  });
});

describe.skipIf(process.platform === "win32")("in a pipeline", () => {
  test("a reader that goes away is no failure", async () => {
    const { stateDir } = brokenState(Array.from({ length: 300 }, (_, n) => `session-${n}`));
    const { stdout, stderr } = await shell('"$0" "$1" --state-dir "$2" --host-version 2026.5.22 | head -1', stateDir);
    expect(stdout.trim()).toMatch(/^OpenClaw 2026\.5\.22 at /);
    expect(stderr).toBe("");
  });

  test("a reader that takes its time gets everything", async () => {
    const { stateDir } = brokenState(Array.from({ length: 1_500 }, (_, n) => `session-${n}`));
    const env = { OPENCLAW_STATE_DIR: stateDir };
    const child = spawn(process.execPath, [BIN, ...HOST], { env, stdio: ["ignore", "pipe", "inherit"] });
    const closed = new Promise((resolve) => child.once("close", resolve));
    let said = "";
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // what it can hand to the kernel it has handed over
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
    });
    expect(await closed).toBe(1);
    expect(said.length, "more than the kernel takes at once").toBeGreaterThan(400_000);
    expect(said.match(/Session session-\d+ in agent/g)).toHaveLength(1_500);
    expect(said).toMatch(/\n$/);
  });

  test.each([
    ["stdout", [], 1],
    ["stderr", ["--nope"], 2],
  ] as const)("nobody reads %s: the exit code is the same", async (stream, args, expected) => {
    const { stateDir } = brokenState(Array.from({ length: 300 }, (_, n) => `session-${n}`));
    const env = { OPENCLAW_STATE_DIR: stateDir };
    const child = spawn(process.execPath, [BIN, ...args, ...HOST], { env, stdio: ["ignore", "pipe", "pipe"] });
    child[stream].destroy();
    let other = "";
    child[stream === "stdout" ? "stderr" : "stdout"].on("data", (data: Buffer) => {
      other += data.toString();
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect({ code, other }).toEqual({ code: expected, other: "" });
  });

  test("with stdin closed or empty it asks nothing and repairs what is safe", async () => {
    for (const from of ["<&-", "</dev/null"]) {
      const { stateDir, locks } = brokenState();
      const { stdout, stderr, code } = await shell(
        `"$0" "$1" fix --state-dir "$2" --host-version 2026.5.22 ${from}`,
        stateDir,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(/^repaired /);
      expect(existsSync(locks[0] as string)).toBe(false);
    }
  });
});
