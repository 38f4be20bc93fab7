/** `watch` on a real terminal of 60 columns: what comes and goes, the last line, and Ctrl-C. */
import { renameSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHome, type Home } from "../hosts/harness/home.ts";
import { ensureHost } from "../hosts/harness/hosts.ts";
import { deadPid, plantLock } from "../hosts/harness/plant.ts";
import { hasTmux, openTerminal } from "../hosts/harness/terminal.ts";
import { BIN } from "../hosts/harness/vitals.ts";

describe.skipIf(!hasTmux)("on a terminal (needs tmux)", () => {
  let home: Home;
  beforeEach(async () => {
    home = await createHome(await ensureHost("2026.5.22"));
  });
  afterEach(async () => await home.dispose());

  const args = ["watch", "--every", "5s", "--only", "stale-lock", "--host-version", "2026.5.22"];
  const open = () => openTerminal(home, args, { program: [home.host.node, BIN], columns: 60 });

  test("a lock comes and goes", async () => {
    const terminal = await open();
    await terminal.waitFor(/looked {5}nothing found\nNothing found\. Next look \S+ Ctrl-C ends it\.$/, 60_000);
    const payload = { pid: await deadPid(), createdAt: new Date().toISOString() };
    const lock = await plantLock(home, { sessionId: "dead", payload, transcript: true });
    const screen = await terminal.waitFor(
      / new {8}error {2}Session dead[\s\S]*\n1 finding\. Next look \S+ Ctrl-C ends it\.$/,
      60_000,
    );
    // The line that is written over is there once, whatever was written above it.
    expect(screen.split("Next look")).toHaveLength(2);
    renameSync(lock, `${lock}.away`);
    await terminal.waitFor(/ gone {7}error {2}Session dead[^\n]*\nNothing found\. Next look/, 60_000);
    await terminal.press("C-c");
    expect(await terminal.exited(30_000)).toBe(0);
    expect(await terminal.screen(true)).not.toContain("Next look");
  });

  test("Ctrl-C while a finding stands", async () => {
    writeFileSync(`${home.stateDir}/vitals.config.yaml`, "checks: { stale-lock: { severity: warning } }");
    const payload = { pid: await deadPid(), createdAt: new Date().toISOString() };
    await plantLock(home, { sessionId: "dead", payload, transcript: true });
    const terminal = await open();
    await terminal.waitFor(/ new {8}warning {2}Session dead[\s\S]*1 finding\. Next look/, 60_000);
    await terminal.press("C-c");
    expect(await terminal.exited(30_000)).toBe(1);
  });
});
