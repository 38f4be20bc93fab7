/**
 * `npm run recording`: writes docs/recording.svg from a real run on a real terminal (tmux): a process that takes a
 * session lock is killed, and what is seen is what `openclaw-vitals` then shows. Only the name of the temporary home
 * is replaced.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { x } from "tinyexec";
import { packageFile } from "../src/package.ts";
import { type Frame, terminalSvg } from "./terminal-svg.ts";

const SIZE = { columns: 100, rows: 28 };
const SESSION = "b68174ac-1d06-4f19-a8f7-f055b2fa51af";
/** What the temporary home is called in the recording; of the same length, so that no line breaks elsewhere. */
const HOME = "/home/openclaw";
const OUTPUT = "docs/recording.svg";
/** What is typed, and how long its result can be read. Questions are answered with Enter. */
const STEPS = [
  { types: "openclaw-vitals check", reading: 5000 },
  { types: "openclaw-vitals", reading: 4500, clear: true },
  { types: "openclaw-vitals undo", reading: 2500, keys: ["y", "Enter"] },
];
const PATIENCE_MS = 60_000;
const PROMPT = /(?:^|\n)\$$/;
const QUESTION = /(?:^|\n)\? [^\n]*(?:\n(?!\$)[^\n]*)*$/;

/** A home with one agent, whose process was killed with the lock in its hand. */
async function plant(home: string): Promise<void> {
  const sessions = path.join(home, ".openclaw", "agents", "coder", "sessions");
  mkdirSync(sessions, { recursive: true });
  const config = { meta: { lastTouchedVersion: "2026.6.11" }, gateway: { port: 1 } };
  writeFileSync(path.join(home, ".openclaw", "openclaw.json"), `${JSON.stringify(config)}\n`);
  // What that version is known for would only distract.
  const policy = { checks: { "host-hazard": { severity: "off" } } };
  writeFileSync(path.join(home, ".openclaw", "vitals.config.json"), `${JSON.stringify(policy)}\n`);
  const transcript = path.join(sessions, `${SESSION}.jsonl`);
  writeFileSync(transcript, '{"type":"session"}\n');
  const agent = x(process.execPath, ["--no-warnings", packageFile("src/cli/demo-agent.ts"), `${transcript}.lock`]);
  for await (const line of agent) if (line.includes("locked")) break;
  agent.kill("SIGKILL");
  await new Promise((resolve) => agent.process?.once("exit", resolve));
  const bin = path.join(home, "bin");
  mkdirSync(bin);
  const command = `exec "${process.execPath}" --no-warnings "${packageFile("src/cli/bin.ts")}" "$@"\n`;
  writeFileSync(path.join(bin, "openclaw-vitals"), `#!/bin/sh\n${command}`, { mode: 0o755 });
}

/** A shell on a terminal, and what it showed since. */
async function openShell(home: string) {
  const tmux = async (...args: string[]): Promise<string> => {
    const all = ["-S", path.join(home, "tmux"), "-f", "/dev/null", ...args];
    return (await x("tmux", all, { throwOnError: true, nodeOptions: { env: { TERM: "xterm-256color" } } })).stdout;
  };
  const env = {
    HOME: home,
    PATH: `${home}/bin:/usr/bin:/bin`,
    TMPDIR: home,
    TERM: "xterm-256color",
    PS1: "$ ",
    HISTFILE: "",
  };
  const shell = [
    "env",
    "-i",
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    "bash",
    "--norc",
    "--noprofile",
  ];
  const size = ["-x", String(SIZE.columns), "-y", String(SIZE.rows)];
  await tmux("new-session", "-d", ...size, "-c", home, "--", ...shell);
  return {
    screen: async () => (await tmux("capture-pane", "-e", "-p")).replaceAll(home, HOME),
    keys: (...keys: string[]) => tmux("send-keys", ...keys),
    close: () => tmux("kill-server"),
  };
}

type Shell = Awaited<ReturnType<typeof openShell>>;

/** Types the steps and keeps each screen that differs from the one before. */
async function record(shell: Shell): Promise<Frame[]> {
  const frames: Frame[] = [];
  let clock = 0;
  const look = async (): Promise<string> => {
    const screen = await shell.screen();
    const lines = screen.trimEnd().split("\n");
    if (frames.at(-1)?.lines.join("\n") !== lines.join("\n")) frames.push({ at: clock, lines });
    return withoutColors(screen).trimEnd();
  };
  const settled = async (pattern: RegExp): Promise<string> => {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      const [before] = [await look(), await sleep(80)];
      clock += 80;
      if (pattern.test(before) && before === (await look())) return before;
    }
    throw new Error(`the terminal does not come to ${pattern}:\n${await look()}`);
  };
  await settled(PROMPT);
  for (const { types, reading, clear = false, keys = ["Enter"] } of STEPS) {
    if (clear) await shell.keys("C-l");
    for (const character of types) {
      await shell.keys("-l", character);
      clock += 45;
      await sleep(30);
      await look();
    }
    clock += 300;
    await shell.keys("Enter");
    await sleep(200);
    const either = new RegExp(`${PROMPT.source}|${QUESTION.source}`);
    for (let screen = await settled(either); !PROMPT.test(screen); screen = await settled(either)) {
      clock += 2200;
      await shell.keys(...keys);
      await sleep(200);
    }
    clock += reading;
  }
  return frames;
}

function withoutColors(screen: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what colours are made of
  return screen.replace(/\u001b\[[\d;]*m/g, "");
}

const home = realpathSync(mkdtempSync(path.join(os.tmpdir(), "vt-")));
try {
  if (home.length !== HOME.length) throw new Error(`run it with TMPDIR=/tmp: ${home} is not as long as ${HOME}`);
  await plant(home);
  const shell = await openShell(home);
  const frames = await record(shell).finally(shell.close);
  const title = "A terminal: openclaw-vitals finds the lock of a killed agent, moves it away, and puts it back.";
  const svg = terminalSvg(frames, { ...SIZE, title, rest: 4000 });
  if (svg.includes(home) || svg.includes(os.hostname())) throw new Error("a name of this machine is in the recording");
  writeFileSync(packageFile(OUTPUT), svg);
  process.stdout.write(`Wrote ${OUTPUT}: ${frames.length} screens, ${Math.round(svg.length / 1024)} KB\n`);
} finally {
  // The shell may still be about to end.
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
}
