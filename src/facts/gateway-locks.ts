import { statSync } from "node:fs";
import path from "node:path";
import { sha256 } from "../digest.ts";
import {
  type FoundLock,
  type FoundLocks,
  type Guard,
  lookTwice,
  readGuard,
  readSharedFileSystem,
} from "./found-lock.ts";
import { lookAtLock } from "./lock-file.ts";
import { processesThatLost } from "./lost-files.ts";
import { isInside, realPath } from "./paths.ts";
import { realDirectory } from "./session-locks.ts";

/** A lock a gateway holds for as long as it runs. */
export interface GatewayLock extends FoundLock {
  /** `temporary`: in the system's folder for temporary files (2026.5.22); `state`: in the state dir (2026.9.6). */
  readonly place: "temporary" | "state";
  /** Null also for hosts that do not look for one. */
  readonly guard: Guard | null;
  /** Gateways that took a lock of this name which was removed behind their back. Linux only, 2026.5.22 only. */
  readonly losers: readonly number[];
}

export interface GatewayLockPlaces {
  readonly stateDir: string;
  readonly configPath: string;
  readonly era: "jsonl" | "sqlite";
  readonly env: NodeJS.ProcessEnv;
  /** In an update only what lies inside the given state dir is touched. */
  readonly confined: boolean;
}

/**
 * The gateway locks of this state dir and config. Files are named, never listed: beside them lie kernel locks
 * (`*.lock.sqlite`) and the locks of other installations, which are none of ours. Reads, never writes.
 */
export async function readGatewayLocks(places: GatewayLockPlaces): Promise<FoundLocks<GatewayLock>> {
  const problems: string[] = [];
  const locks: GatewayLock[] = [];
  const place = places.era === "sqlite" ? "state" : "temporary";
  for (const dir of folders(places, problems)) {
    if (places.confined && !isInside(places.stateDir, dir)) continue;
    for (const name of names(places)) {
      const lock = found(path.join(dir, name), place);
      if (lock !== null) locks.push(lock);
    }
  }
  return { locks: await lookTwice(locks), problems };
}

/** Whether a file is named like a lock of a gateway and lies where those of this state dir do. Real path. */
export function isGatewayLockPlace(
  { stateDir, env }: Pick<GatewayLockPlaces, "stateDir" | "env">,
  file: string,
): boolean {
  if (!/^gateway\.(?:state|[0-9a-f]{8})\.lock$/.test(path.basename(file))) return false;
  return (["jsonl", "sqlite"] as const).some((era) => folders({ stateDir, era, env }, []).includes(path.dirname(file)));
}

/** Real paths of the folders a gateway of this era may keep its locks in. */
function folders(
  { stateDir, era, env }: Pick<GatewayLockPlaces, "stateDir" | "era" | "env">,
  problems: string[],
): string[] {
  const parents = era === "sqlite" ? [path.join(stateDir, "tmp")] : temporaryFolders(env);
  const dirs = parents.flatMap((parent) => folderNames(stateDir).map((name) => path.join(parent, name)));
  const real = dirs.map((dir) => realDirectory(dir, problems)).filter((dir) => dir !== null);
  return [...new Set(real)];
}

/** A gateway run by a service has no TMPDIR, while a shell may have one. */
function temporaryFolders(env: NodeJS.ProcessEnv): string[] {
  if (process.platform === "win32") return [env["TEMP"] || env["TMP"] || process.getBuiltinModule("node:os").tmpdir()];
  return [env["TMPDIR"] || env["TMP"] || env["TEMP"] || "/tmp", "/tmp"];
}

/** Named after the user that runs the gateway: us, or under sudo the owner of the state dir. */
function folderNames(stateDir: string): string[] {
  const uid = process.getuid?.();
  return uid === undefined ? ["openclaw"] : [`openclaw-${uid}`, `openclaw-${statSync(stateDir).uid}`];
}

/** The host hashes the path as it was given to it: through a link, or not. */
function names({ configPath, era }: GatewayLockPlaces): string[] {
  const paths = new Set([configPath, realPath(configPath)]);
  const hashed = [...paths].map((file) => sha256(file).slice(0, 8));
  return [...(era === "sqlite" ? ["gateway.state.lock"] : []), ...hashed.map((hash) => `gateway.${hash}.lock`)];
}

/** A lock, or what is left of one that is gone; null when there is neither. */
function found(file: string, place: GatewayLock["place"]): GatewayLock | null {
  const look = lookAtLock(file);
  const guard = place === "state" ? readGuard(file) : null;
  // Newer hosts also hold a kernel lock, so no second gateway can take it from the first.
  const losers = place === "temporary" ? processesThatLost(file) : [];
  if (look.kind === "missing" && guard === null && losers.length === 0) return null;
  const sharedFileSystem = readSharedFileSystem(path.dirname(file));
  return { path: file, place, look, unchanged: true, guard, losers, sharedFileSystem };
}
