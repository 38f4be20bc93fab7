import type { ConfigPath } from "../facts/config-file.ts";
import { type Json5Entry, type Json5Node, type Json5Text, parseJson5, type Span } from "../facts/json5-text.ts";
import { type Hunk, hunksOf } from "./line-diff.ts";
import type { RepairDiff } from "./types.ts";

/**
 * The change of a config file as a unified diff without context, fit to be shown: of the changed lines only the keys
 * at these paths and their numbers, booleans and nulls can be read. Everything else on them, every text and every
 * comment is `…`, for it may be a secret.
 * @param paths within the file, of the keys that were set or removed
 */
export function configDiff(file: string, before: string, after: string, paths: readonly ConfigPath[]): RepairDiff {
  const [old, fresh] = [parseJson5(before), parseJson5(after)];
  const [oldLines, freshLines] = [linesOf(masked(old, fresh, paths)), linesOf(masked(fresh, old, paths))];
  const body = hunksOf(linesOf(before), linesOf(after)).flatMap((hunk) => [
    header(hunk),
    ...oldLines.slice(hunk.from, hunk.from + hunk.removed).map((line) => `-${line}`),
    ...freshLines.slice(hunk.to, hunk.to + hunk.added).map((line) => `+${line}`),
  ]);
  const unifiedDiff = body.length === 0 ? "" : `${[`--- ${file}`, `+++ ${file}`, ...body].join("\n")}\n`;
  return { kind: "config", path: file, unifiedDiff };
}

function header({ from, removed, to, added }: Hunk): string {
  return `@@ -${range(from, removed)} +${range(to, added)} @@`;
}

function range(start: number, count: number): string {
  const first = count === 0 ? start : start + 1;
  return count === 1 ? `${first}` : `${first},${count}`;
}

function linesOf(text: string): string[] {
  return text.split(/\r\n|\n|\r/);
}

/** The text with `…` for each stretch of a line that is not to be read; its lines stay. */
function masked(doc: Json5Text, other: Json5Text, paths: readonly ConfigPath[]): string {
  const shown = new Uint8Array(doc.text.length);
  // An item that is removed moves those behind it, and their paths mean something else before and after.
  const moved = paths.some((path) => typeof path.at(-1) === "number");
  for (const path of moved ? [] : paths)
    for (const { start, end, comma } of entriesAt(doc, shownPart(other, path)))
      shown.fill(1, start, comma === null ? end : comma + 1);
  for (const { start, end } of [...doc.comments, ...textsIn(doc.root)]) shown.fill(0, start, end);
  const chars = Array.from({ length: doc.text.length }, (_, at) => doc.text[at] ?? "");
  return chars
    .map((char, at) => (shown[at] === 1 || /\s/.test(char) ? char : "\0"))
    .join("")
    .replace(/\0(?:[^\S\n\r]*\0)*/g, "…");
}

/** Where the other text lacks an object above, that is new or gone as a whole, and all of it is ours. */
function shownPart(other: Json5Text, path: ConfigPath): ConfigPath {
  const known = path.findIndex((_, index) => entriesAt(other, path.slice(0, index + 1)).length === 0);
  return known === -1 ? path : path.slice(0, known + 1);
}

/** Of a key given twice all entries, of objects above it the one that counts. */
function entriesAt(doc: Json5Text, path: ConfigPath): Json5Entry[] {
  let found: Json5Entry[] = [];
  let node: Json5Node | undefined = doc.root;
  for (const step of path) {
    if (node === undefined || node.kind === "scalar") return [];
    const entries: readonly Json5Entry[] = node.entries;
    found = entries.filter((entry, index) => (typeof step === "number" ? index === step : entry.key === step));
    node = found.at(-1)?.value;
  }
  return found;
}

function textsIn(node: Json5Node): Span[] {
  if (node.kind === "scalar") return typeof node.value === "string" ? [node] : [];
  return node.entries.flatMap((entry) => textsIn(entry.value));
}
