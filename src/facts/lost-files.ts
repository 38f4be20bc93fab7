import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { isOpenClawCommand } from "./processes.ts";

/**
 * OpenClaw processes that have a file open which stood at this path and was removed since. Linux only, empty
 * elsewhere. One that was moved is not lost: the kernel then tells its new name.
 */
export function processesThatLost(file: string, root = "/proc"): number[] {
  if (process.platform !== "linux") return [];
  const removed = `${file} (deleted)`;
  const device = statSync(path.dirname(file)).dev;
  return numbersIn(root).filter((pid) => {
    if (!isOpenClawCommand(readArgs(`${root}/${pid}/cmdline`))) return false;
    return numbersIn(`${root}/${pid}/fd`).some((fd) => isLost(`${root}/${pid}/fd/${fd}`, removed, device));
  });
}

function isLost(descriptor: string, removed: string, device: number): boolean {
  try {
    // In a container the same path is another file; it lies on another device.
    return readlinkSync(descriptor) === removed && statSync(descriptor).dev === device;
  } catch {
    return false; // closed meanwhile
  }
}

/** Empty for a process that ended or does not let us look. */
function numbersIn(dir: string): number[] {
  try {
    return readdirSync(dir).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function readArgs(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\0").filter(Boolean);
  } catch {
    return [];
  }
}
