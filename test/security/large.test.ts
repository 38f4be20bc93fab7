/** More of everything than anybody has, and what takes its time to try. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Upgrade } from "../../src/engine/preflight-item.ts";
import { nodeItems } from "../../src/engine/preflight-machine.ts";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import type { Facts } from "../../src/facts/facts.ts";
import { diagnose } from "../../src/index.ts";
import { asRoot, makeSandbox, onLinux, temporaryFolder } from "../engine/sandbox.ts";
import { deadPid, inventory, payload, put } from "../facts/sandbox.ts";
import { hostileEntries } from "./hostile-state.ts";

test("a journal of 150,000 lines of one run, and a line without end", () => {
  const stateDir = temporaryFolder();
  const file = { dev: "1", ino: "1", size: 5, mtimeNs: "1", sha256: "0" };
  const base = { v: 1, at: "", checkId: "c", fixId: "f", findingId: "i", run: "next", phase: "kept", file };
  const places = { from: path.join(stateDir, "x"), to: path.join(stateDir, "vitals", "x") };
  const line = `${JSON.stringify({ ...base, ...places, n: 7 })}\n`;
  put(path.join(stateDir, "vitals", "journal.jsonl"), line.repeat(150_000) + "x".repeat(1_000_000));
  expect(() => openQuarantine(stateDir, "next").close()).not.toThrow();
});

test.skipIf(!onLinux)("a folder with 100,000 entries that are no locks, and one that is", async () => {
  const sandbox = makeSandbox();
  const dir = path.join(temporaryFolder("/dev/shm"), "sessions");
  mkdirSync(dir);
  for (let n = 0; n < 100_000; n += 1) writeFileSync(path.join(dir, `${n}.jsonl`), "");
  put(path.join(dir, "one.jsonl.lock"), payload(deadPid()));
  sandbox.writeConfig({ session: { store: path.join(dir, "sessions.json") } });
  const { findings } = await diagnose({ ...sandbox.options });
  expect(findings.map(({ path: file }) => file)).toEqual([path.join(dir, "one.jsonl.lock")]);
  expect(readdirSync(dir)).toHaveLength(100_001);
});

test("an .env with lines of a megabyte, and keys of one", async () => {
  const sandbox = makeSandbox();
  const spaces = " ".repeat(500_000);
  put(path.join(sandbox.stateDir, ".env"), `OPENCLAW_SESSION_WRITE_LOCK_X=a${spaces}b${spaces}c`);
  sandbox.writeConfig({ channels: { ["k ".repeat(200_000)]: { retry: { attempts: 99 } } } });
  const { findings } = await diagnose({
    ...sandbox.options,
    only: ["retry-ceiling", "stale-lock", "unbounded-timeout"],
  });
  expect(findings.every(({ checkId }) => checkId !== "vitals/stale-lock")).toBe(true);
});

test("a journal with every way out: nothing is moved out, in, or elsewhere, written, or removed", () => {
  const root = temporaryFolder();
  const [stateDir, outside] = [path.join(root, "state"), path.join(root, "outside")];
  put(path.join(outside, "secret.txt"), "secret");
  put(path.join(outside, "secret.json"), "{}");
  mkdirSync(stateDir);
  put(path.join(stateDir, "vitals", "journal.jsonl"), `${hostileEntries(stateDir, outside).join("\n")}\n`);
  const before = inventory(outside);
  openQuarantine(stateDir, "next").close();
  const undone = history(stateDir).flatMap(({ run }) => undoRun(stateDir, run));
  expect(undone.length).toBeGreaterThan(5);
  expect(undone.filter(({ status }) => status === "restored")).toEqual([]);
  expect(inventory(outside)).toEqual(before);
});

test.skipIf(!onLinux || !asRoot)("root runs no Node that another user put there, to ask for its version", async () => {
  const dir = temporaryFolder("/dev/shm");
  chmodSync(dir, 0o755);
  const program = path.join(dir, "node-of-somebody");
  copyFileSync(process.execPath, program);
  const child = spawn(program, ["-e", "console.log(1); setInterval(() => {}, 1e9)"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const facts = { gateway: async () => ({ pid: child.pid }) } as unknown as Facts;
  const ask = async () => await nodeItems({ facts, to: "2026.9.6", graceSeconds: 30 } as Upgrade);
  expect(await ask()).toHaveLength(2);
  for (const make of [() => chmodSync(program, 0o777), () => chownSync(program, 54_321, 54_321)]) {
    make();
    expect(await ask()).toHaveLength(1);
  }
});
