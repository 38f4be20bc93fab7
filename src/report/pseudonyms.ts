/** What a name is of; the pseudonym begins with it. */
export type NameKind = "agent" | "session" | "job" | "account" | "key" | "folder" | "file";

export interface NamedPseudonym {
  readonly kind: NameKind;
  readonly name: string;
  readonly pseudonym: string;
}

/**
 * Stable stand-ins for names: the same name is the same pseudonym wherever it occurs in one report, numbered in the
 * order in which the names were learned. They say nothing of the name, and a second report may number them otherwise.
 */
export class Pseudonyms {
  readonly #known = new Map<string, string>();
  readonly #counts = new Map<NameKind, number>();
  readonly #index = new WordIndex<NamedPseudonym>(({ name }) => name);

  /** The pseudonym of a name, e.g. `agent-1`; a name that is learned as two kinds has one for each. */
  of(kind: NameKind, name: string): string {
    const key = `${kind}\0${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    const pseudonym = `${kind}-${number}`;
    this.#known.set(key, pseudonym);
    if (kind !== "key" && kind !== "folder" && kind !== "file") this.#index.add({ kind, name, pseudonym });
    return pseudonym;
  }

  /**
   * Names of agents, sessions, jobs and accounts that stand in a text, longest first: a name can be part of another
   * one. Those of keys and files are replaced where keys and paths stand.
   */
  in(text: string): NamedPseudonym[] {
    return this.#index.in(text);
  }
}

/** Finds which of many names stand in a text without trying each. */
export class WordIndex<T> {
  readonly #nameOf: (entry: T) => string;
  readonly #byWord = new Map<string, T[]>();

  constructor(nameOf: (entry: T) => string) {
    this.#nameOf = nameOf;
  }

  add(entry: T): void {
    const word = words(this.#nameOf(entry))[0] ?? "";
    const entries = this.#byWord.get(word);
    if (entries === undefined) this.#byWord.set(word, [entry]);
    else entries.push(entry);
  }

  /** Longest first. */
  in(text: string): T[] {
    // Names without a letter or a digit are under the empty word.
    return [...new Set(["", ...words(text)])]
      .flatMap((word) => this.#byWord.get(word) ?? [])
      .filter((entry) => text.includes(this.#nameOf(entry)))
      .sort((a, b) => this.#nameOf(b).length - this.#nameOf(a).length);
  }
}

function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+/gu) ?? [];
}
