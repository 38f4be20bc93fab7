/** A disk that fills up, or is read-only, for real: a small file system of its own, which only root can make. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { UserError } from "../../src/engine/errors.ts";
import { type RepairResult, repair } from "../../src/engine/repair.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { deadPayload, identityOf, quarantined, SESSION_LOCK_CHECKS, temporaryFolder } from "../engine/sandbox.ts";

/** Makes a file system of 64 KiB; null where that is not allowed. */
function smallDisk(): string | null {
  const dir = temporaryFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "vitals-test", dir], { stdio: "ignore" });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync("umount", ["--lazy", dir]));
  return dir;
}

/** Root in a container may not mount either. */
function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "vitals-test", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function scene() {
  const disk = smallDisk() ?? "";
  const stateDir = path.join(disk, ".openclaw");
  const sessions = path.join(stateDir, "agents", "coder", "sessions");
  mkdirSync(sessions, { recursive: true });
  const locks = ["a", "b"].map((name) => path.join(sessions, `${name}.jsonl.lock`));
  for (const lock of locks) {
    writeFileSync(lock.replace(".lock", ""), "{}\n");
    writeFileSync(lock, JSON.stringify(await deadPayload()));
  }
  const options = { stateDir, hostVersion: "2026.5.22", env: {}, only: SESSION_LOCK_CHECKS };
  return { disk, stateDir, locks, before: locks.map(identityOf), options };
}

function fill(disk: string): void {
  for (let n = 0, size = 16_384; size >= 1; n += 1)
    try {
      writeFileSync(path.join(disk, `fill-${n}`), Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2);
    }
}

function free(disk: string): void {
  for (const name of readdirSync(disk)) if (name.startsWith("fill-")) rmSync(path.join(disk, name));
}

describe.runIf(canMount())("on a small disk", () => {
  test("it fills up before any step: both locks are reported, none is lost, and the rest is done later", async () => {
    const recorded = await scene();
    const steps: string[] = [];
    await repair({ ...recorded.options, onStep: (step) => steps.push(step) });
    expect(steps.filter((step) => step === "move")).toHaveLength(2);
    let failures = 0;
    for (const [index, step] of steps.entries()) {
      const { disk, stateDir, locks, before, options } = await scene();
      let count = 0;
      const result: RepairResult = await repair({
        ...options,
        onStep: () => {
          if (count++ === index) fill(disk);
        },
      });
      const at = `full before step ${index}, "${step}"`;
      expect(result.repairs, at).toHaveLength(2);
      for (const { status, reason } of result.repairs) {
        if (status === "repaired") continue;
        failures += 1;
        expect(status, at).toBe("failed");
        expect(reason, at).toMatch(/ENOSPC|disk full/);
      }
      expect([...quarantined(stateDir), ...locks.filter((lock) => existsSync(lock))], at).toHaveLength(2);

      free(disk);
      expect(await repair(options), at).toMatchObject({ ok: true });
      expect(
        locks.map((lock) => existsSync(lock)),
        at,
      ).toEqual([false, false]);
      for (const { run } of history(stateDir)) undoRun(stateDir, run);
      expect(locks.map(identityOf), at).toEqual(before);
      expect(locks.map((lock) => lstatSync(lock).nlink)).toEqual([1, 1]);
    }
    expect(failures, "a full disk was felt").toBeGreaterThan(0);
  });

  test("it is full before an undo: the locks come back all the same, or the reason says why", async () => {
    const { disk, stateDir, locks, before, options } = await scene();
    const { run } = await repair(options);
    fill(disk);
    const undone = undoRun(stateDir, run ?? "");
    expect(undone).toHaveLength(2);
    for (const { status, reason } of undone) if (status !== "restored") expect(reason).toContain("ENOSPC");
    free(disk);
    for (const { run: past } of history(stateDir)) undoRun(stateDir, past);
    expect(locks.map(identityOf)).toEqual(before);
    expect(history(stateDir)[0]?.repairs).toMatchObject([{ state: "undone" }, { state: "undone" }]);
  });

  test("it is read-only: a clear error, nothing is touched, and later it works", async () => {
    const { disk, stateDir, locks, before, options } = await scene();
    const mount = (how: "ro" | "rw"): void => void execFileSync("mount", ["-o", `remount,${how}`, disk]);
    mount("ro");
    await expect(repair(options)).rejects.toThrow(UserError);
    await expect(repair(options)).rejects.toThrow(/EROFS/);
    expect(locks.map(identityOf)).toEqual(before);
    mount("rw");
    const { run } = await repair(options);
    mount("ro");
    expect(() => undoRun(stateDir, run ?? "")).toThrow(/EROFS/);
    mount("rw");
    expect(undoRun(stateDir, run ?? "")).toMatchObject([{ status: "restored" }, { status: "restored" }]);
    expect(locks.map(identityOf)).toEqual(before);
  });
});
