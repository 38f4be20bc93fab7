/** More of everything than anybody has: what is a list must not become arguments of a call, nor be gone through for each of its entries. */
import { strict as assert } from "node:assert";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { repair } from "../../src/engine/repair.ts";
import { readConfigGraph } from "../../src/facts/config-graph.ts";

/** The stack has room for some 120,000 arguments. */
export const MANY = 140_000;
const DEAD_PID = process.platform === "linux" ? 4_194_303 : 99_998;

function folder(): string {
  return realpathSync(mkdtempSync(path.join(existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir(), "vitals-torture-")));
}

/** Plans the removal of so many locks of dead owners. @returns how many are planned. */
export async function planMany(): Promise<number> {
  const stateDir = folder();
  try {
    const sessions = path.join(stateDir, "agents", "main", "sessions");
    mkdirSync(sessions, { recursive: true });
    const text = JSON.stringify({ pid: DEAD_PID, createdAt: new Date().toISOString() });
    for (let n = 0; n < MANY; n += 1) writeFileSync(path.join(sessions, `${n}.jsonl.lock`), text);
    const env = { OPENCLAW_GATEWAY_PORT: "1" };
    const only = ["lock-without-transcript"];
    const { repairs } = await repair({ stateDir, env, only, hostVersion: "2026.5.22", dryRun: true });
    return repairs.filter(({ status }) => status === "planned").length;
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** A run that the host calls once more after so many repairs. */
export function reopenAfterMany(): void {
  const stateDir = folder();
  try {
    const ids = { run: "r", checkId: "c", fixId: "f", findingId: "i", from: "/nowhere/x", to: "/nowhere/y" };
    const file = { dev: "1", ino: "1", size: 1, mtimeNs: "1", sha256: "0" };
    const at = "2026-11-21T08:00:00.000Z";
    const lines = Array.from({ length: MANY }, (_, n) =>
      JSON.stringify({ v: 1, at, ...ids, n: n + 1, file, phase: "kept" }),
    );
    mkdirSync(path.join(stateDir, "vitals"));
    writeFileSync(path.join(stateDir, "vitals", "journal.jsonl"), `${lines.join("\n")}\n`);
    openQuarantine(stateDir, "r").close();
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** A config of so many keys, each given twice. */
export function readManyKeys(): void {
  const dir = folder();
  try {
    const file = path.join(dir, "openclaw.json");
    writeFileSync(file, `{${Array.from({ length: MANY }, (_, n) => `"k${n >> 1}":${n},\n`).join("")}"last":1}`);
    const graph = readConfigGraph(file, {});
    assert.equal(graph.problem, null);
    assert.equal(graph.notices.length, MANY / 2);
    assert.equal(graph.raw["k0"], 1);
    assert.deepEqual(graph.notices.at(-1)?.line, MANY);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
