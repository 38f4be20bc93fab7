/** What is looked at when the contention is over. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { readJournal } from "../../src/engine/journal.ts";
import { latestEntries } from "../../src/engine/journal-entry.ts";
import type { Home } from "../hosts/harness/home.ts";
import { quarantined } from "../hosts/harness/vitals.ts";

/** A lock that was planted: its text occurs once. */
export interface Planted {
  readonly file: string;
  readonly text: string;
}

/** What a process of this size may grow by between two readings of nothing but looks. */
const GROWTH = { ratio: 1.25, mib: 24 };

/** Is told what must not be. */
type Fail = (problem: string) => void;

/** Each line that `watch` wrote is one document. @returns how many looks. */
export function countLooks(stdout: string, code: number | null, fail: Fail): number {
  const said = stdout.split("\n").filter(Boolean);
  for (const line of said)
    try {
      JSON.parse(line);
    } catch {
      fail(`watch: ${line}`);
    }
  if (code !== 0 && code !== 1) fail(`watch ended with ${code}`);
  if (said.length < 2) fail(`watch looked ${said.length} times`);
  return said.length;
}

/** Where each planted lock is now, and whether anything else was ever moved. @returns those the host took away. */
export function account(home: Home, planted: readonly Planted[], fail: Fail): number {
  const kept = quarantined(home).map(({ text }) => text);
  const texts = new Set(planted.map(({ text }) => text));
  for (const text of kept) if (!texts.has(text)) fail(`a lock that nobody planted is in the quarantine: ${text}`);
  const ours = latestEntries(readJournal(home.stateDir)).flatMap((entry) =>
    entry.kind === undefined && entry.phase !== "kept" ? [entry.file.sha256] : [],
  );
  let taken = 0;
  for (const { file, text } of planted) {
    const times = kept.filter((one) => one === text).length;
    if (times > 1) fail(`${file} is in the quarantine ${times} times`);
    if (times > 0) continue;
    const isOurs = ours.includes(createHash("sha256").update(text).digest("hex"));
    if (existsSync(file) && readFileSync(file, "utf8") === text) fail(`${file} is still in its place`);
    else if (isOurs) fail(`${file} was moved, and is not where the journal says`);
    else taken += 1;
  }
  return taken;
}

/** Medians of the first and the last fifth. */
export function watchMemory(read: readonly number[], fail: Fail): readonly [number, number] {
  const rss = read.filter((one) => one > 0);
  const some = Math.max(1, Math.floor(rss.length / 5));
  const median = (of: readonly number[]): number =>
    Math.round(of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0);
  const [first, last] = [median(rss.slice(0, some)), median(rss.slice(-some))];
  if (last > first * GROWTH.ratio + GROWTH.mib) fail(`watch grew from ${first} to ${last} MiB`);
  return [first, last];
}
