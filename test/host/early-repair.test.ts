import { existsSync, utimesSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { RepairResult } from "../../src/engine/repair.ts";
import { earlySection, startEarlyRepair } from "../../src/host/early-repair.ts";
import { put, tempDir } from "../facts/sandbox.ts";

/** A state dir whose config is blocked by an old, empty lock, as the environment's own. */
function blocked(config = "{}"): string {
  const stateDir = tempDir();
  put(path.join(stateDir, "openclaw.json"), config);
  const lock = put(path.join(stateDir, "openclaw.json.lock"), "");
  const past = new Date(Date.now() - 3_600_000);
  utimesSync(lock, past, past);
  vi.stubEnv("OPENCLAW_STATE_DIR", stateDir);
  vi.stubEnv("OPENCLAW_CONFIG_PATH", "");
  return lock;
}

/** Lets the time the host has pass, then waits for the repair. */
async function waited(settle: () => Promise<void>): Promise<void> {
  await vi.advanceTimersByTimeAsync(1500);
  await settle();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  const before = process.listeners("exit");
  onTestFinished(() => {
    for (const listener of process.listeners("exit"))
      if (!before.includes(listener)) process.removeListener("exit", listener);
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe("when the host's turn does not come", () => {
  // On Windows nobody can see who has a file open: there it takes a yes.
  test.skipIf(process.platform === "win32")("the lock is moved, as part of the doctor's run", async () => {
    const lock = blocked();
    await waited(startEarlyRepair("20260101T000000Z-abcdef"));
    expect(existsSync(lock)).toBe(false);
    const folder = path.join(path.dirname(lock), "vitals/quarantine/20260101T000000Z-abcdef");
    expect(existsSync(path.join(folder, "1-openclaw.json.lock"))).toBe(true);
  });

  test.each([
    ["the plugin is off", "{ plugins: { entries: { vitals: { enabled: false } } } }"],
    ["nobody can tell whether it is", "{ broken"],
  ])("not when %s", async (_name, config) => {
    const lock = blocked(config);
    await waited(startEarlyRepair("run"));
    expect(existsSync(lock)).toBe(true);
  });

  test("not in an update", async () => {
    const lock = blocked();
    vi.stubEnv("OPENCLAW_UPDATE_IN_PROGRESS", "1");
    await waited(startEarlyRepair("run"));
    expect(existsSync(lock)).toBe(true);
  });

  test("without a state dir nothing is thrown", async () => {
    vi.stubEnv("OPENCLAW_STATE_DIR", path.join(tempDir(), "none"));
    await waited(startEarlyRepair("run"));
  });
});

test("when it comes, the check does the work", async () => {
  const lock = blocked();
  const settle = startEarlyRepair("run");
  await settle();
  await waited(settle);
  expect(existsSync(lock)).toBe(true);
});

describe("what is said on exit", () => {
  const result = (parts: object): RepairResult =>
    ({ repairs: [], remaining: [], run: "run", stateDir: "/state", ...parts }) as unknown as RepairResult;

  test("what was moved, and how to take it back", () => {
    const repairs = [{ status: "repaired", changes: ["moved /state/openclaw.json.lock to /state/vitals/q/1"] }];
    expect(earlySection(result({ repairs }), true)).toBe(
      "\nVitals\n- The doctor would have waited for a lock that nobody holds: moved openclaw.json.lock to vitals/q/1\n" +
        'Take it back with "openclaw vitals undo run".\n',
    );
  });

  test("what stayed only when the checks had no turn to say it; nothing when there is nothing", () => {
    const file = "/state/openclaw.json.lock";
    const repairs = [{ status: "skipped", risk: "safe", path: file, reason: "it changed", changes: [] }];
    const remaining = [
      { severity: "warning", message: "Changes may fail.", fixHint: "Look.\u001b[2J", fix: null },
      { severity: "info", message: "A detail." },
    ];
    expect(earlySection(result({ repairs, remaining }), true)).toBe("");
    expect(earlySection(result({ repairs, remaining }), false)).toBe(
      "\nVitals\n- openclaw.json.lock skipped: it changed\n- Changes may fail. Look.?[2J\n",
    );
    expect(earlySection(result({}), false)).toBe("");
    const leaked = {
      severity: "error",
      message: "Changes fail.",
      fixHint: "Run the doctor.",
      fix: { risk: "confirm" },
    };
    const asked = [{ status: "skipped", risk: "confirm", path: file, reason: "it needs a yes", changes: [] }];
    expect(earlySection(result({ repairs: asked, remaining: [leaked] }), false)).toBe(
      '\nVitals\n- Changes fail.\nRun "openclaw vitals fix" to repair it.\n',
    );
  });
});
