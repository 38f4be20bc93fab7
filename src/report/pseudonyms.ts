/** What a name is of; the pseudonym begins with it. */
export type NameKind = "agent" | "session" | "job" | "account" | "key" | "folder" | "file";

/**
 * Stable stand-ins for names: the same name is the same pseudonym wherever it occurs in one report, numbered in the
 * order in which the names were learned. They say nothing of the name, and a second report may number them otherwise.
 */
export class Pseudonyms {
  readonly #known = new Map<string, string>();
  readonly #counts = new Map<NameKind, number>();

  /** The pseudonym of a name, e.g. `agent-1`; a name that is learned as two kinds has one for each. */
  of(kind: NameKind, name: string): string {
    const key = `${kind}\0${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    const pseudonym = `${kind}-${number}`;
    this.#known.set(key, pseudonym);
    return pseudonym;
  }

  /** Names of these kinds with their pseudonyms, longest first: a name can be part of another one. */
  list(kinds: readonly NameKind[]): { readonly kind: NameKind; readonly name: string; readonly pseudonym: string }[] {
    return [...this.#known]
      .map(([key, pseudonym]) => {
        const [kind = "", name = ""] = key.split("\0", 2);
        return { kind: kind as NameKind, name, pseudonym };
      })
      .filter(({ kind }) => kinds.includes(kind))
      .sort((a, b) => b.name.length - a.name.length);
  }
}
