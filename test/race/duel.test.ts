/**
 * One process behaves like the host, one removes stale locks from the same path. Blind unlink is the control: it must
 * lose a live lock in the same harness, or the duel proves nothing.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { canUndo, latestEntries } from "../../src/engine/journal-entry.ts";
import { temporaryFolder } from "../engine/sandbox.ts";

/** Rounds of one duel, and how many duels at most until chance has brought the race about. */
const ROUNDS = 2500;
const DUELS = 8;
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface HostResult {
  readonly taken: number;
  /** Live locks that were not in their place before release, for a moment. */
  readonly missing: number;
  /** Those that did not come back. */
  readonly lost: number;
}

interface RemoverResult {
  readonly attempts: number;
  readonly repaired: number;
  readonly putBack: number;
  readonly stuck: number;
}

/** Where files are synced at once, so that the removal is as quick as its rival. */
function quickFolder(): string {
  return existsSync("/dev/shm") ? temporaryFolder("/dev/shm") : temporaryFolder();
}

async function duel(how: "quarantine" | "unlink" | "compare") {
  const stateDir = quickFolder();
  const sessions = path.join(stateDir, "sessions");
  mkdirSync(sessions);
  const file = path.join(sessions, "s.jsonl.lock");
  const remover = spawn(process.execPath, ["--no-warnings", script("./remover.ts"), how, file, stateDir], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void remover.kill("SIGKILL"));
  const lines = createInterface({ input: remover.stdout })[Symbol.asyncIterator]();
  await lines.next(); // ready: the host would be through before the other has loaded
  // A busy machine may take a while to put a lock back; a destroyed one never comes back.
  const patience = how === "quarantine" ? 10_000 : 5;
  const args = ["--no-warnings", script("./host.ts"), file, String(ROUNDS), String(patience)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  remover.stdin.end();
  const { value: output } = await lines.next();
  return {
    stateDir,
    sessions,
    host: JSON.parse(stdout) as HostResult,
    remover: JSON.parse(output ?? "") as RemoverResult,
  };
}

/** Duels until `enough` of it was seen; the test fails when it never was. */
async function duels(how: "quarantine" | "unlink", enough: (host: HostResult, remover: RemoverResult) => boolean) {
  const all = [];
  do all.push(await duel(how));
  while (!all.some(({ host, remover }) => enough(host, remover)) && all.length < DUELS);
  for (const { host } of all) expect(host.taken, `${how}: the host had its turns`).toBeGreaterThan(ROUNDS / 4);
  expect(
    all.some(({ host, remover }) => enough(host, remover)),
    `${how}: the race came about: ${JSON.stringify(all.map(({ host, remover }) => ({ host, remover })))}`,
  ).toBe(true);
  return all;
}

test("blind unlink, the control, destroys a live lock", async () => {
  await duels("unlink", ({ lost }) => lost > 0);
}, 120_000);

test("our removal destroys none, in the same harness", async () => {
  const all = await duels("quarantine", (_host, { repaired, putBack }) => repaired > 0 && putBack > 0);
  for (const { stateDir, host, remover } of all) {
    expect(host.lost).toBe(0);
    // What was moved by mistake and found its place taken was no live lock: the host never missed its own for good.
    // Nothing is unrestorable: what is in the quarantine is in the journal, and the other way round.
    const kept = readdirSync(path.join(stateDir, "vitals", "quarantine", "duel"));
    const entries = latestEntries(readJournal(stateDir)).filter(canUndo);
    expect(entries.map(({ to }) => path.basename(to)).sort()).toEqual(kept.sort());
    expect(kept).toHaveLength(remover.repaired + remover.stuck);
  }
}, 120_000);
