/**
 * A session lock that its gateway holds past its limit: from the finding to the restart, and what keeps it from one.
 * Long because each way to a restart, or away from one, is told from the same held lock on.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { openJournal, readJournal } from "../../src/engine/journal.ts";
import type { ChangeEntry } from "../../src/engine/journal-entry.ts";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";
import { cooldownLeft } from "../../src/engine/restart-kind.ts";
import { finishInterrupted } from "../../src/engine/settle.ts";
import { history, runToUndo, undoRun } from "../../src/engine/undo.ts";
import { readLife } from "../../src/facts/gateway.ts";
import { FAKE_HOST, startFakeGateway } from "./fake-gateway.ts";
import { makeSandbox, onLinux, quarantined, startHolder } from "./sandbox.ts";

/** A state dir whose gateway is stuck in a turn: it holds a session lock past its limit, and was told how to restart. */
async function stuck(how: string, { supervised = false, command = true, turns = 1 } = {}) {
  const sandbox = makeSandbox();
  const { stateDir } = sandbox;
  const session = path.join(sandbox.sessions(), "stuck.jsonl.lock");
  const sessionLocks = [session, session.replace("stuck", "too")].slice(0, turns);
  mkdirSync(path.dirname(session), { recursive: true });
  for (const lock of sessionLocks) writeFileSync(lock.replace(".lock", ""), "{}\n");
  const lockPath = path.join(stateDir, "tmp", `openclaw-${os.userInfo().uid}`, "gateway.state.lock");
  const gateway = await startFakeGateway({ lockPath, sessionLocks, supervised });
  const bin = path.join(path.dirname(stateDir), "bin");
  mkdirSync(bin);
  const program = path.join(bin, "openclaw");
  if (command) writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${FAKE_HOST}" "$@"\n`);
  if (command) chmodSync(program, 0o755);
  const options: RepairOptions = {
    ...sandbox.options,
    hostVersion: "2026.9.6",
    only: ["stale-lock"],
    env: {
      HOME: path.dirname(stateDir),
      PATH: bin,
      OPENCLAW_GATEWAY_PORT: String(gateway.port),
      FAKE_SERVICE: how,
    },
  };
  const restarts = () => readJournal(stateDir).filter((entry): entry is ChangeEntry => entry.kind === "restart");
  return { sandbox, stateDir, session, gateway, options, restarts };
}

/** The policy's default. */
const COOLDOWN_MS = 600_000;

describe.skipIf(!onLinux)("a lock its gateway holds too long", () => {
  test("is repaired by a restart only with --force; lock and turn are gone, and it is journaled with evidence", async () => {
    const { stateDir, session, gateway, options, restarts } = await stuck("exit", { supervised: true });
    const asked = await repair({ ...options, yes: true });
    expect(asked.repairs).toMatchObject([{ status: "skipped", risk: "disruptive", path: session }]);
    expect(asked.repairs[0]?.reason).toContain("--force");
    expect(readLife(gateway.lockPath)).toMatchObject({ pid: gateway.pid });

    const { repairs, run, ok } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "repaired", path: session }]);
    expect(repairs[0]?.changes[0]).toMatch(/^restarted the gateway in \d+ s: process \d+ is now process \d+/);
    expect(repairs[0]?.changes[1], "the dead process left its lock").toMatch(/^moved .*stuck\.jsonl\.lock to/);
    expect(ok).toBe(true);
    expect(existsSync(session)).toBe(false);

    expect(restarts().map(({ phase }) => phase)).toEqual(["intent", "done"]);
    const kept = restarts()[0]?.to ?? "";
    expect(kept.startsWith(path.join(stateDir, "vitals"))).toBe(true);
    const evidence = JSON.parse(readFileSync(kept, "utf8"));
    expect(evidence).toMatchObject({ run, verdict: "overdue", path: session });
    expect(evidence.gateway).toMatchObject({ pid: gateway.pid, port: gateway.port, lockPath: gateway.lockPath });
    expect(evidence.gateway.rssBytes).toBeGreaterThan(1_000_000);
    expect(evidence.gateway.uptimeMs).toBeGreaterThan(0);
    expect(evidence.evidence.length).toBeGreaterThan(3);
  });

  test("what a restart left behind comes back with undo; the restart itself has no way back", async () => {
    const { stateDir, session, options } = await stuck("exit", { supervised: true });
    const { run } = await repair({ ...options, force: true });
    expect(runToUndo(stateDir)?.run).toBe(run);
    expect(undoRun(stateDir, run ?? "")).toMatchObject([{ path: session, status: "restored" }]);
    expect(undoRun(stateDir, run ?? "", [1])).toMatchObject([
      { status: "skipped", reason: "a restart cannot be taken back" },
    ]);
    expect(history(stateDir)[0]?.repairs).toMatchObject([{ state: "done", canUndo: false }, { state: "undone" }]);
  });

  test.each([
    ["within", "released"],
    ["leak", "moved"],
  ])("a restart within the process (%s) counts when the lock is %s", async (how, what) => {
    const { session, gateway, options } = await stuck(how);
    const { repairs } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "repaired" }]);
    expect(repairs[0]?.changes.join("; ")).toMatch(
      new RegExp(`within process ${gateway.pid}, so its memory was not freed; ${what} `),
    );
    expect(existsSync(session)).toBe(false);
  });

  test("a restart after which the lock is still held is no repair, and the supervisor's way is named", async () => {
    const { session, gateway, options, restarts } = await stuck("keep");
    const { repairs, remaining } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "failed" }]);
    expect(repairs[0]?.reason).toMatch(/but it still holds the lock; to end the process itself: .*restart|start it/);
    expect(remaining).toMatchObject([{ verdict: "overdue", path: session }]);
    expect(readLife(gateway.lockPath)?.createdAtMs).not.toBe(gateway.createdAtMs);
    expect(restarts().at(-1)?.phase, "it did happen").toBe("done");
    expect(existsSync(session)).toBe(true);
  });

  test("says before what else it interrupts, and counts only turns of this gateway", async () => {
    const { sandbox, options, gateway } = await stuck("within");
    const effect = async () => (await repair({ ...options, dryRun: true })).repairs[0]?.effects[0]?.action;
    expect(await effect()).toContain("interrupts no other turn that holds a lock");
    const other = await startHolder("openclaw-agent");
    const payload = { pid: other.pid, createdAt: new Date().toISOString(), starttime: other.starttime };
    await other.take(path.join(sandbox.sessions(), "elsewhere.jsonl.lock"), payload);
    expect(await effect()).toContain("interrupts no other turn that holds a lock");
    expect(readLife(gateway.lockPath)?.createdAtMs, "a dry run restarts nothing").toBe(gateway.createdAtMs);
  });

  test("two stuck turns are one restart, which both were told of", async () => {
    const { options, restarts } = await stuck("within", { turns: 2 });
    const { repairs, ok } = await repair({ ...options, force: true });
    expect(repairs.map(({ effects }) => effects[0]?.action)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining("interrupts 1 other running turn")),
    );
    expect(repairs).toMatchObject([{ status: "repaired" }, { status: "repaired" }]);
    expect(restarts()).toHaveLength(2);
    expect(ok).toBe(true);
  });

  test("is not restarted again within ten minutes, whatever came of it", async () => {
    const { stateDir, options, gateway, session, restarts } = await stuck("keep");
    await repair({ ...options, force: true });
    const after = readLife(gateway.lockPath);
    const again = await repair({ ...options, force: true });
    expect(again.repairs).toMatchObject([{ status: "skipped", path: session }]);
    expect(again.repairs[0]?.reason).toMatch(/a restart was tried less than 10 minutes ago .* another one in \d+ min/);
    expect(again.run).toBeNull();
    expect(readLife(gateway.lockPath)).toEqual(after);
    expect(restarts()).toHaveLength(2);

    const past = (entry: ChangeEntry) => ({ ...entry, at: new Date(Date.now() - COOLDOWN_MS).toISOString() });
    const lines = restarts().map((entry) => `${JSON.stringify(past(entry))}\n`);
    writeFileSync(path.join(stateDir, "vitals", "journal.jsonl"), lines.join(""));
    await repair({ ...options, force: true });
    expect(restarts()).toHaveLength(4);
    expect(readLife(gateway.lockPath)).not.toEqual(after);
  });

  test("a restart that did not happen is a failed repair that says what to do instead", async () => {
    const { session, gateway, options, restarts } = await stuck("not-loaded");
    const { repairs } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "failed", changes: [] }]);
    expect(repairs[0]?.reason).toMatch(/the host knows no service that runs this gateway.*to restart it: \S/);
    expect(restarts().at(-1)).toMatchObject({ phase: "kept" });
    expect(readLife(gateway.lockPath)).toMatchObject({ createdAtMs: gateway.createdAtMs });
    expect(existsSync(session)).toBe(true);
  });

  test("without the host's command nothing is tried, and no wait begins", async () => {
    const { options, restarts } = await stuck("within", { command: false });
    const { repairs, run } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "skipped" }]);
    expect(repairs[0]?.reason).toMatch(/`openclaw` is not on the PATH; to restart it: \S/);
    expect(run).toBeNull();
    expect(restarts()).toEqual([]);
  });

  test("never in an update, whatever is agreed to", async () => {
    const { options, gateway, restarts } = await stuck("within");
    const env = { ...options.env, OPENCLAW_UPDATE_IN_PROGRESS: "1" };
    const { repairs } = await repair({ ...options, env, force: true, yes: true });
    expect(repairs).toMatchObject([{ status: "skipped", reason: "not during an update" }]);
    expect(readLife(gateway.lockPath)).toMatchObject({ createdAtMs: gateway.createdAtMs });
    expect(restarts()).toEqual([]);
  });

  test("held by another process it has no repair: it is said which one to stop", async () => {
    const { sandbox, options, gateway } = await stuck("within");
    const holder = await startHolder("openclaw-agent");
    const createdAt = new Date().toISOString();
    const file = path.join(sandbox.sessions(), "local.jsonl.lock");
    await holder.take(file, { pid: holder.pid, createdAt, starttime: holder.starttime, maxHoldMs: 1 });
    const { repairs, remaining } = await repair({ ...options, dryRun: true, force: true });
    expect(repairs.map(({ path: at }) => at)).not.toContain(file);
    const finding = remaining.find(({ path: at }) => at === file);
    expect(finding).toMatchObject({ verdict: "overdue", fix: null });
    expect(finding?.fixHint).toContain(`stop process ${holder.pid}`);
    expect(readLife(gateway.lockPath)).toMatchObject({ createdAtMs: gateway.createdAtMs });
  });
});

describe.skipIf(!onLinux)("a restart that was interrupted", () => {
  /** The journal of a run that was killed after it had asked for the restart. */
  async function killed(change: Partial<ChangeEntry["detail"]>) {
    const { stateDir, gateway, restarts } = await stuck("within");
    const { pid, startTicks, createdAtMs, lockPath, port } = gateway;
    const journal = openJournal(stateDir);
    const to = path.join(stateDir, "vitals", "quarantine", "r", "1-gateway-restart.json");
    const plan = { run: "r", n: 1, checkId: "vitals/stale-lock", fixId: "stale-lock", findingId: "f", to } as const;
    const detail = { pid, startTicks, createdAtMs, port, ...change };
    journal.append({ ...plan, kind: "restart", from: lockPath, detail, phase: "intent" });
    journal.close();
    return { stateDir, lockPath, restarts };
  }

  test("is settled by the gateway's lock: the same one, none happened", async () => {
    const { stateDir, restarts } = await killed({});
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(restarts().at(-1)).toMatchObject({ phase: "kept", reason: "interrupted; the gateway runs on as before" });
  });

  test("another one, but from before: somebody else's restart", async () => {
    const { stateDir, restarts } = await killed({ pid: 1 });
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(restarts().at(-1)).toMatchObject({ phase: "kept" });
  });

  test("a newer one: it happened", async () => {
    const { stateDir, restarts, lockPath } = await killed({});
    const journal = path.join(stateDir, "vitals", "journal.jsonl");
    const life = readLife(lockPath);
    const asked = new Date((life?.createdAtMs ?? 0) - 60_000).toISOString();
    const [entry] = restarts();
    const before = { ...entry, at: asked, detail: { ...entry?.detail, createdAtMs: Date.parse(asked) - 1 } };
    writeFileSync(journal, `${JSON.stringify(before)}\n`);
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(restarts().at(-1)).toMatchObject({ phase: "done", reason: "interrupted; the gateway was started since" });
  });

  test("none at all: it is not known yet, and stays open", async () => {
    const { stateDir, restarts } = await killed({});
    const [entry] = restarts();
    const gone = { ...entry, from: path.join(stateDir, "tmp", "no-such.lock") };
    writeFileSync(path.join(stateDir, "vitals", "journal.jsonl"), `${JSON.stringify(gone)}\n`);
    expect(finishInterrupted(stateDir, false)).toBe(0);
    expect(restarts()).toHaveLength(1);
    expect(readdirSync(path.join(stateDir, "vitals"))).toEqual(["journal.jsonl"]);
    expect(quarantined(stateDir)).toEqual([]);
  });
});

describe("the wait between restarts", () => {
  const at = (agoMs: number) => new Date(Date.now() - agoMs).toISOString();
  const tried = (agoMs: number) => [{ kind: "restart", phase: "intent", at: at(agoMs) }] as const;

  test("counts from the last try, and ends", () => {
    expect(cooldownLeft([], 10)).toBe(0);
    expect(cooldownLeft([{ phase: "intent", at: at(0) }], 10), "something else was moved").toBe(0);
    expect(cooldownLeft([{ kind: "restart", phase: "kept", at: at(0) }], 10), "the end of an old one").toBe(0);
    expect(cooldownLeft(tried(COOLDOWN_MS), 10)).toBe(0);
    expect(cooldownLeft(tried(COOLDOWN_MS), 20)).toBeGreaterThan(COOLDOWN_MS - 60_000);
    expect(cooldownLeft(tried(120_000), 2)).toBe(0);
    expect(cooldownLeft([...tried(3_600_000), ...tried(60_000)], 10)).toBeGreaterThan(COOLDOWN_MS - 120_000);
  });

  test("does not grow when the clock was set back, nor through a broken line", () => {
    expect(cooldownLeft(tried(-3_600_000), 10)).toBe(0);
    expect(cooldownLeft([{ kind: "restart", phase: "intent", at: "when?" }], 10)).toBe(0);
  });
});
