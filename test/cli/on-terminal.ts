import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished } from "vitest";
import { tempDir } from "../facts/sandbox.ts";
import { signalGroup, start } from "../hosts/harness/processes.ts";
import { openTerminal, type Terminal, type TerminalOptions } from "../hosts/harness/terminal.ts";
import { BIN } from "../hosts/harness/vitals.ts";

/** The built command on a terminal, with no host. */
export interface GuidedTerminal extends Terminal {
  /** Waits for the end, and throws unless the terminal is as it was before: keys echo, the cursor is shown. */
  ended(): Promise<{ code: number; screen: string }>;
}

/** Long on a machine that has other things to do. */
export const PATIENCE_MS = 60_000;

/**
 * @param how the shell's command for the program, `"$@"`; files beside the terminal are named after `$0`
 * @param dir where these files are, named `stty`
 */
export async function onTerminal(
  args: readonly string[],
  options: TerminalOptions = {},
  how = '"$@"',
  dir = tempDir(),
): Promise<GuidedTerminal> {
  const state = path.join(dir, "stty");
  // The terminal's own word for its state after the program; of one that has ended tmux says nothing about the cursor.
  const script = `trap : INT; ${how}; code=$?; stty -a >"$0.new"; mv "$0.new" "$0"; until [ -e "$0.seen" ]; do sleep 0.1; done; exit $code`;
  const { TMPDIR } = process.env;
  const env = { PATH: process.env["PATH"], HOME: dir, LANG: "C.UTF-8", TERM: "dumb", NO_COLOR: "1", TMPDIR };
  const home = {
    dir,
    spawnFile: async (file: string, rest: readonly string[], run: { env?: NodeJS.ProcessEnv } = {}) => {
      const child = await start(file, rest, { ...run, cwd: dir, env: { ...env, ...run.env } });
      onTestFinished(() => signalGroup(child.pid, "SIGKILL"));
      return child;
    },
  };
  const program = ["sh", "-c", script, state, process.execPath, BIN];
  const terminal = await openTerminal(home, args, { rows: 60, ...options, program });
  onTestFinished(async () => await terminal.close());
  return {
    ...terminal,
    async ended() {
      const seen = async (): Promise<string> => await terminal.screen(true);
      await expect.poll(() => existsSync(state), { timeout: PATIENCE_MS, message: "the program ends" }).toBe(true);
      const stty = readFileSync(state, "utf8");
      const broken = ["icanon", "isig", "echo", "icrnl", "opost"].filter(
        (mode) => !new RegExp(`(^|\\s)${mode}\\b`).test(stty),
      );
      if (!(await terminal.cursor())) broken.push("the cursor");
      if (broken.length > 0) throw new Error(`the terminal is not as it was: ${broken.join(", ")}\n${await seen()}`);
      const screen = await seen();
      writeFileSync(`${state}.seen`, "");
      return { code: await terminal.exited(PATIENCE_MS), screen };
    },
  };
}
