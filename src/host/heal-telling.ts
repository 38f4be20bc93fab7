import type { HealRound } from "./heal-round.ts";

/** After so many lines of one round the others are only counted. */
const MOST_LINES = 20;

/** Tells the host's log what rounds came to: what was done always, what stays as it is only once. */
export interface Telling {
  /** @param made null when the round failed. */
  round(made: HealRound | null): void;
}

export function openTelling(warn: (line: string) => void): Telling {
  let told = new Set<string>();
  let lastSummary: string | null = null;
  let failing = false;
  return {
    round(made) {
      if (made === null) {
        if (!failing) warn("vitals: self-healing could not look at this OpenClaw; it goes on trying: openclaw vitals");
        failing = true;
        return;
      }
      failing = false;
      const notes = made.notes.filter(({ key }) => !told.has(key)).map(({ line }) => line);
      // What is gone and comes back is told again.
      told = new Set(made.notes.map(({ key }) => key));
      for (const line of made.done) warn(line);
      for (const line of notes.slice(0, MOST_LINES)) warn(line);
      if (notes.length > MOST_LINES) warn(`vitals: ${notes.length - MOST_LINES} more findings: openclaw vitals`);
      const { summary } = made;
      if (summary === null) return;
      // That all is well is told only to those who heard of something else.
      if (summary.line !== lastSummary && (!summary.clean || lastSummary !== null)) {
        warn(summary.line);
        lastSummary = summary.clean ? null : summary.line;
      }
    },
  };
}
