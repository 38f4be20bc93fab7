/** Which of our commands load which production dependency: each command is run, and what it resolves is noted. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { packageFile } from "../src/package.ts";

const RECORDER = fileURLToPath(new URL("./loaded-recorder.mjs", import.meta.url));

interface Use {
  readonly name: string;
  readonly args: readonly string[];
  /** Run on a terminal, where there is the `script` of util-linux to make one. */
  readonly terminal?: boolean;
  /** A policy file lies in the state dir. */
  readonly policy?: boolean;
}

/** In this order on one state: `undo` needs a `fix`. */
const USES: readonly Use[] = [
  { name: "check", args: ["check", "--json"] },
  { name: "check of session locks", args: ["check", "--json", "--only", "stale-lock,lock-without-transcript"] },
  { name: "check with a policy file", args: ["check", "--json"], policy: true },
  { name: "check for people", args: ["check"] },
  { name: "fix", args: ["fix", "--yes", "--json"] },
  { name: "history", args: ["history"] },
  { name: "undo", args: ["undo", "--yes"] },
  { name: "list", args: ["list"] },
  { name: "explain", args: ["explain", "stale-lock"] },
  { name: "policy", args: ["policy"] },
  { name: "preflight", args: ["preflight", "--to", "2026.9.6"] },
  { name: "baseline", args: ["baseline", "save", "--only", "startup"] },
  { name: "report", args: ["report"] },
  { name: "report to a zip", args: ["report", "--output", "report.zip"] },
  { name: "demo", args: ["demo"] },
  { name: "on a terminal", args: [], terminal: true },
];

/**
 * Runs each command once on a small broken install, under the Node of this process.
 * @returns for each command the packages that our own modules asked for.
 * @throws when a command failed in a way that says nothing about what it loads, or there is no build.
 */
export async function dependencyUse(): Promise<ReadonlyMap<string, readonly string[]>> {
  const bin = packageFile("dist/src/cli/bin.js");
  if (!existsSync(bin)) throw new Error("There is no build: run `npm run build`.");
  const folder = mkdtempSync(path.join(os.tmpdir(), "vitals-use-"));
  try {
    const stateDir = brokenInstall(folder);
    const found = new Map<string, readonly string[]>();
    for (const use of USES)
      if (!use.terminal || hasScript()) found.set(use.name, await load(use, bin, folder, stateDir));
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function load({ name, args, terminal, policy }: Use, bin: string, folder: string, stateDir: string) {
  const record = path.join(folder, "loaded");
  const policyFile = path.join(stateDir, "vitals.config.yaml");
  rmSync(record, { force: true });
  if (policy) writeFileSync(policyFile, "locks:\n  graceSeconds: 20\n");
  const about = ["--state-dir", stateDir, "--host-version", "2026.5.22"];
  const run = [process.execPath, "--import", pathToFileURL(RECORDER).href, bin, ...args, ...about];
  const sized = `stty cols 80 rows 24 && ${run.map((word) => `'${word}'`).join(" ")}`;
  const [command = "", ...rest] = terminal ? ["script", "-qec", sized, "/dev/null"] : run;
  const child = spawn(command, rest, {
    cwd: folder,
    // A terminal stays open, with nobody who types.
    stdio: [terminal ? "pipe" : "ignore", "ignore", "ignore"],
    timeout: 60_000,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      TMPDIR: folder,
      TERM: "xterm",
      OPENCLAW_GATEWAY_PORT: "1", // nobody listens there
      VITALS_BENCH_LOADED: record,
    },
  });
  await once(child, "exit");
  rmSync(policyFile, { force: true });
  if (!existsSync(record)) throw new Error(`\`${name}\` did not end by itself within a minute`);
  return readFileSync(record, "utf8").split("\n").filter(Boolean);
}

/** A state dir with one lock, whose owner has died. */
function brokenInstall(folder: string): string {
  const stateDir = path.join(folder, ".openclaw");
  const sessions = path.join(stateDir, "agents", "main", "sessions");
  mkdirSync(sessions, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(stateDir, "openclaw.json"), "{ agents: {} }\n");
  const transcript = path.join(sessions, "one.jsonl");
  writeFileSync(transcript, "{}\n");
  const { pid } = spawnSync(process.execPath, ["--version"]);
  writeFileSync(`${transcript}.lock`, JSON.stringify({ pid, createdAt: "2026-01-01T00:00:00.000Z" }));
  utimesSync(`${transcript}.lock`, 1_767_225_600, 1_767_225_600);
  return stateDir;
}

function hasScript(): boolean {
  return process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;
}
