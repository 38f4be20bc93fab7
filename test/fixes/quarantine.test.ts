/**
 * Long because every race at every step is played on the same planted lock, and what may follow it is listed in one
 * place.
 */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/engine/errors.ts";
import { readJournal } from "../../src/engine/journal.ts";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";
import { history, runToUndo, undoRun } from "../../src/engine/undo.ts";
import {
  deadPayload,
  identityOf,
  makeSandbox,
  onLinux,
  quarantined,
  type Sandbox,
  SESSION,
  setAge,
  startHolder,
  temporaryFolder,
  treeOf,
} from "../engine/sandbox.ts";

const HOUR = 3_600_000;

/** A state dir with one dead owner's lock. */
async function deadLock(options: Parameters<Sandbox["plant"]>[0] = {}) {
  const sandbox = makeSandbox();
  const payload = await deadPayload();
  const file = sandbox.plant({ payload, ...options });
  return { sandbox, payload, file, before: identityOf(file) };
}

async function repaired(sandbox: Sandbox, options: RepairOptions = {}) {
  const result = await repair({ ...sandbox.options, ...options });
  expect(result.repairs.map(({ status, reason }) => ({ status, reason }))).toEqual(
    result.repairs.map(() => ({ status: "repaired", reason: undefined })),
  );
  expect(result.run).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]+$/);
  return { ...result, run: result.run as string };
}

describe("repair and undo", () => {
  test("a dead owner's lock goes into the quarantine and comes back byte for byte, same inode, same mode", async () => {
    const { sandbox, file, before } = await deadLock({ mode: 0o640 });
    const { run, repairs, remaining, ok } = await repaired(sandbox);
    expect(ok).toBe(true);
    expect(remaining).toEqual([]);
    expect(existsSync(file)).toBe(false);
    const [kept = ""] = quarantined(sandbox.stateDir);
    expect(kept).toBe(path.join(sandbox.stateDir, "vitals", "quarantine", run, `1-${path.basename(file)}`));
    expect(identityOf(kept)).toEqual(before);
    expect(repairs).toMatchObject([
      { fixId: "stale-lock", risk: "safe", path: file, changes: [`moved ${file} to ${kept}`] },
    ]);

    expect(undoRun(sandbox.stateDir, run)).toEqual([{ n: 1, path: file, status: "restored" }]);
    expect(identityOf(file)).toEqual(before);
    expect(lstatSync(file).nlink).toBe(1);
    expect(quarantined(sandbox.stateDir)).toEqual([]);
  });

  test("a lock without transcript is repaired and undone by its own fix", async () => {
    const { sandbox, file, before } = await deadLock({ transcript: false });
    const { run, repairs } = await repaired(sandbox);
    expect(repairs).toMatchObject([{ fixId: "lock-without-transcript", checkId: "vitals/lock-without-transcript" }]);
    undoRun(sandbox.stateDir, run);
    expect(identityOf(file)).toEqual(before);
  });

  test("an empty old lock and residue of an upgrade come back as they were", async () => {
    for (const options of [{ raw: "" }, { raw: "\u0000{\n" }] as const) {
      const { sandbox, file, before } = await deadLock({ ...options, ageMs: HOUR });
      const { run } = await repaired(sandbox, { hostVersion: "2026.9.6" });
      undoRun(sandbox.stateDir, run);
      expect(identityOf(file)).toEqual(before);
    }
  });

  test("a dry run plans and changes nothing, the vitals folder included", async () => {
    const { sandbox } = await deadLock();
    const before = treeOf(sandbox.stateDir);
    const result = await repair({ ...sandbox.options, dryRun: true, yes: true, force: true });
    expect(result).toMatchObject({ ok: false, run: null, repairs: [{ status: "planned" }] });
    expect(result.repairs[0]?.effects).toMatchObject([{ kind: "file", dryRunSafe: true }]);
    expect(treeOf(sandbox.stateDir)).toEqual(before);
  });

  test("nothing to repair: nothing is written", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ raw: "" });
    const before = treeOf(sandbox.stateDir);
    expect(await repair({ ...sandbox.options, yes: true, force: true })).toMatchObject({ ok: true, run: null });
    expect(treeOf(sandbox.stateDir)).toEqual(before);
  });

  test("a second run finds nothing more to do", async () => {
    const { sandbox } = await deadLock();
    await repaired(sandbox);
    expect(await repair(sandbox.options)).toMatchObject({ run: null, repairs: [], ok: true });
  });

  test("several locks are one run, undone one repair at a time or whole", async () => {
    const sandbox = makeSandbox();
    const payload = await deadPayload();
    const files = ["a", "b", "c"].map((session) => sandbox.plant({ session, payload }));
    const before = files.map(identityOf);
    const { run, repairs } = await repaired(sandbox);
    expect(repairs).toHaveLength(3);
    const [, second] = history(sandbox.stateDir)[0]?.repairs ?? [];
    expect(second).toMatchObject({ n: 2, path: files[1], state: "moved", canUndo: true });

    expect(undoRun(sandbox.stateDir, run, [2])).toEqual([{ n: 2, path: files[1], status: "restored" }]);
    expect(files.map((file) => existsSync(file))).toEqual([false, true, false]);
    expect(undoRun(sandbox.stateDir, run).map(({ n, status }) => [n, status])).toEqual([
      [1, "restored"],
      [3, "restored"],
    ]);
    expect(files.map(identityOf)).toEqual(before);
  });

  test("two calls with one run id (as the host makes them) are one run with numbers of their own", async () => {
    const sandbox = makeSandbox();
    const payload = await deadPayload();
    sandbox.plant({ session: "a", payload });
    sandbox.plant({ session: "b", payload, transcript: false });
    const run = "20260524T180341Z-abcdef";
    await repaired(sandbox, { run, only: ["stale-lock"] });
    await repaired(sandbox, { run, only: ["lock-without-transcript"] });
    expect(history(sandbox.stateDir).map((past) => past.repairs.map(({ n, canUndo }) => [n, canUndo]))).toEqual([
      [
        [1, true],
        [2, true],
      ],
    ]);
    expect(undoRun(sandbox.stateDir, run).map(({ status }) => status)).toEqual(["restored", "restored"]);
  });

  test("the same run id again without its journal does not write over what is kept", async () => {
    const { sandbox, payload } = await deadLock();
    const run = "20260524T180341Z-abcdef";
    await repaired(sandbox, { run });
    rmSync(path.join(sandbox.stateDir, "vitals", "journal.jsonl"));
    sandbox.plant({ payload: { ...payload, maxHoldMs: 1 } });
    await repaired(sandbox, { run });
    expect(quarantined(sandbox.stateDir)).toHaveLength(2);
  });
});

describe("undo", () => {
  test("twice: the second time there is nothing to do", async () => {
    const { sandbox, file, before } = await deadLock();
    const { run } = await repaired(sandbox);
    undoRun(sandbox.stateDir, run);
    expect(runToUndo(sandbox.stateDir)).toBe(null);
    expect(undoRun(sandbox.stateDir, run)).toEqual([]);
    expect(undoRun(sandbox.stateDir, run, [1])).toMatchObject([{ status: "skipped" }]);
    expect(identityOf(file)).toEqual(before);
  });

  test("a newer lock stands in its place: skipped, nothing is replaced, and it can be done later", async () => {
    const { sandbox, file, before } = await deadLock();
    const { run } = await repaired(sandbox);
    writeFileSync(file, "newer");
    const newer = identityOf(file);
    expect(undoRun(sandbox.stateDir, run)).toEqual([
      { n: 1, path: file, status: "skipped", reason: "a newer file stands in its place" },
    ]);
    expect(identityOf(file)).toEqual(newer);
    expect(quarantined(sandbox.stateDir)).toHaveLength(1);
    rmSync(file);
    expect(undoRun(sandbox.stateDir, run)).toMatchObject([{ status: "restored" }]);
    expect(identityOf(file)).toEqual(before);
  });

  test("the quarantined file vanished: failed, and history says it cannot be undone", async () => {
    const { sandbox, file } = await deadLock();
    const { run } = await repaired(sandbox);
    const [kept = ""] = quarantined(sandbox.stateDir);
    rmSync(kept);
    expect(undoRun(sandbox.stateDir, run)).toMatchObject([
      { status: "failed", reason: `${kept} is not there any more` },
    ]);
    expect(existsSync(file)).toBe(false);
    expect(history(sandbox.stateDir)[0]?.repairs[0]?.canUndo).toBe(false);
    expect(runToUndo(sandbox.stateDir)).toBe(null);
  });

  test("the quarantined file was changed: not put back", async () => {
    const { sandbox, file } = await deadLock();
    const { run } = await repaired(sandbox);
    writeFileSync(quarantined(sandbox.stateDir)[0] ?? "", "something else");
    expect(undoRun(sandbox.stateDir, run)).toMatchObject([{ status: "failed" }]);
    expect(existsSync(file)).toBe(false);
    expect(quarantined(sandbox.stateDir)).toHaveLength(1);
  });

  test("the folder it came from is gone: failed, nothing lost", async () => {
    const { sandbox, file } = await deadLock();
    const { run } = await repaired(sandbox);
    rmSync(path.dirname(file), { recursive: true });
    expect(undoRun(sandbox.stateDir, run)).toMatchObject([
      { status: "failed", reason: expect.stringContaining("ENOENT") },
    ]);
    expect(quarantined(sandbox.stateDir)).toHaveLength(1);
  });

  test("an unknown run or repair is a clear error", async () => {
    const { sandbox } = await deadLock();
    const { run } = await repaired(sandbox);
    expect(() => runToUndo(sandbox.stateDir, "nope")).toThrow(UserError);
    expect(() => undoRun(sandbox.stateDir, run, [9])).toThrow(/has no repair 9/);
    expect(quarantined(sandbox.stateDir)).toHaveLength(1);
  });

  test("without a run it takes the last one that has something left to undo", async () => {
    const { sandbox, payload } = await deadLock({ session: "a" });
    const first = await repaired(sandbox, { run: "20260524T180341Z-aaaaaa" });
    sandbox.plant({ session: "b", payload });
    const second = await repaired(sandbox, { run: "20260524T180342Z-bbbbbb" });
    expect(runToUndo(sandbox.stateDir)?.run).toBe(second.run);
    undoRun(sandbox.stateDir, second.run);
    expect(runToUndo(sandbox.stateDir)?.run).toBe(first.run);
  });

  test("a copied state dir does not reach into the original", async () => {
    const { sandbox, file } = await deadLock();
    const { run } = await repaired(sandbox);
    const copy = path.join(temporaryFolder(), "copy");
    const { cpSync } = await import("node:fs");
    cpSync(sandbox.stateDir, copy, { recursive: true });
    const before = treeOf(sandbox.stateDir);
    expect(undoRun(copy, run)).toMatchObject([
      { status: "failed", reason: expect.stringContaining("another state directory") },
    ]);
    expect(treeOf(sandbox.stateDir)).toEqual(before);
    expect(existsSync(file)).toBe(false);
  });
});

describe.runIf(onLinux)("what needs a person", () => {
  async function leakedLock() {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    mkdirSync(sandbox.sessions(), { recursive: true });
    const file = path.join(sandbox.sessions(), `${SESSION}.jsonl.lock`);
    const createdAt = new Date().toISOString();
    await holder.take(file, { pid: holder.pid, starttime: holder.starttime, createdAt, maxHoldMs: 1_020_000 });
    setAge(file, HOUR);
    return { sandbox, holder, file };
  }

  test("a leaked lock stays without a yes and goes with one", async () => {
    const { sandbox, holder, file } = await leakedLock();
    await holder.letGo(file);
    const before = identityOf(file);
    const refused = await repair({ ...sandbox.options, force: true });
    expect(refused).toMatchObject({ run: null, ok: false, repairs: [{ status: "skipped", risk: "confirm" }] });
    expect(refused.repairs[0]?.reason).toContain("--yes");
    expect(identityOf(file)).toEqual(before);
    const { run } = await repaired(sandbox, { yes: true });
    expect(existsSync(file)).toBe(false);
    undoRun(sandbox.stateDir, run);
    expect(identityOf(file)).toEqual(before);
  });

  test("a lock in use is never moved: within its hold, overdue, or of a process that is not OpenClaw", async () => {
    const { sandbox, file } = await leakedLock();
    const own = readFileSync(file, "utf8");
    const never = async (fixes: number): Promise<void> => {
      const before = identityOf(file);
      const { repairs, run } = await repair({ ...sandbox.options, yes: true, force: true });
      expect(repairs).toHaveLength(fixes);
      expect(run).toBe(null);
      expect(identityOf(file)).toEqual(before);
    };
    await never(0);
    writeFileSync(
      file,
      own.replace(/"createdAt": "[^"]+"/, `"createdAt": "${new Date(Date.now() - HOUR).toISOString()}"`),
    );
    setAge(file, HOUR);
    await never(0);
  });

  test("a consent decides one by one; without it what was not agreed to stays", async () => {
    const sandbox = makeSandbox();
    const payload = await deadPayload();
    const [a = "", b = ""] = ["a", "b"].map((session) => sandbox.plant({ session, payload }));
    const result = await repair({
      ...sandbox.options,
      async consent(planned) {
        return new Set(planned.filter(({ finding }) => finding.path === b));
      },
    });
    expect(result.repairs.map(({ path: file, status }) => [file, status])).toEqual(
      expect.arrayContaining([
        [a, "skipped"],
        [b, "repaired"],
      ]),
    );
    expect(existsSync(a)).toBe(true);
    expect(existsSync(b)).toBe(false);
  });
});

describe("in an update", () => {
  const env = { OPENCLAW_UPDATE_IN_PROGRESS: "1" };

  test("severities stop at warning, safe repairs run, nobody is asked", async () => {
    const { sandbox, file } = await deadLock();
    const { diagnose } = await import("../../src/engine/diagnose.ts");
    const { findings } = await diagnose({ ...sandbox.options, env });
    expect(findings).toMatchObject([{ severity: "warning", verdict: "gone" }]);
    const result = await repaired(sandbox, {
      env,
      consent: () => Promise.reject(new Error("a person was asked")),
    });
    expect(result.repairs).toHaveLength(1);
    expect(existsSync(file)).toBe(false);
  });

  test("only inside the given state dir: a store elsewhere stays as it is", async () => {
    const { sandbox, payload } = await deadLock();
    const store = temporaryFolder();
    sandbox.writeConfig({ session: { store: path.join(store, "{agentId}", "sessions.json") } });
    sandbox.plant({ payload, dir: path.join(store, "coder") });
    const before = treeOf(store);
    const { repairs } = await repaired(sandbox, { env });
    expect(repairs).toHaveLength(1);
    expect(treeOf(store)).toEqual(before);
    // The control: outside of an update the same run reaches it.
    expect((await repaired(sandbox)).repairs).toHaveLength(1);
  });

  test("a half-done repair in the copied journal does not reach into the original", async () => {
    const { sandbox, file } = await deadLock();
    const stop = (step: string): void => {
      if (step === "verify") throw new Error("stopped");
    };
    await repair({ ...sandbox.options, onStep: stop });
    expect(readJournal(sandbox.stateDir).at(-1)?.phase).toBe("intent");
    // In the original, the file moved by mistake is another one now, which settling would put back.
    writeFileSync(quarantined(sandbox.stateDir)[0] ?? "", "another");
    const copy = path.join(temporaryFolder(), "copy");
    const { cpSync } = await import("node:fs");
    cpSync(sandbox.stateDir, copy, { recursive: true });
    const before = treeOf(sandbox.stateDir);
    await repair({ ...sandbox.options, stateDir: copy, env });
    await repair({ ...sandbox.options, stateDir: copy });
    expect(treeOf(sandbox.stateDir)).toEqual(before);
    // The original settles it itself.
    await repair(sandbox.options);
    expect(readFileSync(file, "utf8")).toBe("another");
  });

  test.runIf(onLinux)("a leaked lock stays, even with a yes", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder();
    const createdAt = new Date().toISOString();
    const file = sandbox.plant({ payload: { pid: holder.pid, starttime: holder.starttime, createdAt }, ageMs: HOUR });
    const result = await repair({ ...sandbox.options, env, yes: true, force: true });
    expect(result.repairs).toMatchObject([{ status: "skipped", reason: "not during an update" }]);
    expect(existsSync(file)).toBe(true);
  });
});

/** Names of the steps of one plain removal. */
async function stepsOf(): Promise<string[]> {
  const { sandbox } = await deadLock();
  const steps: string[] = [];
  await repaired(sandbox, { onStep: (step) => steps.push(step) });
  return steps;
}

describe("races", () => {
  test("a new lock takes its place before any step: it survives, at its path, with its inode", async () => {
    const steps = await stepsOf();
    expect(steps).toContain("move");
    for (const at of steps) {
      const { sandbox, file } = await deadLock();
      const swapped: { is?: ReturnType<typeof identityOf> } = {};
      const result = await repair({
        ...sandbox.options,
        onStep(step) {
          if (step !== at || swapped.is) return;
          rmSync(file, { force: true });
          writeFileSync(file, '{"pid":1,"createdAt":"2026-01-01T00:00:00.000Z"}', { flag: "wx" });
          swapped.is = identityOf(file);
        },
      });
      expect(identityOf(file), at).toEqual(swapped.is);
      expect(lstatSync(file).nlink).toBe(1);
      // Before the move nothing is in the quarantine; after it, only what was judged.
      const moved = steps.indexOf(at) > steps.indexOf("move");
      expect(quarantined(sandbox.stateDir), at).toHaveLength(moved ? 1 : 0);
      expect(result.repairs[0]?.status, at).toBe(moved ? "repaired" : at === "move" ? "failed" : "skipped");
      const { canUndo } = history(sandbox.stateDir)[0]?.repairs[0] ?? {};
      expect(canUndo ?? false, at).toBe(moved);
    }
  });

  test("moved by mistake while yet another lock is taken: kept, reported, and undo brings it back later", async () => {
    const { sandbox, file } = await deadLock();
    const live: { is?: ReturnType<typeof identityOf> } = {};
    const result = await repair({
      ...sandbox.options,
      onStep(step) {
        if (step === "move") {
          rmSync(file);
          writeFileSync(file, "live", { flag: "wx" });
          live.is = identityOf(file);
        }
        if (step === "link back") writeFileSync(file, "second", { flag: "wx" });
      },
    });
    expect(result.repairs[0]).toMatchObject({
      status: "failed",
      reason: expect.stringContaining("its place is taken"),
    });
    expect(readFileSync(file, "utf8")).toBe("second");
    expect(identityOf(quarantined(sandbox.stateDir)[0] ?? "")).toEqual(live.is);
    expect(history(sandbox.stateDir)[0]?.repairs[0]).toMatchObject({ state: "stuck", canUndo: true });
    rmSync(file);
    expect(undoRun(sandbox.stateDir, result.run ?? "")).toMatchObject([{ status: "restored" }]);
    expect(identityOf(file)).toEqual(live.is);
  });

  test("its folder vanished with a lock moved by mistake: kept, reported, and later runs work", async () => {
    const { sandbox, file, payload } = await deadLock();
    const result = await repair({
      ...sandbox.options,
      onStep(step) {
        if (step === "move") {
          rmSync(file);
          writeFileSync(file, "live");
        }
        if (step === "link back") rmSync(path.dirname(file), { recursive: true });
      },
    });
    expect(result.repairs[0]).toMatchObject({ status: "failed", reason: expect.stringContaining("ENOENT") });
    expect(readFileSync(quarantined(sandbox.stateDir)[0] ?? "", "utf8")).toBe("live");
    sandbox.plant({ payload, agent: "other" });
    await repaired(sandbox);
  });

  test("a removal stopped with its folder gone does not stop later runs", async () => {
    const { sandbox, file, payload } = await deadLock();
    await repair({
      ...sandbox.options,
      onStep(step) {
        if (step !== "verify") return;
        writeFileSync(quarantined(sandbox.stateDir)[0] ?? "", "live");
        rmSync(path.dirname(file), { recursive: true });
        throw new Error("stopped");
      },
    });
    sandbox.plant({ payload, agent: "other" });
    await repaired(sandbox);
    expect(
      history(sandbox.stateDir)
        .flatMap(({ repairs }) => repairs.map(({ state }) => state))
        .sort(),
    ).toEqual(["moved", "stuck"]);
  });

  test("released before any step up to the move: skipped, nothing kept", async () => {
    const steps = await stepsOf();
    for (const at of steps.slice(0, steps.indexOf("move") + 1)) {
      const { sandbox, file } = await deadLock();
      const onStep = (step: string): void => {
        if (step === at) rmSync(file, { force: true });
      };
      const result = await repair({ ...sandbox.options, onStep });
      expect(result.repairs, at).toMatchObject([{ status: "skipped", reason: "it is gone already" }]);
      expect(quarantined(sandbox.stateDir)).toEqual([]);
    }
  });

  const guards: readonly (readonly [string, (guard: string) => void])[] = [
    ["a directory", (guard) => mkdirSync(guard)],
    ["a file", (guard) => writeFileSync(guard, "")],
    ["a dangling link", (guard) => symlinkSync("nowhere", guard)],
  ];

  test.each(guards)("a .reclaim guard (%s) is respected", async (_name, make) => {
    for (const at of ["plan", "look again"]) {
      const { sandbox, file, before } = await deadLock();
      if (at === "plan") make(`${file}.reclaim`);
      const onStep = (step: string): void => {
        if (step === at) make(`${file}.reclaim`);
      };
      const result = await repair({ ...sandbox.options, onStep });
      expect(result.repairs).toMatchObject([{ status: "skipped", reason: "another process is reclaiming it" }]);
      expect(identityOf(file)).toEqual(before);
      expect(lstatSync(`${file}.reclaim`)).toBeDefined(); // never ours to remove
    }
  });

  const changes: readonly (readonly [string, (file: string) => void])[] = [
    ["its time", (file) => utimesSync(file, 1, 1)],
    ["its content, of the same length", (file) => writeFileSync(file, readFileSync(file, "utf8").replace(/\d/, "0"))],
    [
      "its inode",
      (file) => {
        writeFileSync(`${file}.new`, readFileSync(file));
        renameSync(`${file}.new`, file);
      },
    ],
    [
      "its kind",
      (file) => {
        renameSync(file, `${file}.real`);
        symlinkSync(`${file}.real`, file);
      },
    ],
  ];

  test.each(changes)("a lock that changed %s since it was judged stays", async (_name, change) => {
    const { sandbox, file } = await deadLock();
    let after: string[] = [];
    const result = await repair({
      ...sandbox.options,
      onStep(step) {
        if (step !== "look again") return;
        change(file);
        after = readdirSync(path.dirname(file));
      },
    });
    expect(result.repairs).toMatchObject([{ status: "skipped", reason: "it changed since it was judged" }]);
    expect(readdirSync(path.dirname(file))).toEqual(after);
    expect(quarantined(sandbox.stateDir)).toEqual([]);
  });

  test("a lock hard-linked by another repair since it was judged stays", async () => {
    const { sandbox, file, before } = await deadLock();
    const onStep = (step: string): void => {
      if (step === "look again") linkSync(file, `${file}.other`);
    };
    const result = await repair({ ...sandbox.options, onStep });
    expect(result.repairs).toMatchObject([{ status: "skipped", reason: 'a second look says "unknown"' }]);
    expect(identityOf(file)).toEqual(before);
  });

  test("another fix at work calls ours interrupted: ours goes on, and the history is right", async () => {
    const { sandbox, file } = await deadLock();
    const result = await repair({
      ...sandbox.options,
      onStep(step) {
        if (step !== "move") return;
        settleAsAnotherRun(sandbox.stateDir);
        expect(readJournal(sandbox.stateDir).at(-1)?.phase).toBe("kept");
      },
    });
    expect(result.repairs).toMatchObject([{ status: "repaired" }]);
    expect(history(sandbox.stateDir)[0]?.repairs).toMatchObject([{ state: "moved", canUndo: true }]);
    expect(existsSync(file)).toBe(false);
  });

  test("another fix called it interrupted, and then it was killed after the move: still in the history", async () => {
    const { sandbox, file, before } = await deadLock();
    await repair({
      ...sandbox.options,
      onStep(step) {
        if (step === "move") settleAsAnotherRun(sandbox.stateDir);
        if (step === "verify") throw new Error("stopped");
      },
    });
    expect(readJournal(sandbox.stateDir).at(-1)?.phase).toBe("kept");
    await repair(sandbox.options);
    const past = runToUndo(sandbox.stateDir);
    expect(past?.repairs).toMatchObject([{ state: "moved", canUndo: true }]);
    undoRun(sandbox.stateDir, past?.run ?? "");
    expect(identityOf(file)).toEqual(before);
  });

  test("two fixes at once move each lock once", async () => {
    const sandbox = makeSandbox();
    const payload = await deadPayload();
    const files = Array.from({ length: 20 }, (_, n) => sandbox.plant({ session: `s${n}`, payload }));
    const results = await Promise.all([repair(sandbox.options), repair(sandbox.options), repair(sandbox.options)]);
    const done = results.flatMap(({ repairs }) => repairs.filter(({ status }) => status === "repaired"));
    expect(done.map((one) => one.path).sort()).toEqual([...files].sort());
    expect(results.flatMap(({ repairs }) => repairs.filter(({ status }) => status === "failed"))).toEqual([]);
    expect(quarantined(sandbox.stateDir)).toHaveLength(20);
    for (const { run } of history(sandbox.stateDir)) undoRun(sandbox.stateDir, run);
    expect(files.every((file) => existsSync(file))).toBe(true);
  });
});

describe("places", () => {
  const otherDisk = otherFileSystem();

  test.runIf(otherDisk)(
    "a store on another file system: kept beside, under a dotted name no host looks for",
    async () => {
      const { sandbox, payload } = await deadLock();
      rmSync(sandbox.sessions(), { recursive: true });
      const store = temporaryFolder(otherDisk ?? "");
      sandbox.writeConfig({ session: { store: path.join(store, "{agentId}", "sessions.json") } });
      const file = sandbox.plant({ payload, dir: path.join(store, "coder"), mode: 0o640 });
      const before = identityOf(file);
      const { run } = await repaired(sandbox);
      const names = readdirSync(path.dirname(file)).filter((name) => name.startsWith("."));
      expect(names).toEqual([`.vitals-${run}-1-${path.basename(file)}.quarantined`]);
      expect(existsSync(file)).toBe(false);
      expect(await repair(sandbox.options)).toMatchObject({ run: null, ok: true });
      expect(undoRun(sandbox.stateDir, run)).toMatchObject([{ status: "restored" }]);
      expect(identityOf(file)).toEqual(before);
      expect(readdirSync(path.dirname(file)).filter((name) => name.startsWith("."))).toEqual([]);
    },
  );

  test.runIf(otherDisk)("on another file system a new lock survives too", async () => {
    const { sandbox, payload } = await deadLock();
    rmSync(sandbox.sessions(), { recursive: true });
    const store = temporaryFolder(otherDisk ?? "");
    sandbox.writeConfig({ session: { store: path.join(store, "{agentId}", "sessions.json") } });
    for (const at of ["move", "journal intent beside", "move beside", "verify"]) {
      const file = sandbox.plant({ payload, dir: path.join(store, "coder") });
      let live: ReturnType<typeof identityOf> | undefined;
      await repair({
        ...sandbox.options,
        onStep(step) {
          if (step !== at) return;
          rmSync(file, { force: true });
          writeFileSync(file, "live", { flag: "wx" });
          live = identityOf(file);
        },
      });
      expect(live, at).toBeDefined();
      expect(identityOf(file), at).toEqual(live);
      rmSync(file);
    }
  });

  test.each([
    ["long", "x".repeat(240)],
    ["long in bytes", "ü".repeat(120)],
    ["with spaces, quotes and line breaks", "a 'b' \"c\"\n$(d)"],
    ["like an option", "-rf"],
  ])("a session name %s", async (_name, session) => {
    const { sandbox, file, before } = await deadLock({ session });
    const { run } = await repaired(sandbox);
    expect(existsSync(file)).toBe(false);
    undoRun(sandbox.stateDir, run);
    expect(identityOf(file)).toEqual(before);
  });

  test("a state dir reached over a link: repaired by one name, undone by the other", async () => {
    const { sandbox, file, before } = await deadLock();
    const link = path.join(temporaryFolder(), "link");
    symlinkSync(sandbox.stateDir, link);
    const { run } = await repaired({ ...sandbox, options: { ...sandbox.options, stateDir: link } });
    expect(undoRun(sandbox.stateDir, run)).toMatchObject([{ status: "restored" }]);
    expect(identityOf(file)).toEqual(before);
  });

  const squatters: readonly (readonly [string, (place: string) => void])[] = [
    ["vitals is a link", (dir) => symlinkSync(temporaryFolder(), path.join(dir, "vitals"))],
    ["vitals is a file", (dir) => writeFileSync(path.join(dir, "vitals"), "")],
    [
      "the journal is a link",
      (dir) => {
        mkdirSync(path.join(dir, "vitals"), { mode: 0o700 });
        writeFileSync(path.join(dir, "precious"), "precious\n");
        symlinkSync("../precious", path.join(dir, "vitals", "journal.jsonl"));
      },
    ],
    [
      "the journal is a directory",
      (dir) => mkdirSync(path.join(dir, "vitals", "journal.jsonl"), { recursive: true, mode: 0o700 }),
    ],
  ];

  test.each(squatters)("%s: a clear error, nothing is moved", async (_name, make) => {
    const { sandbox } = await deadLock();
    make(sandbox.stateDir);
    const before = treeOf(sandbox.stateDir);
    await expect(repair(sandbox.options)).rejects.toThrow(UserError);
    expect(treeOf(sandbox.stateDir)).toEqual(before);
  });

  test("the quarantine is a link: failed with its reason, nothing is moved", async () => {
    const { sandbox, file, before } = await deadLock();
    const elsewhere = temporaryFolder();
    mkdirSync(path.join(sandbox.stateDir, "vitals"));
    symlinkSync(elsewhere, path.join(sandbox.stateDir, "vitals", "quarantine"));
    const { repairs } = await repair(sandbox.options);
    expect(repairs).toMatchObject([{ status: "failed", reason: expect.stringContaining("is not a directory") }]);
    expect(identityOf(file)).toEqual(before);
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("the folder of the lock vanishes after the move: repaired all the same", async () => {
    const { sandbox, file } = await deadLock();
    await repaired(sandbox, {
      onStep(step) {
        if (step !== "make durable") return;
        rmSync(path.dirname(file), { recursive: true, force: true });
        rmdirSync(path.dirname(path.dirname(file)));
      },
    });
    expect(quarantined(sandbox.stateDir)).toHaveLength(1);
  });

  test.runIf(onLinux)("the quarantine is private", async () => {
    const { sandbox } = await deadLock();
    const { run } = await repaired(sandbox);
    const modes = ["", "quarantine", `quarantine/${run}`, "journal.jsonl"].map(
      (name) => statSync(path.join(sandbox.stateDir, "vitals", name)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
  });
});

/** What every run does first: it settles what looks interrupted. */
function settleAsAnotherRun(stateDir: string): void {
  undoRun(stateDir, "no such run");
}

function otherFileSystem(): string | null {
  const here = statSync(os.tmpdir()).dev;
  const others = ["/dev/shm", "/tmp", "/var/tmp"].filter((folder) => existsSync(folder));
  return others.find((folder) => statSync(folder).dev !== here) ?? null;
}
