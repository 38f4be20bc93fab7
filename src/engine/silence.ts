import { fingerprint } from "./finding-id.ts";
import { plainFinding } from "./late-finding.ts";
import type { Silence } from "./policy.ts";
import type { Finding } from "./types.ts";

const DAY_MS = 86_400_000;

/** A finding that does not count, with the operator's word for it. */
export interface SilencedFinding extends Finding {
  readonly silence: Pick<Silence, "reason" | "until">;
}

/** Findings, divided. */
export interface Heard {
  readonly findings: readonly Finding[];
  readonly silenced: readonly SilencedFinding[];
}

/**
 * Takes out what the policy silences. Where a silence is over, the finding counts again and a note beside it says why
 * it is back. Pure.
 * @param byIdOnly ids of findings that say that a check itself failed: silencing the check does not hide them
 */
export function applySilences(
  all: readonly Finding[],
  silences: readonly Silence[],
  nowMs: number,
  byIdOnly: ReadonlySet<string> = new Set(),
): Heard {
  if (silences.length === 0) return { findings: all, silenced: [] };
  const findings: Finding[] = [];
  const silenced: SilencedFinding[] = [];
  const ended = new Map<Silence, Finding>();
  for (const finding of all) {
    const fitting = silences.filter(({ id, check }) =>
      id === undefined ? finding.checkId === `vitals/${check}` && !byIdOnly.has(finding.id) : id === finding.id,
    );
    const holds = fitting.find((silence) => !isOver(silence, nowMs));
    if (holds !== undefined) {
      silenced.push({ ...plainFinding(finding), silence: { reason: holds.reason, until: holds.until } });
      continue;
    }
    findings.push(finding);
    for (const silence of fitting) if (!ended.has(silence)) ended.set(silence, finding);
  }
  return { findings: [...findings, ...[...ended].map(([silence, finding]) => endNote(silence, finding))], silenced };
}

/** Whether the last day of a silence is over. */
export function isOver(silence: Silence, nowMs: number): boolean {
  return lastMoment(silence) < nowMs;
}

/** The end of the last day of a silence, milliseconds since the epoch; NaN for a day that no calendar has. */
export function lastMoment({ until }: Silence): number {
  const start = Date.parse(`${until}T00:00:00Z`);
  const exists = !Number.isNaN(start) && new Date(start).toISOString().startsWith(until);
  return exists ? start + DAY_MS - 1 : Number.NaN;
}

function endNote({ id, check, until, reason }: Silence, { checkId, source, docsUrl }: Finding): Finding {
  const what = id === undefined ? `all findings of ${check}` : `finding ${id}`;
  return {
    id: fingerprint(checkId, "silence has ended", what, until),
    checkId,
    severity: "info",
    message: `The silence of ${what} ended with ${until}: it counts again.`,
    fixHint: "Mend what it says, or renew the entry in the policy or take it out (`openclaw-vitals policy`).",
    confidence: "proven",
    evidence: [
      { what: "silenced until", value: until, source: "policy silence" },
      { what: "reason", value: reason, source: "policy silence" },
    ],
    source,
    docsUrl,
    fix: null,
  };
}
