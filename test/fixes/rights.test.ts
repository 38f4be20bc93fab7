/** Repairs by a user who may not touch everything: their own process, which has given up its rights. */
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { history } from "../../src/engine/undo.ts";
import { asRoot, deadPayload, identityOf, makeSandbox, onLinux, type Sandbox } from "../engine/sandbox.ts";

describe.runIf(onLinux && asRoot)("as a user without the rights", () => {
  const NOBODY = 65_534;

  /** A dead lock of that user in a state dir the user can read. */
  async function theirs() {
    const sandbox = makeSandbox();
    const file = sandbox.plant({ payload: await deadPayload() });
    const before = identityOf(file);
    for (const dir of [path.dirname(sandbox.stateDir), sandbox.stateDir, path.join(sandbox.stateDir, "agents")])
      chmodSync(dir, 0o755);
    chmodSync(path.dirname(path.dirname(file)), 0o755);
    for (const own of [
      path.dirname(file),
      ...readdirSync(path.dirname(file)).map((name) => path.join(path.dirname(file), name)),
    ])
      chownSync(own, NOBODY, NOBODY);
    return { sandbox, file, before };
  }

  test("a state dir that cannot be written: a clear error, nothing is moved", async () => {
    const { sandbox, file, before } = await theirs();
    expect(await repairAs(NOBODY, sandbox)).toEqual({
      error: "UserError",
      message: expect.stringContaining("cannot be made (EACCES)"),
    });
    expect(identityOf(file)).toEqual(before);
  });

  test("a folder of sessions that cannot be written: failed with its reason, nothing is moved", async () => {
    const { sandbox, file, before } = await theirs();
    chownSync(path.dirname(file), 0, 0);
    chmodSync(path.dirname(file), 0o755);
    mkdirSync(path.join(sandbox.stateDir, "vitals"));
    chownSync(path.join(sandbox.stateDir, "vitals"), NOBODY, NOBODY);
    expect(await repairAs(NOBODY, sandbox)).toMatchObject({
      repairs: [{ status: "failed", reason: "it could not be moved: EACCES" }],
    });
    expect(identityOf(file)).toEqual(before);
    expect(history(sandbox.stateDir)[0]?.repairs).toMatchObject([{ state: "kept", canUndo: false }]);
  });

  test("a config in a folder that cannot be written: failed with its reason, nothing is written", async () => {
    const { sandbox } = await theirs();
    chownSync(sandbox.stateDir, NOBODY, NOBODY);
    const folder = path.join(path.dirname(sandbox.stateDir), "config");
    const config = path.join(folder, "openclaw.json");
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const text = '{ "web": { "reconnect": { "maxAttempts": 99 } } }';
    writeFileSync(config, text);
    chmodSync(config, 0o644);
    symlinkSync(config, path.join(sandbox.stateDir, "openclaw.json"));
    const options = { ...sandbox.options, only: ["retry-ceiling"] };
    expect(await repairAs(NOBODY, { ...sandbox, options })).toMatchObject({
      repairs: [{ status: "failed", reason: "it could not be written: EACCES" }],
    });
    expect(readFileSync(config, "utf8")).toBe(text);
    expect(readdirSync(folder)).toEqual(["openclaw.json"]);
    expect(readdirSync(sandbox.stateDir).filter((name) => name.includes("lock"))).toEqual([]);
    expect(history(sandbox.stateDir)[0]?.repairs).toMatchObject([{ state: "kept", canUndo: false }]);
  });

  test("with the rights: repaired", async () => {
    const { sandbox, file } = await theirs();
    chownSync(sandbox.stateDir, NOBODY, NOBODY);
    expect(await repairAs(NOBODY, sandbox)).toMatchObject({ repairs: [{ status: "repaired" }] });
    expect(existsSync(file)).toBe(false);
  });

  test("another user's lock: reported, never moved", async () => {
    const { sandbox, file, before } = await theirs();
    chownSync(sandbox.stateDir, NOBODY, NOBODY);
    chownSync(file, 0, 0);
    chmodSync(file, 0o644);
    expect(await repairAs(NOBODY, sandbox)).toMatchObject({ run: null, repairs: [] });
    expect(identityOf(file)).toMatchObject({ ino: before.ino, content: before.content });
  });
});

/** Runs `repair` in a process that gave up its rights. */
async function repairAs(uid: number, { options }: Sandbox): Promise<unknown> {
  const child = fileURLToPath(new URL("./repair-as.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--no-warnings",
    child,
    String(uid),
    JSON.stringify(options),
  ]);
  return JSON.parse(stdout);
}
