import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";

const LISTEN = "0A";

/** Whether this process listens on this TCP port; null when the platform, or our rights, do not tell. Linux only. */
export function listensOn(pid: number, port: number, root = "/proc"): boolean | null {
  const dir = path.join(root, String(pid));
  try {
    const inodes = new Set(["tcp", "tcp6"].flatMap((table) => listeners(path.join(dir, "net", table), port)));
    return readdirSync(path.join(dir, "fd")).some((fd) => inodes.has(target(path.join(dir, "fd", fd))));
  } catch {
    return null;
  }
}

/** What the descriptors of those who listen on this port in the process's network lead to. */
function listeners(table: string, port: number): string[] {
  if (!existsSync(table)) return []; // a kernel without IPv6
  return readFileSync(table, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local = "", , state]) => state === LISTEN && Number.parseInt(local.split(":").at(-1) ?? "", 16) === port,
    )
    .map((fields) => `socket:[${fields[9]}]`);
}

function target(fd: string): string {
  try {
    return readlinkSync(fd);
  } catch {
    return ""; // closed since it was listed
  }
}
