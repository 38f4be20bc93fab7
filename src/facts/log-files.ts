import { lstatSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { sha256 } from "../digest.ts";

/** Where a gateway may write its log. */
export interface LogPlaces {
  /** `logging.file` of the config, absolute; null when it is not set. */
  readonly configured: string | null;
  /** OPENCLAW_PROFILE and the folders for temporary files, as the gateway or else this process has them. */
  readonly profile: string | undefined;
  /** Hosts of the older era, or most of them, know no log of a profile's own. */
  readonly era: "jsonl" | "sqlite";
  readonly temporary: readonly string[];
  /** Users the gateway may run as. */
  readonly uids: readonly number[];
  /** When it began to write, and now; milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly nowMs: number;
  /** For tests; default /tmp/openclaw. */
  readonly preferred?: string;
}

export interface LogFiles {
  /** Newest first. */
  readonly files: readonly string[];
  /** Whether others write there too. */
  readonly shared: boolean;
}

const DAY_MS = 86_400_000;
/** The host keeps that many full files beside the one it writes. */
const ROTATED = 5;

/**
 * The files a gateway wrote its log into since it started: the configured one, or those of the first default place that
 * has any. Looks names up, lists no folder. What the host would not trust as a folder of its own is left alone.
 */
export function findLogFiles(places: LogPlaces): LogFiles {
  if (places.configured !== null) {
    const [dir, name] = [path.dirname(places.configured), path.basename(places.configured)];
    const names = /^openclaw-.{10}\.log$/.test(name) ? dated("openclaw", places.nowMs) : [name];
    return { files: existing(dir, names, places.sinceMs), shared: false };
  }
  const own = profilePrefix(places.profile);
  const prefixes = [...new Set(places.era === "sqlite" ? [own, "openclaw"] : ["openclaw", own])];
  for (const dir of folders(places))
    for (const prefix of prefixes) {
      const files = existing(dir, dated(prefix, places.nowMs), places.sinceMs);
      if (files.length > 0) return { files, shared: true };
    }
  return { files: [], shared: true };
}

/** Days are those of the gateway's time zone, which may be ahead of ours or behind. Older files the host deletes. */
function dated(prefix: string, nowMs: number): string[] {
  return [nowMs + DAY_MS, nowMs, nowMs - DAY_MS].map((ms) => {
    const day = new Date(ms);
    const [month, date] = [day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0"));
    return `${prefix}-${day.getFullYear()}-${month}-${date}.log`;
  });
}

/** Those of the names, and what they were rotated to, that were written to since then. */
function existing(dir: string, names: readonly string[], sinceMs: number): string[] {
  return names.flatMap((name) => {
    const { name: stem, ext } = path.parse(name);
    const all = [name, ...Array.from({ length: ROTATED }, (_, n) => `${stem}.${n + 1}${ext}`)];
    return all.map((one) => path.join(dir, one)).filter((file) => writtenSince(file, sinceMs));
  });
}

function writtenSince(file: string, sinceMs: number): boolean {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.mtimeMs >= sinceMs;
  } catch {
    return false;
  }
}

function folders({ temporary, uids, preferred }: LogPlaces): string[] {
  const own = temporary.flatMap((dir) =>
    (uids.length > 0 ? uids.map((uid) => `openclaw-${uid}`) : ["openclaw"]).map((name) => path.join(dir, name)),
  );
  const first = process.platform === "win32" ? [] : [preferred ?? "/tmp/openclaw"];
  return [...new Set([...first, ...own])].filter((dir) => trusted(dir, uids));
}

/** As the host sees it: a folder and no link, its user's own, closed to others' writing. */
function trusted(dir: string, uids: readonly number[]): boolean {
  try {
    const stat = lstatSync(dir);
    if (!stat.isDirectory()) return false;
    return uids.length === 0 || (uids.includes(stat.uid) && (stat.mode & 0o022) === 0);
  } catch {
    return false;
  }
}

/** Newer hosts have a log for each profile; what is no small letter or digit is written in a code of the host's. */
function profilePrefix(profile: string | undefined): string {
  const name = profile?.trim() ?? "";
  if (name === "" || name.toLowerCase() === "default") return "openclaw";
  const encoded = [...name].map(encode).join("");
  if (encoded.length <= 220) return `openclaw-${encoded}`;
  return `openclaw--3${sha256(name)}`;
}

function encode(char: string): string {
  if (/^[a-z0-9]$/.test(char)) return char;
  if (char === "-") return "--";
  if (char === "_") return "-0";
  return /^[A-Z]$/.test(char) ? `-1${char.toLowerCase()}` : `-2${char.codePointAt(0)?.toString(16)}-`;
}

/** Folders for temporary files, as Node chooses them from these variables, and the one of services that have none. */
export function temporaryFolders(env: Partial<Record<"TMPDIR" | "TMP" | "TEMP", string>>): string[] {
  if (process.platform === "win32") return [env.TEMP || env.TMP || os.tmpdir()];
  return [...new Set([env.TMPDIR || env.TMP || env.TEMP || "/tmp", "/tmp"])].map((dir) => dir.replace(/(?<=.)\/$/, ""));
}
