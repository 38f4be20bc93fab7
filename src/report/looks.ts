import { type Paint, plain } from "../cli/terminal.ts";
import type { Diagnosis } from "../engine/diagnose.ts";
import type { Finding } from "../engine/types.ts";
import { count } from "./count.ts";
import { hostName, renderFinding } from "./human.ts";

/** What became of the findings from one look to the next. */
export interface Change {
  readonly new: readonly Finding[];
  /** The same thing with another severity or verdict. */
  readonly changed: readonly Finding[];
  readonly unchanged: readonly Finding[];
  /** As they were when they were last seen. */
  readonly gone: readonly Finding[];
}

/** Compares two looks; before the first one there was nothing. Messages alone do not count: they have figures in them. */
export function compareLooks(before: readonly Finding[], now: readonly Finding[]): Change {
  const known = new Map(before.map((finding) => [finding.id, finding]));
  const ids = new Set(now.map(({ id }) => id));
  const same = (finding: Finding): boolean => {
    const last = known.get(finding.id);
    return last?.severity === finding.severity && last.verdict === finding.verdict;
  };
  return {
    new: now.filter(({ id }) => !known.has(id)),
    changed: now.filter((finding) => known.has(finding.id) && !same(finding)),
    unchanged: now.filter(same),
    gone: before.filter(({ id }) => !ids.has(id)),
  };
}

export interface LookText {
  readonly stateDir: string;
  readonly atMs: number;
  readonly paint: Paint;
}

/** The first line: what is looked at, and how often. */
export function renderStart(diagnosis: Diagnosis, every: string, { stateDir, atMs, paint }: LookText): string {
  const what = `${paint("bold", hostName(diagnosis))} at ${plain(stateDir)}`;
  return `${timeText(atMs)}  ${what}, a look every ${every}; Ctrl-C ends it.\n`;
}

/**
 * One line per change, new findings in full. Without a change "", or one line that begins with `idle`, where nothing
 * else tells that it is at work.
 */
export function renderLook(change: Change, idle: "looked" | "unchanged" | null, text: LookText): string {
  const { stateDir, atMs, paint } = text;
  const entry = (word: string, rest: string): string => `${timeText(atMs)}  ${word.padEnd(9)}  ${rest}`;
  const full = (word: string) => (finding: Finding) =>
    `${entry(word, renderFinding(finding, stateDir, paint).trimEnd())}\n`;
  const lines = [
    ...change.new.map(full("new")),
    ...change.changed.map(full("changed")),
    ...change.gone.map(({ severity, message }) => `${entry("gone", `${severity}  ${plain(message)}`)}\n`),
  ];
  if (lines.length === 0 && idle !== null) {
    const still = change.unchanged.length;
    lines.push(`${entry(idle, still === 0 ? "nothing found" : count(still, "finding"))}\n`);
  }
  return lines.join("");
}

/** One line of at most so many columns: what stands, and when it is looked at again. */
export function statusText(findings: number, nextMs: number, columns: number): string {
  const what = findings === 0 ? "Nothing found" : count(findings, "finding");
  return `${what}. Next look ${timeText(nextMs).slice(11)}. Ctrl-C ends it.`.slice(0, Math.max(1, columns - 1));
}

/** Local time, to the second. */
export function timeText(atMs: number): string {
  const at = new Date(atMs);
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}
