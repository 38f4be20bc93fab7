import type { Json5Entry, Json5Node, Json5Text } from "../facts/json5-text.ts";
import {
  blanksAt,
  indentAt,
  isBlank,
  isFirstOnLine,
  LINE_BREAK,
  lineStart,
  styleOf,
  writeKey,
  writeValue,
} from "./config-style.ts";

/** Replaces the text between two offsets. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Container = Extract<Json5Node, { entries: unknown }>;

/** What lies outside of the splices stays as it is, byte for byte. They must not overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  return splices
    .toSorted((a, b) => b.start - a.start)
    .reduce((result, splice) => result.slice(0, splice.start) + splice.text + result.slice(splice.end), text);
}

/** Puts another value in the place of one; its key and everything around it stay. */
export function replaceValue(doc: Json5Text, within: Container, entry: Json5Entry, value: unknown): Splice[] {
  const { start, end } = entry.value;
  const indent = isOneLine(doc, within) ? null : indentAt(doc.text, start);
  return [{ start, end, text: writeValue(value, styleOf(doc, within), indent) }];
}

/** Adds a member, or an item when the key is null, behind the last one. */
export function addEntry(doc: Json5Text, within: Container, inline: boolean, key: string | null, value: unknown) {
  const last = within.entries.at(-1);
  return last ? addBehind(doc, within, last, key, value) : addFirst(doc, within, inline, key, value);
}

function addBehind(doc: Json5Text, within: Container, last: Json5Entry, key: string | null, value: unknown): Splice[] {
  const { text } = doc;
  const style = styleOf(doc, within);
  const before = within.entries.at(-2);
  const gap = text.slice(before ? (before.comma ?? before.end) + 1 : within.start + 1, last.start);
  const tail = endOfComments(doc, last.comma === null ? last.end : last.comma + 1, true);
  const ownLine = LINE_BREAK.test(gap) || endsWithLineComment(doc, tail);
  const first = LINE_BREAK.test(gap) ? indentAt(text, last.start) : indentAt(text, within.start) + style.unit;
  const head = key === null ? "" : writeKey(key, style) + style.colon;
  const addition = head + writeValue(value, style, ownLine ? first : null);
  const space = before && isBlank(gap) ? gap : style.colon.endsWith(":") && gap === "" ? "" : " ";
  const lead = ownLine ? style.eol + first : space;
  const comma = last.comma === null ? "," : "";
  if (comma === "") return [{ start: tail, end: tail, text: `${lead}${addition},` }];
  if (tail === last.end) return [{ start: tail, end: tail, text: comma + lead + addition }];
  return [
    { start: last.end, end: last.end, text: comma },
    { start: tail, end: tail, text: lead + addition },
  ];
}

function addFirst(doc: Json5Text, within: Container, inline: boolean, key: string | null, value: unknown): Splice[] {
  const { text } = doc;
  const style = styleOf(doc, within);
  const outer = indentAt(text, within.start);
  const inner = outer + style.unit;
  const end = within.end - 1;
  const comment = doc.comments.findLast((one) => one.start > within.start && one.end <= end);
  const interior = text.slice(within.start + 1, end);
  const ownLine = LINE_BREAK.test(interior) || (comment === undefined && !inline);
  const head = key === null ? "" : writeKey(key, style) + style.colon;
  const addition = head + writeValue(value, style, ownLine ? inner : null);
  const pad = style.colon.endsWith(":") || key === null ? "" : " ";
  const line = `${style.eol}${inner}${addition}${style.trailingComma ? "," : ""}`;
  if (comment === undefined)
    return [{ start: within.start + 1, end, text: ownLine ? line + style.eol + outer : pad + addition + pad }];
  const closing = LINE_BREAK.test(text.slice(comment.end, end)) ? "" : style.eol + outer;
  return [{ start: comment.end, end: comment.end, text: ownLine ? line + closing : ` ${addition}` }];
}

/**
 * Takes an entry out with its comma; with its whole lines, and a comment behind it on the last of them, when it has
 * them to itself. All other comments stay. What is left empty of anything is closed up: `{}`.
 */
export function removeEntry(doc: Json5Text, within: Container, entry: Json5Entry): Splice[] {
  const { text } = doc;
  const main = removedSpan(doc, entry);
  const index = within.entries.indexOf(entry);
  const before = within.entries[index - 1];
  if (within.entries.length === 1) {
    const [start, end] = [within.start + 1, within.end - 1];
    const rest = text.slice(start, Math.max(start, main.start)) + text.slice(main.end, end);
    if (rest.trim() === "") return [{ start, end, text: "" }];
  }
  // Without its own comma it is the last: a comma before it would be left over.
  if (entry.comma !== null || before === undefined || before.comma === null) return [main];
  return [{ start: before.comma, end: before.comma + 1, text: "" }, main];
}

function removedSpan(doc: Json5Text, entry: Json5Entry): Splice {
  const { text } = doc;
  const start = entry.start;
  const end = entry.comma === null ? entry.end : entry.comma + 1;
  const behind = blanksAt(text, endOfComments(doc, end, false));
  const lineBreak = /^(?:\r\n|\n|\r)/.exec(text.slice(behind, behind + 2))?.[0];
  if (isFirstOnLine(text, start) && lineBreak !== undefined)
    return { start: lineStart(text, start), end: behind + lineBreak.length, text: "" };
  const next = blanksAt(text, end);
  if (!/[}\]\n\r]/.test(text[next] ?? "\n")) return { start, end: next, text: "" };
  const lead = /[^\S\n\r\u2028\u2029\uFEFF]*$/.exec(text.slice(lineStart(text, start), start))?.[0].length ?? 0;
  return { start: start - lead, end, text: "" };
}

/** Behind the comments that follow on the same line, as far as nothing else comes between. */
function endOfComments(doc: Json5Text, offset: number, severalLines: boolean): number {
  let end = offset;
  for (const comment of doc.comments) {
    if (comment.start < end) continue;
    if (!isBlank(doc.text.slice(end, comment.start))) break;
    if (!severalLines && LINE_BREAK.test(doc.text.slice(comment.start, comment.end))) break;
    end = comment.end;
  }
  return end;
}

function endsWithLineComment(doc: Json5Text, offset: number): boolean {
  return doc.comments.some((comment) => comment.end === offset && doc.text.startsWith("//", comment.start));
}

/** Whether a list or object stands on one line, as far as it has a say in how its entries are laid out. */
export function isOneLine(doc: Json5Text, node: Json5Node): boolean {
  return !LINE_BREAK.test(doc.text.slice(node.start, node.end));
}
