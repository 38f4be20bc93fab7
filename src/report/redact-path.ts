import path from "node:path";
import { realPath } from "../facts/paths.ts";
import type { NameKind, Pseudonyms } from "./pseudonyms.ts";

/** Stands for every folder above a file that is not in the state dir. */
export const OUTSIDE = "[outside]";

/** Endings a file keeps: they say what it is, whatever its name. */
const ENDINGS = /((?:\.(?:jsonl?|json5|ya?ml|lock|reclaim|sqlite|wal|shm|bak|log|db|env|zip|aside|tmp|\d{1,2}))+)$/i;

/** A folder's name under which each entry is of one kind. */
const BELOW: Readonly<Record<string, NameKind>> = { agents: "agent" };

/** Paths as they may leave: relative to the state dir, names of agents, sessions and anything unknown replaced. */
export class PathRedactor {
  readonly #roots: readonly string[];
  readonly #names: Pseudonyms;
  readonly #isOurs: (word: string) => boolean;

  /** @param isOurs whether a name is one of the host's or ours, and so nobody's */
  constructor(stateDir: string, names: Pseudonyms, isOurs: (word: string) => boolean) {
    this.#roots = [...new Set([path.resolve(stateDir), realPath(stateDir)])];
    this.#names = names;
    this.#isOurs = isOurs;
  }

  /** The state dir, as it is written and with its links resolved. */
  get roots(): readonly string[] {
    return this.#roots;
  }

  /** A path with slashes; of one outside of the state dir only the kind of its last name is told. */
  redact(file: string): string {
    const parts = this.#inside(file);
    if (parts === null) return `${OUTSIDE}/${this.#part(path.basename(file), "")}`;
    if (parts.length === 0) return ".";
    return parts.map((part, index) => this.#part(part, parts[index - 1] ?? "", index < parts.length - 1)).join("/");
  }

  #inside(file: string): string[] | null {
    for (const root of this.#roots) {
      const relative = path.relative(root, path.resolve(file));
      if (relative === "") return [];
      if (!path.isAbsolute(relative) && relative.split(path.sep)[0] !== "..") return relative.split(path.sep);
    }
    return null;
  }

  #part(part: string, above: string, isFolder = false): string {
    const kind = BELOW[above];
    if (kind !== undefined) return this.#names.of(kind, part);
    const session = /^(?:(\d+)-)?(.+?)(\.jsonl(?:\.lock)?(?:\.reclaim)?)$/.exec(part);
    if (session !== null) return this.#session(session, above);
    if (above === "quarantine" && /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(part)) return part;
    const known = part
      .replace(/^openclaw-\d+$/, "openclaw-[uid]")
      .replace(/^((?:\d+-)?gateway)\.[0-9a-f]{8}\.lock/, "$1.[hash].lock");
    if (known !== part) return known;
    if (this.#isOurs(part)) return part;
    const ending = isFolder ? "" : (ENDINGS.exec(part)?.[1] ?? "");
    return `${this.#names.of(isFolder ? "folder" : "file", part.slice(0, part.length - ending.length))}${ending}`;
  }

  /** In the quarantine a number stands before the name, which is no part of it. */
  #session([, number, name = "", ending]: RegExpExecArray, above: string): string {
    const moved = number !== undefined && /^\d{8}T\d{6}Z-/.test(above);
    const session = moved || number === undefined ? name : `${number}-${name}`;
    return `${moved ? `${number}-` : ""}${this.#names.of("session", session)}${ending}`;
  }
}
