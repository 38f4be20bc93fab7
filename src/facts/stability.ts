import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";
import { isRecord } from "./config.ts";
import type { ProcessMemorySample, StabilityRecords } from "./vital-signs.ts";

const NAME = /^openclaw-stability-.+\.json$/;
/** The host's own limits: it keeps 20 bundles, and reads none that is larger. */
const MAX_FILES = 20;
const MAX_BYTES = 5 * 1_048_576;
/** Over all bundles; one with a full recorder has some 300 KB. */
const MAX_TOTAL_BYTES = 16 * 1_048_576;

/**
 * Memory samples of the stability bundles in `<state>/logs/stability`, which the host leaves behind when it ends in an
 * error and, on 2026.5.22, when its memory becomes critical. What is damaged or of another version is left out.
 */
export function readStability(stateDir: string): StabilityRecords {
  const dir = path.join(stateDir, "logs", "stability");
  const files: string[] = [];
  const memory = new Map<string, ProcessMemorySample>();
  let left = MAX_TOTAL_BYTES;
  for (const name of bundleNames(dir)) {
    const text = readBundle(path.join(dir, name), Math.min(left, MAX_BYTES));
    left -= text?.length ?? 0;
    const samples = text === null ? null : samplesOf(text);
    if (samples === null) continue;
    files.push(path.join(dir, name));
    // A later bundle of the same process repeats what an earlier one had.
    for (const sample of samples) memory.set(`${sample.pid} ${sample.atMs}`, sample);
  }
  return { files, memory: [...memory.values()].sort((a, b) => a.atMs - b.atMs) };
}

/** Newest first: the names begin with the time. */
function bundleNames(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => NAME.test(name))
      .sort()
      .reverse()
      .slice(0, MAX_FILES);
  } catch {
    return []; // the host makes the folder with its first bundle
  }
}

function readBundle(file: string, maxBytes: number): string | null {
  try {
    const fd = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = fstatSync(fd);
      const { size } = stat;
      if (!stat.isFile() || size > maxBytes) return null;
      const buffer = Buffer.alloc(size);
      return buffer.toString("utf8", 0, readSync(fd, buffer, 0, size, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

function samplesOf(text: string): ProcessMemorySample[] | null {
  const bundle = record(parse(text));
  const host = record(bundle["process"]);
  const { events } = record(bundle["snapshot"]);
  const [pid, uptimeMs] = [count(host["pid"]), count(host["uptimeMs"])];
  const writtenMs = typeof bundle["generatedAt"] === "string" ? Date.parse(bundle["generatedAt"]) : Number.NaN;
  if (bundle["version"] !== 1 || !Array.isArray(events) || pid === null || uptimeMs === null) return null;
  if (!Number.isFinite(writtenMs)) return null;
  const startedAtMs = writtenMs - uptimeMs;
  return events.flatMap((event) => {
    const { ts, memory } = record(event);
    const [atMs, rssBytes] = [count(ts), count(record(memory)["rssBytes"])];
    return atMs === null || rssBytes === null ? [] : [{ atMs, rssBytes, pid, startedAtMs }];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}
