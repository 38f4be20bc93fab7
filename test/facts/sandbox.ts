import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { x } from "tinyexec";
import { onTestFinished } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A folder of its own for one test, removed after it. Every user may enter it. */
export function tempDir(): string {
  const dir = realpathSync(mkdtempSync(path.join(os.tmpdir(), "vitals-test-")));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes a file and the folders above it. */
export function put(file: string, content: string | Uint8Array = ""): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

let dead: number | undefined;

/**
 * The pid of a process that has ended and was collected. The same one again while nobody else has got its number:
 * processes are slow to start.
 */
export function deadPid(): number {
  if (dead === undefined || isTaken(dead)) dead = spawnSync(process.execPath, ["--version"]).pid;
  return dead;
}

/** Whether a process, or on Linux a thread, has this number now. */
export function isTaken(pid: number): boolean {
  if (process.platform === "linux") return existsSync(`/proc/${pid}`);
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** A lock payload as OpenClaw 2026.5.22 writes it. */
export function payload(pid: number, more: Record<string, unknown> = {}): string {
  return `${JSON.stringify({ pid, createdAt: new Date().toISOString(), maxHoldMs: 1_020_000, ...more }, null, 2)}\n`;
}

/** A state dir with an empty config and, for each name, an agent with a session that a dead process has locked. */
export function brokenState(
  sessions: readonly string[] = ["one"],
  agent = "coder",
): { stateDir: string; locks: string[] } {
  const stateDir = path.join(tempDir(), ".openclaw");
  put(path.join(stateDir, "openclaw.json"), "{}\n");
  const pid = deadPid();
  const locks = sessions.map((session) => {
    const transcript = put(path.join(stateDir, "agents", agent, "sessions", `${session}.jsonl`), "{}\n");
    return put(`${transcript}.lock`, payload(pid));
  });
  return { stateDir, locks };
}

/** Every entry below a folder with kind, mode, size, times and content: equal when nothing was written. */
export function inventory(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .concat(".")
    .sort()
    .map((name) => {
      const file = path.join(dir, name);
      const stat = lstatSync(file, { bigint: true });
      const content = stat.isFile()
        ? createHash("sha256").update(readFileSync(file)).digest("hex")
        : stat.isSymbolicLink()
          ? readlinkSync(file)
          : "";
      return [name, stat.mode, stat.ino, stat.isDirectory() ? "" : stat.size, stat.mtimeNs, content].join(" ");
    });
}

/** URL of a file of this repository, for an import in another process. */
export function moduleUrl(name: string): string {
  return pathToFileURL(path.join(ROOT, name)).href;
}

/** Whether file permissions can be tested: not on Windows, and as root only when another user can be taken. */
export const hasPermissions =
  process.platform !== "win32" && (process.getuid?.() !== 0 || spawnSync("setpriv", ["--version"]).status === 0);

/** Runs an ES module, as `nobody` when we are root: root may read whatever it likes. */
export async function runUnprivileged(code: string, args: readonly string[] = []) {
  const node = [process.execPath, "--no-warnings", "--input-type=module", "-e", code, "--", ...args] as const;
  const drop = process.getuid?.() === 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : [];
  const [command = "", ...rest] = [...drop, ...node];
  return await x(command, rest, { timeout: 20_000, nodeOptions: { cwd: ROOT } });
}
