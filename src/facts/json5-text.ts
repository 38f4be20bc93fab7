import { isDeepStrictEqual } from "node:util";
import { parseWithJson5 } from "./json5.ts";
import { once } from "./once.ts";

/** Where something stands in a text: offsets in UTF-16 code units, the end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One member of an object or item of an array. Its span begins with the key and ends with the value. */
export interface Json5Entry extends Span {
  /** The key of a member, decoded; null for an item. */
  readonly key: string | null;
  readonly keyEnd: number;
  readonly value: Json5Node;
  /** Offset of the comma that follows, or null. */
  readonly comma: number | null;
}

export type Json5Node = Span &
  (
    | { readonly kind: "object" | "array"; readonly entries: readonly Json5Entry[] }
    | { readonly kind: "scalar"; readonly value: string | number | boolean | null }
  );

/** A JSON5 text that knows where everything is. */
export interface Json5Text {
  readonly text: string;
  readonly root: Json5Node;
  /** In the order of the text, with their delimiters. */
  readonly comments: readonly Span[];
  /** What the host's own parser makes of it: of duplicate keys the last one, `__proto__` a key like any other. */
  readonly value: unknown;
  /** Strict JSON that cannot be nested too deeply: where things are in it is found when somebody asks. */
  readonly isLate: boolean;
}

/**
 * The json5 package decides what is valid and what a value is; it gives no positions. In a text known to be valid
 * they are found with little: strings, comments and brackets cannot be mistaken for each other there. That what was
 * found means the same as what json5 read is asserted each time.
 * @throws SyntaxError with `lineNumber` and `columnNumber` for a text that is not JSON5; its message quotes the text.
 * @throws RangeError for one that is nested more than 200 deep.
 */
export function parseJson5(text: string): Json5Text {
  const strict = parseStrict(text);
  const value = strict === undefined ? parseWithJson5(text) : strict;
  const scanned = once(() => scan(text, value, strict !== undefined));
  const isLate = strict !== undefined && text.split(/[[{]/, MAX_DEPTH).length < MAX_DEPTH;
  if (!isLate) scanned();
  return {
    text,
    value,
    isLate,
    get root() {
      return scanned().root;
    },
    get comments() {
      return scanned().comments;
    },
  };
}

function scan(text: string, value: unknown, isStrict: boolean): Pick<Json5Text, "root" | "comments"> {
  const comments: Span[] = [];
  const root = new Scanner(text, comments).document();
  const found = nodeValue(root);
  // JSON has a text for every value of JSON, but not for all of JSON5.
  const fits = isStrict ? JSON.stringify(found) === JSON.stringify(value) : isDeepStrictEqual(found, value);
  if (!fits) throw new Error("the positions of a JSON5 text do not fit its value");
  return { root, comments };
}

/** Strict JSON means the same to both parsers, and JSON's own is a hundred times as fast. Undefined for other texts. */
function parseStrict(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The member that counts: of duplicates the last one. */
export function findMember(node: Json5Node | undefined, key: string): Json5Entry | undefined {
  return node?.kind === "object" ? node.entries.findLast((entry) => entry.key === key) : undefined;
}

/** Line and column, both from 1; the column in UTF-16 code units, as editors count. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Tells where an offset of the text is. Its lines are looked for once. */
export function placesOf(text: string): (offset: number) => TextPlace {
  const starts = [0];
  for (const { 0: end, index } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) starts.push(index + end.length);
  return (offset) => {
    let [line, after] = [0, starts.length];
    while (after - line > 1) {
      const middle = (line + after) >> 1;
      if ((starts[middle] ?? 0) <= offset) line = middle;
      else after = middle;
    }
    const before = text.slice(starts[line], offset);
    return { line: line + 1, column: before.replace(/^\uFEFF/, "").length + 1 };
  };
}

/** The value of a node, as json5 would read it. */
export function nodeValue(node: Json5Node): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.entries.map((entry) => nodeValue(entry.value));
  const value: Record<string, unknown> = {};
  for (const { key, value: member } of node.entries) setOwn(value, key ?? "", nodeValue(member));
  return value;
}

/** Sets an own property whatever its name is: assigning to `__proto__` would change the prototype. */
export function setOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** No config is nested like that; without a limit the stack would end first, somewhere. */
const MAX_DEPTH = 200;
const SCALAR = /[^\s,:{}[\]/]+/y;
const PLAIN = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?)$/;
const SPACE = /\s+/y;
const LINE_END = /[\n\r\u2028\u2029]/g;

/** Finds the places in a text that is known to be valid. */
class Scanner {
  #at = 0;
  #depth = 0;
  readonly #text: string;
  readonly #comments: Span[];

  constructor(text: string, comments: Span[]) {
    this.#text = text;
    this.#comments = comments;
  }

  document(): Json5Node {
    this.#skip();
    const root = this.#node();
    this.#skip();
    return root;
  }

  #node(): Json5Node {
    const open = this.#text[this.#at];
    if (open === "{" || open === "[") return this.#container(open === "{" ? "object" : "array");
    const span = this.#word();
    return { kind: "scalar", value: decode(this.#text.slice(span.start, span.end)), ...span };
  }

  #container(kind: "object" | "array"): Json5Node {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new RangeError("nested too deeply");
    const start = this.#at;
    const close = kind === "object" ? "}" : "]";
    const entries: Json5Entry[] = [];
    this.#at += 1;
    this.#skip();
    while (this.#text[this.#at] !== close) {
      entries.push(this.#entry(kind));
      this.#skip();
    }
    this.#at += 1;
    this.#depth -= 1;
    return { kind, entries, start, end: this.#at };
  }

  #entry(kind: "object" | "array"): Json5Entry {
    const start = this.#at;
    let key: string | null = null;
    let keyEnd = start;
    if (kind === "object") {
      const span = this.#word();
      keyEnd = span.end;
      key = decodeKey(this.#text.slice(span.start, span.end));
      this.#skip();
      this.#at += 1; // the colon
      this.#skip();
    }
    const value = this.#node();
    const end = this.#at;
    this.#skip();
    const comma = this.#text[this.#at] === "," ? this.#at : null;
    if (comma !== null) this.#at += 1;
    return { key, keyEnd, value, comma, start, end };
  }

  #word(): Span {
    const start = this.#at;
    const quote = this.#text[start];
    if (quote === '"' || quote === "'") this.#string(quote);
    else if (!this.#match(SCALAR)) throw new Error("a JSON5 text was taken for valid");
    return { start, end: this.#at };
  }

  /** A loop, as a pattern with a repeated group overflows the stack in a long string. */
  #string(quote: string): void {
    this.#at += 1;
    while (this.#text[this.#at] !== quote) this.#at += this.#text[this.#at] === "\\" ? 2 : 1;
    this.#at += 1;
  }

  #skip(): void {
    for (;;) {
      if (this.#match(SPACE)) continue;
      const start = this.#at;
      if (this.#text.startsWith("//", start)) this.#at = this.#lineEnd(start);
      else if (this.#text.startsWith("/*", start)) this.#at = this.#text.indexOf("*/", start + 2) + 2;
      else return;
      this.#comments.push({ start, end: this.#at });
    }
  }

  #lineEnd(from: number): number {
    LINE_END.lastIndex = from;
    return LINE_END.exec(this.#text)?.index ?? this.#text.length;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }
}

function decode(word: string): string | number | boolean | null {
  if (isPlainString(word)) return word.slice(1, -1);
  return PLAIN.test(word) ? JSON.parse(word) : (parseWithJson5(word) as ReturnType<typeof decode>);
}

function decodeKey(word: string): string {
  if (isPlainString(word)) return word.slice(1, -1);
  if (!word.includes("\\")) return word;
  return Object.keys(parseWithJson5(`{${word}:0}`) as object)[0] ?? word;
}

function isPlainString(word: string): boolean {
  return (word[0] === '"' || word[0] === "'") && !word.includes("\\");
}
