import { findEntry } from "../engine/catalogue.ts";
import { UserError } from "../engine/errors.ts";
import { readJournal } from "../engine/journal.ts";
import { type JournalEntry, latestEntries } from "../engine/journal-entry.ts";
import type { Redactor } from "./redact.ts";
import type { Shareable } from "./shared.ts";

/** A repair of the journal, as it may leave. Older ones are left out. */
export interface JournalLine {
  /** ISO time of what happened last to it. */
  readonly at: string;
  readonly run: string;
  readonly n: number;
  readonly check: string;
  readonly kind: string;
  readonly phase: string;
  readonly findingId: string;
  readonly path: string;
}

const MOST = 40;
const KINDS = ["file", "row", "config", "restart", "cron"];
const PHASES = ["intent", "moved", "done", "kept", "stuck", "undone"];

/**
 * The last repairs of a journal, oldest first; null when it cannot be read. The journal is a file that anybody may have
 * written into.
 */
export function journalExtract(stateDir: string, redactor: Redactor): Shareable<readonly JournalLine[]> | null {
  const lines = repairs(stateDir)
    ?.slice(-MOST)
    .map((entry) => ({
      at: matching(entry.at, /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/),
      run: matching(entry.run, /^\d{8}T\d{6}Z-[0-9a-f]{6}$/),
      n: Number.isSafeInteger(entry.n) && entry.n < 100_000 ? entry.n : 0,
      check: checkOf(entry),
      kind: among(entry.kind ?? "file", KINDS),
      phase: among(entry.phase, PHASES),
      findingId: matching(entry.findingId, /^[0-9a-f]{12}$/),
      path: redactor.path(entry.from),
    }));
  return (lines ?? null) as Shareable<readonly JournalLine[]> | null;
}

/** When something was last repaired and not taken back, milliseconds since the epoch; null when never, or not known. */
export function lastRepairMs(stateDir: string): number | null {
  const times = (repairs(stateDir) ?? [])
    .filter(({ phase }) => phase === "moved" || phase === "done")
    .map(({ at }) => Date.parse(at))
    .filter(Number.isFinite);
  return times.length === 0 ? null : Math.max(...times);
}

/** Null when the journal is there but cannot be read. */
function repairs(stateDir: string): JournalEntry[] | null {
  try {
    return latestEntries(readJournal(stateDir));
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function checkOf({ checkId }: JournalEntry): string {
  try {
    return findEntry(String(checkId)).id;
  } catch {
    return "unknown";
  }
}

function matching(text: unknown, pattern: RegExp): string {
  return typeof text === "string" && pattern.test(text) ? text : "unknown";
}

function among(text: unknown, known: readonly string[]): string {
  return known.find((one) => one === text) ?? "unknown";
}
