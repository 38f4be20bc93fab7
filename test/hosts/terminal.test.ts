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
const NOW = /Do this now\?/;

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
    expect(screen).toMatch(/\[x\] safe {2}lock of agent main, session dead/);
    expect(screen).toMatch(/\[ \] confirm {2}lock of agent main, session leaked/);
    await terminal.press("Enter");
    await terminal.waitFor(NOW, 30_000);
    await terminal.press("Enter");
    expect(await terminal.exited(30_000)).toBe(1);
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(leaked)).toBe(true);
    const end = await terminal.screen(true);
    expect(end).toContain("not chosen");
    expect(end).toMatch(/Take it back: `openclaw-vitals undo \S+`/);
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

// Both at once, each in one home: installing the plugin and a doctor take their time.
describe.skipIf(!hasTmux).concurrent("inside the host, on a terminal (needs tmux)", () => {
  test.each(HOST_VERSIONS)(
    "%s: `vitals` is the command as ever, and `doctor --fix` asks once per check",
    async (version) => {
      // Two checks with a finding that needs a yes: a lock let go of, and runs without a limit.
      const config = { gateway: { auth: undefined }, agents: { defaults: { subagents: { runTimeoutSeconds: 0 } } } };
      const home = await withPlugin(await createHome(await ensureHost(version), { config }));
      try {
        await guidedInside(home);
        await doctorAsks(home);
        await doctorAsksNothing(home);
      } finally {
        await home.dispose();
      }
    },
  );
});

async function guidedInside(home: Home): Promise<void> {
  const dead = await plantDead(home);
  // The launcher starts the host once more, and passes signals on to it.
  const env = { OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED: "" };
  const open = async () => await openTerminal(home, ["vitals"], { env, columns: 60 });
  const declined = await open();
  await declined.waitFor(QUESTION, 120_000);
  await declined.press("C-c");
  expect(await declined.exited(60_000)).toBe(130);
  expect(await declined.screen(true)).toMatch(/Interrupted\. Nothing was changed\.$/);
  expect(existsSync(dead)).toBe(true);
  const terminal = await open();
  expect(await terminal.waitFor(QUESTION, 120_000)).toMatch(/^Retries and limits\n/m);
  await terminal.press("Enter");
  await terminal.waitFor(NOW, 60_000);
  await terminal.press("Enter");
  expect(await terminal.exited(60_000)).toBe(1);
  expect(await terminal.screen(true)).toMatch(/✓ repaired {2}agent main, session dead[\s\S]*\n1 repaired\. 1 left\.$/);
  expect(existsSync(dead)).toBe(false);
}

async function doctorAsks(home: Home): Promise<void> {
  const leaked = await plantLeaked(home);
  const terminal = await openTerminal(home, ["doctor", "--fix"], { columns: 60 });
  const first = await terminal.waitFor(QUESTION, 120_000);
  expect(first).toMatch(/Vitals can do this, if you want it:\n {2}confirm {2}agent main, session leaked\n/);
  expect(first).toMatch(/>\[ \] confirm {2}lock of agent main, session leaked/);
  await terminal.press("Space", "Enter");
  await terminal.waitFor(/confirm {2}agents\.defaults\.subagents\.runTimeoutSeconds[\s\S]*Which of these/, 120_000);
  await terminal.press("C-c");
  await terminal.waitFor(/The doctor goes on; Ctrl-C now ends it/, 60_000);
  // What follows is the host's, which may have questions of its own.
  const screen = await terminal.waitFor(/Doctor changes[\s\S]*Vitals: moved/, 120_000);
  expect(screen.match(/Which of these shall be repaired/g), "one question per check").toHaveLength(2);
  expect(existsSync(leaked)).toBe(false);
  expect(quarantined(home).filter(({ path }) => path.includes("leaked"))).toHaveLength(1);
  await terminal.close();
}

async function doctorAsksNothing(home: Home): Promise<void> {
  const leaked = await plantLeaked(home);
  const terminal = await openTerminal(home, ["doctor", "--fix", "--non-interactive"]);
  // Our check had its turn, or the doctor is at its end.
  expect(await terminal.waitFor(/vitals\/stale-lock|Doctor complete/, 180_000)).not.toMatch(QUESTION);
  expect(existsSync(leaked)).toBe(true);
}
