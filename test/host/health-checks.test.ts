import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type CatalogueEntry, findEntry } from "../../src/engine/catalogue.ts";
import { history } from "../../src/engine/undo.ts";
import { hostCheck, registerHealthChecks } from "../../src/host/health-checks.ts";
import { findHealthSdk, type HostContext } from "../../src/host/health-sdk.ts";
import { brokenState, deadPid, inventory, payload, put, tempDir } from "../facts/sandbox.ts";

const fixing = { repairs: true, data: false, nonInteractive: true, yes: false, force: false };
const check = (id = "stale-lock", run?: string) => hostCheck(findEntry(id), fixing, run);

function context(stateDir: string, more: Partial<HostContext> = {}): HostContext {
  const cfg = { meta: { lastTouchedVersion: "2026.5.22" } };
  return {
    cfg,
    configPath: path.join(stateDir, "openclaw.json"),
    env: { OPENCLAW_STATE_DIR: stateDir, PATH: "" },
    ...more,
  };
}

describe("detect", () => {
  test("the host's fields", async () => {
    const { stateDir, locks } = brokenState();
    expect(check()).toMatchObject({ id: "vitals/stale-lock", kind: "plugin", source: "openclaw-vitals" });
    expect(await check().detect(context(stateDir))).toMatchObject([
      {
        checkId: "vitals/stale-lock",
        severity: "error",
        path: locks[0],
        message: expect.stringContaining("cannot run"),
      },
    ]);
  });

  test("only its own check", async () => {
    const { stateDir } = brokenState();
    expect(await check("lock-without-transcript").detect(context(stateDir))).toEqual([]);
  });

  test("a scope keeps the named paths", async () => {
    const { stateDir, locks } = brokenState(["one", "two"]);
    const paths = async (scope: readonly string[]) =>
      (await check().detect(context(stateDir), { paths: scope })).map((finding) => finding.path);
    expect(await paths([locks[1] as string])).toEqual([locks[1]]);
    expect(await paths([path.join(stateDir, "none")])).toEqual([]);
    expect(await paths([])).toHaveLength(2);
  });

  test("disabled means silent", async () => {
    const { stateDir } = brokenState();
    const cfg = { plugins: { entries: { vitals: { enabled: false } } } };
    expect(await check().detect(context(stateDir, { cfg }))).toEqual([]);
  });

  test("the config is the host's: the file is not read, its store and policy count", async () => {
    const { stateDir } = brokenState([]);
    put(path.join(stateDir, "openclaw.json"), "{ broken");
    const elsewhere = tempDir();
    const lock = put(path.join(elsewhere, "x.jsonl.lock"), payload(deadPid()));
    put(path.join(elsewhere, "x.jsonl"));
    const cfg = { session: { store: path.join(elsewhere, "sessions.json") } };
    expect((await check().detect(context(stateDir, { cfg }))).map((finding) => finding.path)).toEqual([lock]);
    const wrong = { plugins: { entries: { vitals: { config: { locks: { graceSeconds: "long" } } } } } };
    await expect(check().detect(context(stateDir, { cfg: wrong }))).rejects.toThrow(/graceSeconds/);
  });

  test("a config path that is not written yet is no error", async () => {
    const { stateDir } = brokenState();
    rmSync(path.join(stateDir, "openclaw.json"));
    expect(await check().detect(context(stateDir))).toHaveLength(1);
  });

  test.skipIf(process.platform === "win32")("what cannot be read is said once, by the first check", async () => {
    const { stateDir } = brokenState([]);
    const sessions = path.join(stateDir, "agents/a/sessions");
    mkdirSync(path.dirname(sessions), { recursive: true });
    symlinkSync("sessions", sessions);
    const ids = async (id: string) => (await check(id).detect(context(stateDir))).map((finding) => finding.checkId);
    expect([await ids("stale-lock"), await ids("lock-without-transcript")]).toEqual([["vitals/facts"], []]);
  });

  test("in an update nothing is above a warning", async () => {
    const { stateDir } = brokenState();
    const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_UPDATE_IN_PROGRESS: "1", PATH: "" };
    expect(await check().detect(context(stateDir, { env }))).toMatchObject([{ severity: "warning" }]);
  });
});

describe("repair", () => {
  test("repaired: changes relative to the state dir, and how to take it back", async () => {
    const { stateDir, locks } = brokenState();
    const ctx = context(stateDir);
    const one = check("stale-lock", "run-of-the-doctor");
    const result = await one.repair(ctx, await one.detect(ctx));
    expect(result).toMatchObject({
      status: "repaired",
      changes: [
        expect.stringMatching(/^Vitals: moved agents.*one\.jsonl\.lock to vitals.*run-of-the-doctor/),
        'Vitals: take it back with "openclaw vitals undo run-of-the-doctor".',
      ],
      warnings: [],
      diffs: [],
      effects: [{ kind: "file", action: "move into the quarantine", target: locks[0] }],
    });
    expect(result.changes.join()).not.toContain(stateDir);
    expect(existsSync(locks[0] as string)).toBe(false);
    expect(await one.detect(ctx)).toEqual([]);
  });

  test("two checks of one doctor are one run for undo", async () => {
    const { stateDir } = brokenState();
    put(path.join(stateDir, "agents/coder/sessions/silent.jsonl.lock"), payload(deadPid()));
    const ctx = context(stateDir);
    for (const id of ["stale-lock", "lock-without-transcript"]) await check(id, "r").repair(ctx, []);
    expect(history(stateDir)).toMatchObject([{ run: "r", repairs: [{ n: 1 }, { n: 2 }] }]);
  });

  test("an unknown verdict is skipped, its message among the warnings", async () => {
    const { stateDir } = brokenState([]);
    const lock = path.join(stateDir, "agents/coder/sessions/x.jsonl.lock");
    mkdirSync(lock, { recursive: true });
    const ctx = context(stateDir);
    const findings = await check().detect(ctx);
    const result = await check().repair(ctx, findings);
    expect(result).toMatchObject({ status: "skipped", reason: "it needs a person", changes: [], effects: [] });
    expect(result.warnings).toEqual([expect.stringContaining(findings[0]?.message ?? "-")]);
    expect(existsSync(lock)).toBe(true);
  });

  test("a finding that went away by itself is not left to a person", async () => {
    const { stateDir, locks } = brokenState();
    const ctx = context(stateDir);
    const findings = await check().detect(ctx);
    rmSync(locks[0] as string);
    expect(await check().repair(ctx, findings)).toEqual({
      status: "skipped",
      reason: "nothing is left to repair",
      changes: [],
      warnings: [],
      diffs: [],
      effects: [],
    });
  });

  test("a dry run tells the effects and changes nothing", async () => {
    const { stateDir, locks } = brokenState();
    const before = inventory(stateDir);
    const ctx = context(stateDir, { dryRun: true });
    expect(await check().repair(ctx, await check().detect(ctx))).toMatchObject({
      status: "skipped",
      reason: "dry run",
      changes: [],
      effects: [{ action: "move into the quarantine", target: locks[0] }],
    });
    expect(inventory(stateDir)).toEqual(before);
  });

  test("a repair that fails says so", async () => {
    const { stateDir, locks } = brokenState();
    put(path.join(stateDir, "vitals"), "a file where the journal should be");
    await expect(check().repair(context(stateDir), [])).rejects.toThrow(/is not a directory/);
    expect(existsSync(locks[0] as string)).toBe(true);
  });
});

describe("registration", () => {
  test("outside a host nothing is registered", () => {
    expect(findHealthSdk(process.argv[1])).toBeNull();
    expect(registerHealthChecks(fixing)).toBe(0);
  });

  test("with the registry of the program that runs, each check once", () => {
    const root = tempDir();
    put(path.join(root, "package.json"), '{ "name": "openclaw", "version": "2026.5.22", "type": "module" }');
    put(
      path.join(root, "dist/plugin-sdk/health.js"),
      `export const registered = new Map();
       export const registerHealthCheck = (check) => void registered.set(check.id, check);
       export const getHealthCheck = (id) => registered.get(id);`,
    );
    const program = put(path.join(root, "openclaw.mjs"));
    const argv1 = process.argv[1] as string;
    process.argv[1] = program;
    onTestFinished(() => {
      process.argv[1] = argv1;
    });
    const count = registerHealthChecks(fixing);
    const sdk = findHealthSdk() as unknown as { registered: Map<string, object> };
    expect(count).toBe(sdk.registered.size);
    const first = sdk.registered.get("vitals/stale-lock");
    expect(first).toBeDefined();
    registerHealthChecks(fixing);
    expect(sdk.registered.get("vitals/stale-lock")).toBe(first);
  });

  test("a package of another name is not a host", () => {
    const root = tempDir();
    put(path.join(root, "package.json"), '{ "name": "other", "version": "1.0.0" }');
    put(path.join(root, "dist/plugin-sdk/health.js"), "throw new Error('must not be loaded')");
    expect(findHealthSdk(put(path.join(root, "cli.js")))).toBeNull();
  });
});

// A catalogue entry stays what the tests above take it for.
test("the entries used here exist", () => {
  const entries: CatalogueEntry[] = [findEntry("stale-lock"), findEntry("lock-without-transcript")];
  expect(entries.map(({ fix }) => fix?.risk)).toEqual(["safe", "safe"]);
});
