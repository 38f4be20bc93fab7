import fc from "fast-check";
import type { ConfigPath } from "../../src/facts/config-file.ts";

/** A comment as it stands in the text, and what it is in. */
export interface PlacedComment {
  readonly text: string;
  /** Of the entry or container it is in. */
  readonly path: ConfigPath;
  /** Within the braces of that container, around the key and value of that entry, or behind it on its line. */
  readonly where: "inside" | "around" | "behind";
}

export interface Document {
  readonly text: string;
  readonly comments: readonly PlacedComment[];
}

type Trivia = readonly { readonly kind: "space" | "line" | "block"; readonly text: string }[];
interface Entry {
  readonly key: { readonly text: string; readonly name: string };
  readonly trivia: readonly [Trivia, Trivia, Trivia, Trivia];
  readonly value: Value;
}
interface Value {
  readonly open: "{" | "[" | "";
  readonly text: string;
  readonly entries: readonly Entry[];
  readonly end: Trivia;
  readonly trailingComma: boolean;
}

/** `\n` stands for the line break of the document. */
const commentText = fc.constantFrom("", "why", "}", '"', "'", ", a: 1", "[", "\\", "*", "é 😀");
const trivia: fc.Arbitrary<Trivia> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(" ", "\n", "\n  ", "\t", "\n\t", "").map(space) },
    { weight: 1, arbitrary: fc.constantFrom("\u00a0", "\u2003", "\ufeff", "\u2028", "\v").map(space) },
    { weight: 1, arbitrary: commentText.map((text) => ({ kind: "line" as const, text })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(commentText, fc.constantFrom("", "\n more"))
        .map(([a, b]) => ({ kind: "block" as const, text: a + b })),
    },
  ),
  { maxLength: 3 },
);

const key = fc.oneof(
  fc
    .constantFrom("a", "b", "c", "max", "$include", "default", "null", "NaN", "__proto__", "constructor", "ünï")
    .map(plain),
  fc
    .constantFrom("a", "b", "__proto__", "x y", "1", "", "it's", 'say "it"')
    .chain((name) => fc.constantFrom('"', "'").map((quote) => ({ text: escaped(name, quote), name }))),
  fc.constantFrom({ text: "\\u0061", name: "a" }, { text: '"\\x62"', name: "b" }, { text: "'a\\\nb'", name: "ab" }),
);

const scalar = fc.oneof(
  fc.constantFrom("1", "160", "0x1F", "-0xa", ".5", "5.", "+1", "-0", "1e3", "1E-2", "Infinity", "-Infinity", "NaN"),
  fc.constantFrom("true", "false", "null", "'x'", '"x"', "'\\x41\\u0042\\0\\v'", '"a\\\nb"', "'\\'\"'", "''", '"\t"'),
  fc.constantFrom("TOKEN", "X").chain((name) => fc.constantFrom(`"\${${name}}"`, `'a\${${name}}b'`, `"$\${${name}}"`)),
  fc.constantFrom('"// no comment"', "'/* none */'", '"}],{["', '"\\\\"'),
  fc.string({ unit: "binary", maxLength: 8 }).map((text) => JSON.stringify(text)),
);

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar.map((text) => ({ open: "" as const, text, entries: [], end: [], trailingComma: false })),
    container("{", tie("value")),
    container("[", tie("value")),
  ),
}));

function container(open: "{" | "[", inner: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  const entry = fc.record({ key, trivia: fc.tuple(trivia, trivia, trivia, trivia), value: inner });
  return fc.record({
    open: fc.constant(open),
    text: fc.constant(""),
    entries: fc.array(entry, { maxLength: 4 }),
    end: trivia,
    trailingComma: fc.boolean(),
  });
}

/** Random JSON5 with an object at its root: comments, quoting, white space, line breaks, number forms, duplicate keys. */
export const documents: fc.Arbitrary<Document> = fc
  .record({
    root: container("{", value),
    lead: trivia,
    end: trivia,
    bom: fc.boolean(),
    eol: fc.constantFrom("\n", "\r\n", "\r"),
  })
  .map(({ root, lead, end, bom, eol }) => {
    const writer = new Writer(eol);
    writer.put(bom ? "\uFEFF" : "");
    writer.trivia(lead, [], "around");
    writer.value(root, []);
    writer.trivia(end, [], "around");
    return { text: writer.text, comments: writer.comments };
  });

class Writer {
  text = "";
  readonly comments: PlacedComment[] = [];
  readonly #eol: string;

  constructor(eol: string) {
    this.#eol = eol;
  }

  put(text: string): void {
    this.text += text.replaceAll("\n", this.#eol);
  }

  /** Numbered, so that no two comments are the same. */
  trivia(parts: Trivia, path: ConfigPath, where: PlacedComment["where"], behind?: ConfigPath): void {
    let sameLine = behind !== undefined;
    for (const { kind, text } of parts) {
      if (kind === "space") {
        this.put(text);
        if (/[\n\u2028]/.test(text)) sameLine = false;
        continue;
      }
      const start = this.text.length;
      const numbered = `${this.comments.length} ${text}`;
      this.put(kind === "line" ? `//${numbered}` : `/*${numbered}*/`);
      const placed = behind !== undefined && sameLine ? { path: behind, where: "behind" as const } : { path, where };
      this.comments.push({ text: this.text.slice(start), ...placed });
      if (kind === "line") this.put("\n");
      if (kind === "line" || text.includes("\n")) sameLine = false;
    }
  }

  value(node: Value, path: ConfigPath): void {
    if (node.open === "") {
      this.put(node.text);
      return;
    }
    this.put(node.open);
    let behind: ConfigPath | undefined;
    for (const [index, entry] of node.entries.entries()) {
      const at = [...path, node.open === "{" ? entry.key.name : index];
      this.trivia(entry.trivia[0], path, "inside", behind);
      if (node.open === "{") {
        this.put(entry.key.text);
        this.trivia(entry.trivia[1], at, "around");
        this.put(":");
        this.trivia(entry.trivia[2], at, "around");
      }
      this.value(entry.value, at);
      const last = index === node.entries.length - 1;
      const comma = !last || node.trailingComma;
      // Without a comma the comments belong to whoever comes to mind; they stay unless they are on the line.
      this.trivia(entry.trivia[3], comma ? at : path, comma ? "around" : "inside", comma ? undefined : at);
      if (comma) this.put(",");
      behind = at;
    }
    this.trivia(node.end, path, "inside", behind);
    this.put(node.open === "{" ? "}" : "]");
  }
}

function space(text: string) {
  return { kind: "space" as const, text };
}

function plain(name: string) {
  return { text: name, name };
}

function escaped(name: string, quote: string): string {
  return quote + name.replaceAll(quote, `\\${quote}`) + quote;
}
