/** `baseline` from the command line, with a command that is a shell script. */
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { inventory, put, tempDir } from "../facts/sandbox.ts";
import { cli, cliJson } from "./terminal.ts";

const DOCTOR = '{"ok":true,"checksRun":17,"checksSkipped":0,"findings":[]}';

/** A state dir and an `openclaw` of this version, each call of which takes so many more seconds. */
function install(version: string, stateDir = path.join(tempDir(), ".openclaw"), seconds = 0) {
  if (!existsSync(stateDir)) put(path.join(stateDir, "openclaw.json"), "{}\n");
  const bin = tempDir();
  const wait = seconds === 0 ? "" : `sleep ${seconds}\n`;
  put(
    path.join(bin, "openclaw"),
    `#!/bin/sh\n${wait}if [ "$1" = doctor ]; then echo '${DOCTOR}'; else echo "OpenClaw ${version} (abc)"; fi\n`,
  );
  chmodSync(path.join(bin, "openclaw"), 0o755);
  return { stateDir, args: ["--state-dir", stateDir], env: { PATH: `${bin}:${process.env["PATH"]}` } };
}

describe("save and compare", () => {
  test("a command that became slower by an update is a regression, the same command is none", async () => {
    const { stateDir, args, env } = install("2026.5.22");
    const before = inventory(stateDir).filter((line) => !line.startsWith(". "));
    const saved = await cliJson(["baseline", "save", "good", ...args], env);
    expect({ code: saved.code, stderr: saved.stderr }).toEqual({ code: 0, stderr: "" });
    const { path: file, ok, ...document } = saved.document;
    expect(ok).toBe(true);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(document);
    expect(document).toMatchObject({ schemaVersion: 1, name: "good", host: { version: "2026.5.22" } });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const after = inventory(stateDir).filter((line) => !/^(\.|vitals\S*) /.test(line));
    expect(after).toEqual(before);

    const same = await cliJson(["baseline", "compare", ...args], env);
    expect(same).toMatchObject({ code: 0, document: { ok: true, regressions: [], before: { name: "good" } } });
    expect(same.document.measures.map(({ id }: { id: string }) => id)).toEqual(["startup", "doctor"]);

    // Ten times what a shell takes to start on a machine that is busy.
    const slow = install("2026.9.6", stateDir, 1);
    const worse = await cli(["baseline", "compare", "good", ...slow.args, "--only", "startup"], slow.env);
    expect(worse.code).toBe(1);
    expect(worse.stdout).toMatch(/^Before {2}OpenClaw 2026\.5\.22, .* UTC, "good"\nNow {5}OpenClaw 2026\.9\.6, /);
    expect(worse.stdout).toMatch(/^Command start-up .*×\d.* to ×\d.* regression$/m);
    expect(worse.stdout).toMatch(/\nRegression beyond the noise: Command start-up\.\n$/);
    expect(worse.stdout).not.toMatch(/Doctor|Memory/);
    expect(worse.stderr).toBe("");
  });

  test("for people: what was measured, what was not and why, and where it is kept", async () => {
    const { stateDir, args, env } = install("2026.5.22");
    const { code, stdout } = await cli(["baseline", "save", ...args, "--skip", "doctor"], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^OpenClaw 2026\.5\.22, /);
    expect(stdout).toMatch(/^Command start-up +\d.* ms +.* 12$/m);
    expect(stdout).toMatch(/^Not measured: Memory at rest: no gateway of this install is running here\.$/m);
    expect(stdout).toContain(`Saved as ${path.join(stateDir, "vitals", "baselines")}`);
    const quiet = await cli(["baseline", "save", ...args, "--only", "startup", "--quiet"], env);
    expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe("what cannot be done exits 2, says what to do and writes nothing", () => {
  test.each([
    [[], {}, /needs `save` or `compare`/],
    [["drop"], {}, /does not know "drop"/],
    [["save", "a", "b"], {}, /does not take "b"/],
    [["save", "../x"], {}, /cannot be called/],
    [["save", "--only", "stale-lock"], {}, /no measure "stale-lock".* The measures are: startup, doctor, health,/],
    [["compare"], {}, /There is no baseline yet\. .*`openclaw-vitals baseline save`/],
    [["compare", "mine"], {}, /There is no baseline yet/],
    [["save"], { OPENCLAW_UPDATE_IN_PROGRESS: "1" }, /An update of OpenClaw is running/],
    [["save"], { PATH: "" }, /Nothing could be measured: the command `openclaw` was not found; no gateway/],
  ])("%j %j", async (operands, more, message) => {
    const { stateDir, args, env } = install("2026.5.22");
    const { code, document, stderr } = await cliJson(["baseline", ...operands, ...args], { ...env, ...more });
    expect(code).toBe(2);
    expect(document).toMatchObject({ ok: false, error: { message: expect.any(String), remedy: expect.any(String) } });
    expect(stderr).toMatch(message);
    expect(existsSync(path.join(stateDir, "vitals"))).toBe(false);
  });

  test("a file that is no baseline is left out, and said so", async () => {
    const { stateDir, args, env } = install("2026.5.22");
    await cli(["baseline", "save", ...args, "--only", "startup"], env);
    put(path.join(stateDir, "vitals", "baselines", "2026-01-01T00-00-00-000Z-2026.5.22.json"), "{");
    const { code, stderr } = await cli(["baseline", "compare", ...args, "--only", "startup"], env);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Left out: 2026-01-01T00-00-00-000Z-2026\.5\.22\.json in .* is no baseline\.\n$/);
  });
});
