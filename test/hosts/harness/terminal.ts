import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { x } from "tinyexec";
import type { Home } from "./home.ts";
import { type Finished, until } from "./processes.ts";

/** Whether tmux is on this machine; tests of terminals skip without it. */
export const hasTmux = await x("tmux", ["-V"]).then(
  ({ exitCode }) => exitCode === 0,
  () => false,
);

export interface TerminalOptions {
  /** What runs, with its first arguments; default the home's `openclaw`. */
  program?: readonly string[];
  /** Default 100. */
  columns?: number;
  /** Default 40. */
  rows?: number;
  env?: Record<string, string>;
}

/** A program on a real terminal of a given size, inside tmux. */
export interface Terminal {
  /** Types text as it is. */
  type(text: string): Promise<void>;
  /** Presses keys by tmux name: Enter, Up, Down, Space, Escape, C-c, y … */
  press(...keys: string[]): Promise<void>;
  /** The visible screen without trailing blanks; `all` adds what scrolled off. */
  screen(all?: boolean): Promise<string>;
  /** Polls until the whole output matches and returns it; throws with the output after `timeoutMs`. */
  waitFor(pattern: RegExp, timeoutMs: number): Promise<string>;
  /** Waits for the end and returns the exit code, 128 + n after signal n; throws with the output after `timeoutMs`. */
  exited(timeoutMs: number): Promise<number>;
  /** Whether the cursor is shown. */
  cursor(): Promise<boolean>;
  close(): Promise<void>;
}

/** Where a terminal's program runs: a home, or what of it a program without a host needs. */
export type TerminalHome = Pick<Home, "dir" | "spawnFile"> & Partial<Pick<Home, "host">>;

/** Runs `openclaw <args>`, or another program, on a terminal. Throws when tmux is missing. */
export async function openTerminal(
  home: TerminalHome,
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<Terminal> {
  // A socket of its own: neither the user's tmux nor another terminal of the home is touched.
  const socket = join(home.dir, `tmux-${randomBytes(4).toString("hex")}`);
  const env = { ...options.env, TERM: "xterm-256color" };

  async function tmux(...rest: string[]): Promise<Finished> {
    const base = ["-S", socket, "-f", "/dev/null"];
    const running = await home.spawnFile("tmux", [...base, ...rest], { timeoutMs: 30_000, env });
    const done = await running.finished;
    if (done.code !== 0) throw new Error(`tmux ${rest[0]} failed: ${done.stderr}`);
    return done;
  }

  async function screen(all = false): Promise<string> {
    const done = await tmux("capture-pane", "-p", "-J", ...(all ? ["-S", "-"] : []));
    return done.stdout.replace(/[ \t]+$/gm, "").trimEnd();
  }

  const size = ["-x", String(options.columns ?? 100), "-y", String(options.rows ?? 40)];
  // tmux may miss the end of a quick program and then never knows its exit code; a shell does.
  const script = 'trap : INT; "$@"; echo $? >"$0.new"; mv "$0.new" "$0"';
  const { program: first = home.host && [home.host.node, home.host.entry] } = options;
  if (first === undefined) throw new Error("a home without a host needs a program");
  const program = [...first, ...args];
  const command = ["sh", "-c", script, `${socket}.code`, ...program];
  // remain-on-exit keeps the last screen readable.
  const settings = {
    "remain-on-exit": "on",
    "remain-on-exit-format": "",
    "history-limit": "10000",
  };
  const set = Object.entries(settings).flatMap((option) => ["set-option", "-g", ...option, ";"]);
  await tmux("start-server", ";", ...set, "new-session", "-d", ...size, "-c", home.dir, "--", ...command);

  return {
    screen,
    async type(text) {
      await tmux("send-keys", "-l", "--", text);
    },
    async press(...keys) {
      await tmux("send-keys", "--", ...keys);
    },
    async waitFor(pattern, timeoutMs) {
      let seen = "";
      const matches = async () => {
        seen = await screen(true);
        return pattern.test(seen) ? seen : undefined;
      };
      return until(matches, timeoutMs, () => `the terminal shows ${pattern}, but:\n${seen}`, 100);
    },
    async exited(timeoutMs) {
      let seen = "";
      const end = async () => {
        if (existsSync(`${socket}.code`)) return { code: Number(await readFile(`${socket}.code`)) };
        seen = await screen(true);
        return undefined;
      };
      return (await until(end, timeoutMs, () => `the program ends, but:\n${seen}`, 100)).code;
    },
    async cursor() {
      return (await tmux("display-message", "-p", "#{cursor_flag}")).stdout.trim() === "1";
    },
    async close() {
      await tmux("kill-server");
    },
  };
}
