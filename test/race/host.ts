/**
 * Run by the duel: takes a session lock again and again as the host does. A lock that stands there is stale, it is
 * compared and removed; then the lock is created exclusively and held with its descriptor open. Before release the
 * holder looks whether the lock in its place is still its own. `host.ts <lock> <rounds> <patience in ms>`
 */
import { closeSync, existsSync, fstatSync, lstatSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { pause } from "./pause.ts";

const [file = "", rounds = "0", patience = "0"] = process.argv.slice(2);
const result = { taken: 0, lost: 0, missing: 0 };

function read(): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** Whether the lock in its place is the file behind this descriptor. */
function isOurs(fd: number): boolean {
  try {
    const [here, held] = [lstatSync(file, { bigint: true }), fstatSync(fd, { bigint: true })];
    return here.ino === held.ino && here.dev === held.dev;
  } catch {
    return false;
  }
}

/** A lock moved by mistake is put back at once: what counts is whether it stays away. */
function comesBack(fd: number): boolean {
  const end = performance.now() + Number(patience);
  while (performance.now() < end) if (isOurs(fd)) return true;
  return false;
}

for (let round = 1; round <= Number(rounds); round += 1) {
  // A dead owner's lock, as the round before left it (the first round makes one).
  const stale = JSON.stringify({ pid: 1, createdAt: "2026-01-01T00:00:00.000Z", round });
  if (!existsSync(file)) {
    try {
      const fd = openSync(file, "wx", 0o600);
      writeSync(fd, stale);
      closeSync(fd);
    } catch {
      // put back by the other side this very moment
    }
  }
  pause(0.3);
  const found = read();
  if (found !== null && read() === found) rmSync(file, { force: true });
  let fd: number;
  try {
    fd = openSync(file, "wx", 0o600);
  } catch {
    continue; // somebody put a lock back first: wait as the host does
  }
  writeSync(fd, JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString(), round }));
  result.taken += 1;
  pause(0.3);
  if (!isOurs(fd)) {
    result.missing += 1;
    if (!comesBack(fd)) result.lost += 1;
  }
  if (isOurs(fd)) rmSync(file, { force: true });
  closeSync(fd);
}
process.stdout.write(JSON.stringify(result));
