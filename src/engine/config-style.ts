import type { Json5Entry, Json5Node, Json5Text } from "../facts/json5-text.ts";

/** A line ends here for an editor. JSON5 knows U+2028 and U+2029 as well, but nobody writes lines with them. */
export const LINE_BREAK = /\r\n|\n|\r/;
const BLANKS = /^[^\S\n\r\u2028\u2029]*/;

/** How a file is written, so that what is added looks like the rest. */
export interface ConfigStyle {
  readonly eol: string;
  /** One level of indentation. */
  readonly unit: string;
  readonly keyQuote: '"' | "'" | "";
  readonly quote: '"' | "'";
  /** Between key and value, e.g. `: `. */
  readonly colon: string;
  /** Whether the last entry on lines of its own is followed by a comma. */
  readonly trailingComma: boolean;
}

/** @param within the object something is added to: its own keys are the nearest example */
export function styleOf(doc: Json5Text, within: Json5Node): ConfigStyle {
  const { text } = doc;
  const members = [...ownMembers(within), ...membersOf(doc.root)];
  const [example] = members;
  const keyQuote = example ? quoteAt(text, example.start) : '"';
  const strings = members.filter(({ value }) => value.kind === "scalar" && typeof value.value === "string");
  const quote = strings[0] ? quoteAt(text, strings[0].value.start) : keyQuote;
  const colon = example ? text.slice(example.keyEnd, example.value.start) : ": ";
  return {
    eol: lineBreakOf(text),
    unit: unitOf(text, doc.root) ?? "  ",
    keyQuote,
    quote: quote || '"',
    colon: /^[ \t]*:[ \t]*$/.test(colon) ? colon : ": ",
    trailingComma: doc.root.kind !== "scalar" && (doc.root.entries.at(-1)?.comma ?? null) !== null,
  };
}

/** The last one first: it is what an addition comes after. */
function ownMembers(node: Json5Node): Json5Entry[] {
  return node.kind === "object" ? node.entries.toReversed() : [];
}

function membersOf(node: Json5Node): Json5Entry[] {
  if (node.kind === "scalar") return [];
  return node.entries.flatMap((entry) => [...(entry.key === null ? [] : [entry]), ...membersOf(entry.value)]);
}

function quoteAt(text: string, offset: number): '"' | "'" | "" {
  const char = text[offset];
  return char === '"' || char === "'" ? char : "";
}

function lineBreakOf(text: string): string {
  const counts = new Map<string, number>([["\n", 0]]);
  for (const [found] of text.matchAll(/\r\n|\n|\r/g)) counts.set(found, (counts.get(found) ?? 0) + 1);
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

function unitOf(text: string, node: Json5Node): string | undefined {
  if (node.kind === "scalar") return undefined;
  const outer = indentAt(text, node.start);
  for (const entry of node.entries) {
    const inner = indentAt(text, entry.start);
    if (isFirstOnLine(text, entry.start) && inner.startsWith(outer) && inner !== outer)
      return inner.slice(outer.length);
    const deeper = unitOf(text, entry.value);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** Offset of the first character of the line. */
export function lineStart(text: string, offset: number): number {
  return Math.max(text.lastIndexOf("\n", offset - 1), text.lastIndexOf("\r", offset - 1)) + 1;
}

/** The white space the line at an offset begins with. */
export function indentAt(text: string, offset: number): string {
  const start = lineStart(text, offset);
  return (BLANKS.exec(text.slice(start, offset))?.[0] ?? "").replaceAll("\uFEFF", "");
}

export function isFirstOnLine(text: string, offset: number): boolean {
  return isBlank(text.slice(lineStart(text, offset), offset));
}

/** White space without a line break, or nothing. */
export function isBlank(text: string): boolean {
  return blanksAt(text, 0) === text.length;
}

/** Offset behind the white space at an offset; stops at the end of the line. */
export function blanksAt(text: string, offset: number): number {
  const blanks = /[^\S\n\r\u2028\u2029]*/y;
  blanks.lastIndex = offset;
  return offset + (blanks.exec(text)?.[0].length ?? 0);
}

/**
 * Writes a JSON value.
 * @param indent of the line it begins on; null puts everything on one line
 */
export function writeValue(value: unknown, style: ConfigStyle, indent: string | null): string {
  if (typeof value === "string") return quoted(value, style.quote);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const inner = indent === null ? null : indent + style.unit;
  const parts = isList
    ? value.map((item) => writeValue(item, style, inner))
    : Object.entries(value).map(([key, item]) => writeKey(key, style) + style.colon + writeValue(item, style, inner));
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (parts.length === 0) return open + close;
  if (inner === null || (isList && value.every((item) => typeof item !== "object" || item === null))) {
    const [gap, pad] = style.colon.endsWith(":") ? [",", ""] : [", ", isList ? "" : " "];
    return open + pad + parts.join(gap) + pad + close;
  }
  const lines = parts.join(`,${style.eol}${inner}`) + (style.trailingComma ? "," : "");
  return `${open}${style.eol}${inner}${lines}${style.eol}${indent}${close}`;
}

export function writeKey(key: string, style: ConfigStyle): string {
  if (style.keyQuote === "" && /^[A-Za-z_$][\w$]*$/.test(key)) return key;
  return quoted(key, style.keyQuote || style.quote);
}

function quoted(text: string, quote: '"' | "'"): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  return quote === '"' ? `"${inner}"` : `'${inner.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
