/**
 * The demo's agent: takes a session write lock exactly as OpenClaw 2026.5.22 does (exclusive create, payload,
 * descriptor kept open) and then hangs, like an agent in a turn that never ends.
 */
import { openSync, readFileSync, writeSync } from "node:fs";

const [, , lockPath = "", title = "openclaw-agent"] = process.argv;
process.title = title;

function startTicks(): number | undefined {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return undefined;
  }
}

const payload = {
  pid: process.pid,
  createdAt: new Date().toISOString(),
  maxHoldMs: 1_020_000,
  starttime: startTicks(),
};
writeSync(openSync(lockPath, "wx", 0o600), `${JSON.stringify(payload, null, 2)}\n`);
process.stdout.write("locked\n");
setInterval(() => {}, 60_000);
