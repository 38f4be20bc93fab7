import os from "node:os";
import path from "node:path";
import type { Evidence } from "../engine/types.ts";
import { type NameKind, Pseudonyms, WordIndex } from "./pseudonyms.ts";
import { PathRedactor } from "./redact-path.ts";
import { TOKEN, vocabulary } from "./vocabulary.ts";

/** Stands for text that must not leave. */
export const MASK = "[masked]";

/** What turns texts that were made from a state into ones that can be shared. */
export interface Redactor {
  /** Makes a name known, so that it is replaced by its pseudonym in texts too. */
  learn(kind: NameKind, name: string): void;
  path(file: string): string;
  text(text: string): string;
  value(value: Evidence["value"]): Evidence["value"];
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z?$/;
const VERSION = /^v?20\d\d\.\d{1,2}\.\d{1,3}(?:-(?:alpha|beta|rc)\.\d{1,2}|-\d{1,2})?$/;
const SMALL_NUMBER = /^\d{1,7}(?:\.\d{1,4})?(?:ms|s|m|h|d|B|KB|KiB|MB|MiB|GB|GiB)?$/;
const LOOPBACK = /^(?:127\.0\.0\.1|localhost)(?::\d{1,5})?$/;
/** Of longer names no pattern can be made; nor are they words. */
const LONGEST_PATTERN = 1000;
/** Digits in groups, as telephone numbers are written. */
const GROUPED_DIGITS = /\+?\(?\d{1,12}\)?(?:[ ./-]\(?\d{2,12}\)?){1,6}/g;
/** A name that also is an ordinary word counts as a name only where one stands: after these words. */
const BEFORE_NAME: Partial<Record<NameKind, string>> = {
  agent: "[Aa]gent|run of|profiles(?: of \\S+)? that",
  session: "[Ss]ession|lock of",
  job: "job|edit",
};
/** Punctuation of our own sentences. */
const STRANGE = /[^\p{L}\p{N}\s\p{ASCII}×…–—·≥≤\uE000-\uE001]/gu;
/** Larger numbers are rounded to four digits: a magnitude says nothing of anybody, a number of twelve digits may. */
const EXACT_BELOW = 100_000_000;

/**
 * An allow-list: what leaves is numbers, times, versions, words of this program's own text, places relative to the
 * state dir, and pseudonyms. Anything else is masked, whatever it is.
 */
export function createRedactor(stateDir: string): Redactor {
  return new AllowList(stateDir);
}

class AllowList implements Redactor {
  readonly #names = new Pseudonyms();
  readonly #words = vocabulary();
  readonly #paths: PathRedactor;
  /** Paths seen so far: one with a space in it can only be found in a text when it is known. */
  readonly #seen = new Set<string>();
  readonly #seenIndex = new WordIndex<string>((file) => path.basename(file));
  /** Most texts of many findings are the same few. */
  readonly #done = new Map<string, string>();

  constructor(stateDir: string) {
    this.#paths = new PathRedactor(stateDir, this.#names, (word) => this.#isOurs(word));
  }

  learn(kind: NameKind, name: string): void {
    if (name === "") return;
    this.#names.of(kind, name);
    this.#done.clear();
  }

  path(file: string): string {
    // A shorter one would be found in anything.
    if (path.isAbsolute(file) && file.length > 3 && !this.#seen.has(file)) {
      this.#seen.add(file);
      this.#seenIndex.add(file);
      this.#done.clear();
    }
    return this.#paths.redact(file);
  }

  value(value: Evidence["value"]): Evidence["value"] {
    if (typeof value === "number") return roundLarge(value);
    if (typeof value !== "string") return value;
    const text = this.text(value);
    // Half of a text that is not ours is no evidence, but may be half of a secret.
    return text.includes(MASK) ? MASK : text;
  }

  text(text: string): string {
    const known = this.#done.get(text);
    if (known !== undefined) return known;
    const done = this.#redact(text);
    this.#done.set(text, done);
    return done;
  }

  #redact(text: string): string {
    const kept: string[] = [];
    const keep = (done: string): string => `\uE000${kept.push(done) - 1}\uE001`;
    let rest = text.replace(/[\uE000-\uF8FF\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
    rest = this.#replacePaths(rest, keep);
    rest = rest.replace(/\["((?:[^"\\]|\\.)*)"\]/g, (_, key: string) => keep(`["${this.#key(key)}"]`));
    rest = this.#replaceNames(rest, keep);
    rest = rest.replace(/(?<![\p{L}\p{N}_.<>])(?:~|[A-Za-z]:)?[\\/][^\s'"`,;)]+/gu, (place) =>
      keep(this.#place(place)),
    );
    rest = rest.replace(GROUPED_DIGITS, (digits) => (isTelephone(digits) ? keep(MASK) : digits));
    rest = rest.replace(STRANGE, MASK);
    rest = rest.replace(TOKEN, (token) => this.#token(token));
    return rest
      .replace(/\uE000(\d+)\uE001/g, (_, index: string) => kept[Number(index)] ?? MASK)
      .replaceAll(/\[masked\](?:[^\p{L}\p{N}]{0,3}\[masked\])+/gu, MASK);
  }

  #replacePaths(text: string, keep: (done: string) => string): string {
    let rest = text;
    for (const file of this.#seenIndex.in(text)) rest = rest.replaceAll(file, () => keep(this.#paths.redact(file)));
    for (const root of this.#paths.roots.filter((root) => rest.includes(root)))
      rest = rest.replace(new RegExp(`${escapeRegExp(root)}(?:[\\\\/][^\\s'"\`,;)]*)?`, "g"), (file) =>
        keep(file === root ? "the state dir" : this.#paths.redact(file)),
      );
    return rest;
  }

  #replaceNames(text: string, keep: (done: string) => string): string {
    let rest = text;
    const [before, after] = ["(?<![\\p{L}\\p{N}_])", "(?![\\p{L}\\p{N}_])"];
    for (const { kind, name, pseudonym } of this.#names.in(rest)) {
      if (name.length > LONGEST_PATTERN) {
        rest = rest.replaceAll(name, () => keep(pseudonym));
        continue;
      }
      const lead = BEFORE_NAME[kind];
      const text = `${escapeRegExp(name)}${after}`;
      if (!this.#isPlain(name)) rest = rest.replace(new RegExp(`${before}${text}`, "gu"), () => keep(pseudonym));
      else if (lead !== undefined)
        rest = rest.replace(new RegExp(`(?<=${before}(?:${lead}) \`?)${text}(?!-)`, "gu"), () => keep(pseudonym));
    }
    return rest;
  }

  /** What looks like an absolute path and is not known: only the kernel's and the gateway's own are told. */
  #place(place: string): string {
    if (/^\/(?:readyz|healthz)$/.test(place)) return place;
    if (
      /^\/proc(?:\/(?:\d{1,7}|self|task|stat|status|schedstat|fd|ns|pid|cgroup|limits|locks|net|tcp6?))*$/.test(place)
    )
      return place;
    if (/^\/sys\/fs\/cgroup\/memory(?:\.[a-z_.]+)?$/.test(place)) return place;
    return OUTSIDE_PATH;
  }

  #token(token: string): string {
    if (SECTIONS.has(token.split(".", 1)[0] ?? "") && /^[^@:/]+$/.test(token))
      return token
        .split(".")
        .map((key, index, keys) => this.#key(key, keys[index - 1]))
        .join(".");
    if (this.#isPlain(token) || ISO_TIME.test(token) || VERSION.test(token) || LOOPBACK.test(token)) return token;
    return MASK;
  }

  /** A key of the config: the host's own are told, those that somebody chose get a pseudonym. */
  #key(key: string, above = ""): string {
    const kind = BELOW_KEY[above];
    if (kind !== undefined) return this.#names.of(kind, key);
    return this.#words.has(key) ? key : this.#names.of("key", key);
  }

  #isPlain(token: string): boolean {
    return this.#isOurs(token) || SMALL_NUMBER.test(token) || Object.hasOwn(os.constants.errno, token);
  }

  /** Of our own text, as a whole or in all of its parts, e.g. `auth-profiles.json.lock`. */
  #isOurs(token: string): boolean {
    if (this.#words.has(token) && /\p{L}/u.test(token)) return true;
    const parts = token.split(/[-./:]/);
    const isNumber = (part: string): boolean => /^\d{1,4}$/.test(part);
    return (
      parts.length > 1 &&
      parts.filter(isNumber).length < 2 &&
      parts.every((part) => isNumber(part) || (part !== "" && this.#words.has(part))) &&
      /\p{L}/u.test(token)
    );
  }
}

/** Keys of the config under which each key is a name. */
const BELOW_KEY: Readonly<Record<string, NameKind>> = { entries: "agent", accounts: "account" };
/** Where a path of keys begins. */
const SECTIONS = new Set(
  "agents auth browser channels cli commands cron env gateway hooks logging mcp memory messages meta models plugins session skills talk tools update web".split(
    " ",
  ),
);
const OUTSIDE_PATH = "[path outside of the state dir]";

/** Seven digits or more in groups that no date, version or range explains. */
function isTelephone(text: string): boolean {
  if (/^\d{4}-\d\d-\d\d$/.test(text) || VERSION.test(text)) return false;
  return text.replace(/\D/g, "").length >= 7;
}

function roundLarge(value: number): number {
  return Math.abs(value) < EXACT_BELOW ? value : Number(value.toPrecision(4));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
