/** The file in which the sampler in the gateway keeps its records: where it is, how its lines read, and its reader. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { errorCode, errorText } from "../engine/errors.ts";
import type { VitalLife, VitalRing, VitalSample } from "./vital-signs.ts";

/** More is never written, and never read. Bytes. */
export const MAX_RING_BYTES = 1_048_576;

/** A life with the name its lines go by: a file may hold lines of two gateways, in any order. */
export interface RingLife extends VitalLife {
  readonly id: string;
}

/** `<state>/vitals/vital-signs.jsonl` */
export function vitalRingPath(stateDir: string): string {
  return path.join(stateDir, "vitals", "vital-signs.jsonl");
}

/** The line that begins a life. An empty line comes first, so that a line that was cut before it spoils nothing. */
export function lifeLine({ id, pid, startTicks, startedAtMs, hostVersion }: Omit<RingLife, "samples">): string {
  return `\n${JSON.stringify({ v: 1, life: id, pid, ticks: startTicks, at: startedAtMs, host: hostVersion })}\n`;
}

/** The line of one sample. See `lifeLine` for the empty line. */
export function sampleLine(id: string, sample: VitalSample): string {
  const { atMs, spanMs, maxDelayMs, p99DelayMs, utilization, rssBytes, heapBytes, externalBytes, starvedMs } = sample;
  const figures = {
    l: id,
    t: atMs,
    d: round(spanMs, 10),
    max: round(maxDelayMs, 10),
    p99: round(p99DelayMs, 10),
    u: round(utilization, 10_000),
    rss: rssBytes,
    heap: heapBytes,
    ext: externalBytes,
    ...(starvedMs === undefined ? {} : { q: round(starvedMs, 10) }),
  };
  return `\n${JSON.stringify(figures)}\n`;
}

/**
 * The lives in this text, in the order they began, each with its samples oldest first. What is no line of ours, is
 * cut, or belongs to a life whose first line is missing is left out.
 */
export function parseRing(text: string): RingLife[] {
  const lives = new Map<string, RingLife & { readonly samples: VitalSample[] }>();
  // Line by line, and not split: this also runs in a gateway, where memory that was taken is hardly given back.
  for (let from = 0, to = 0; from < text.length; from = to + 1) {
    to = text.indexOf("\n", from);
    if (to < 0) to = text.length;
    // Only what begins and ends like ours: of anything else a megabyte would take the parser half a minute.
    if (!(text.startsWith('{"l":', from) || text.startsWith('{"v":', from)) || text[to - 1] !== "}") continue;
    const value = parseLine(text.slice(from, to));
    if (value === null) continue;
    const id = value["l"];
    if (typeof id === "string") {
      const sample = sampleOf(value);
      if (sample !== null) lives.get(id)?.samples.push(sample);
    } else {
      const life = lifeOf(value);
      if (life !== null && !lives.has(life.id)) lives.set(life.id, { ...life, samples: [] });
    }
  }
  return [...lives.values()].map((life) => ({ ...life, samples: ordered(life.samples) }));
}

/** What the sampler recorded, and why it could not be read where that is so. */
export function readVitalRing(stateDir: string): VitalRing & { readonly problem: string | null } {
  const file = vitalRingPath(stateDir);
  try {
    const lives = parseRing(readTail(file)).map(({ id: _id, ...life }) => life);
    return { path: file, lives, problem: null };
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { path: file, lives: [], problem: null };
    const why = code === "ELOOP" ? "it is a link" : (code ?? errorText(error));
    return { path: file, lives: [], problem: `${file} cannot be read (${why}).` };
  }
}

function readTail(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error("it is not a regular file");
    const bytes = Buffer.alloc(Math.min(stat.size, MAX_RING_BYTES));
    return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, stat.size - bytes.length));
  } finally {
    closeSync(fd);
  }
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function lifeOf({ v, life, pid, ticks, at, host }: Record<string, unknown>): Omit<RingLife, "samples"> | null {
  if (v !== 1 || typeof life !== "string" || !isAmount(pid) || !isAmount(at)) return null;
  return {
    id: life,
    pid,
    startTicks: isAmount(ticks) ? ticks : null,
    startedAtMs: at,
    hostVersion: typeof host === "string" ? host : null,
  };
}

function sampleOf({ t, d, max, p99, u, rss, heap, ext, q }: Record<string, unknown>): VitalSample | null {
  if (!isAmount(t) || !isAmount(d) || !isAmount(max) || !isAmount(p99)) return null;
  if (!isAmount(u) || !isAmount(rss) || !isAmount(heap) || !isAmount(ext)) return null;
  return {
    atMs: t,
    spanMs: d,
    maxDelayMs: max,
    p99DelayMs: p99,
    utilization: u,
    rssBytes: rss,
    heapBytes: heap,
    externalBytes: ext,
    ...(isAmount(q) ? { starvedMs: q } : {}),
  };
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** One sample a moment: a line that came twice counts once. */
function ordered(samples: readonly VitalSample[]): VitalSample[] {
  return [...samples].sort((a, b) => a.atMs - b.atMs).filter((one, at, all) => one.atMs !== all[at - 1]?.atMs);
}

function round(value: number, scale: number): number {
  return Math.round(value * scale) / scale;
}
