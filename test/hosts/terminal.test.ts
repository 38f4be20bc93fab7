/** Prompts on a real terminal: our own command, and inside the doctor of both hosts. */
import { existsSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { deadPid, plantLock, titledProcess } from "./harness/plant.ts";
import { hasTmux, openTerminal, type Terminal } from "./harness/terminal.ts";
import { BIN, quarantined, withPlugin } from "./harness/vitals.ts";

const QUESTION = /Which of these shall be repaired/;

/** A lock that its living owner let go of: removed only when a person says yes. */
async function plantLeaked(home: Home): Promise<string> {
  const owner = await titledProcess(home, "openclaw");
  const payload = { pid: owner.pid, createdAt: new Date().toISOString(), starttime: owner.startTicks };
  const path = await plantLock(home, { sessionId: "leaked", payload, transcript: true });
  const old = new Date(Date.now() - 120_000);
  await utimes(path, old, old);
  return path;
}

async function plantDead(home: Home): Promise<string> {
  const payload = { pid: await deadPid(), createdAt: new Date().toISOString() };
  return await plantLock(home, { sessionId: "dead", payload, transcript: true });
}

describe.skipIf(!hasTmux)("the command on a terminal (needs tmux)", () => {
  let home: Home;
  beforeEach(async () => {
    home = await createHome(await ensureHost("2026.5.22"));
  });
  afterEach(async () => await home.dispose());

  const open = async (args: readonly string[], columns: number): Promise<Terminal> =>
    await openTerminal(home, args, { program: [home.host.node, BIN], columns });

  test.each([60, 160])("safe repairs are preselected, others wait for a yes (%i columns)", async (columns) => {
    const [dead, leaked] = [await plantDead(home), await plantLeaked(home)];
    const terminal = await open(["fix"], columns);
    const screen = await terminal.waitFor(QUESTION, 30_000);
    expect(screen).toMatch(/◉ \[safe\] Session dead/);
    expect(screen).toMatch(/◯ \[confirm\] Session leaked/);
    await terminal.press("Enter");
    expect(await terminal.exited(30_000)).toBe(1);
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(leaked)).toBe(true);
    const end = await terminal.screen(true);
    expect(end).toContain("not chosen");
    expect(end).toContain("Take it back with");
  });

  test("Ctrl-C at the question changes nothing", async () => {
    const dead = await plantDead(home);
    const terminal = await open(["fix"], 80);
    await terminal.waitFor(QUESTION, 30_000);
    await terminal.press("C-c");
    await terminal.exited(30_000);
    expect(existsSync(dead)).toBe(true);
    expect(quarantined(home)).toEqual([]);
    expect(await terminal.screen(true)).not.toMatch(/\bat .*:\d+:\d+|Error:/);
  });

  test("undo asks before it locks the sessions again", async () => {
    const dead = await plantDead(home);
    const fix = await open(["fix", "--non-interactive"], 80);
    expect(await fix.exited(30_000)).toBe(0);
    const undo = await open(["undo"], 80);
    await undo.waitFor(/Put back the lock/, 30_000);
    await undo.press("Enter");
    expect(await undo.exited(30_000)).toBe(0);
    expect(existsSync(dead), "no is the default").toBe(false);
    const again = await open(["undo"], 80);
    await again.waitFor(/Put back the lock/, 30_000);
    await again.press("y", "Enter");
    expect(await again.exited(30_000)).toBe(0);
    expect(existsSync(dead)).toBe(true);
  });
});

describe.skipIf(!hasTmux).each(HOST_VERSIONS)("`openclaw doctor --fix` of %s on a terminal (needs tmux)", (version) => {
  let home: Home;
  beforeEach(async () => {
    home = await withPlugin(await createHome(await ensureHost(version), { config: { gateway: { auth: undefined } } }));
  });
  afterEach(async () => await home.dispose());

  test("asks for what needs a yes, and the doctor goes on after the answer", async () => {
    const leaked = await plantLeaked(home);
    const terminal = await openTerminal(home, ["doctor", "--fix"]);
    await terminal.waitFor(QUESTION, 120_000);
    await terminal.press("Space");
    await terminal.press("Enter");
    const screen = await terminal.waitFor(/Vitals: moved/, 120_000);
    expect(screen).toContain("Doctor changes");
    expect(existsSync(leaked)).toBe(false);
    expect(quarantined(home)).toHaveLength(1);
  });
});
