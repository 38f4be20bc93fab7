import path from "node:path";
import { errorCode } from "../engine/errors.ts";
import {
  type ConfigFile,
  type ConfigNotice,
  type ConfigPath,
  ConfigProblem,
  formatPath,
  noticeAt,
  readConfigFile,
} from "./config-file.ts";
import { findMember, type Json5Entry, type Json5Node, nodeValue } from "./json5-text.ts";
import { contains, realPath, resolveLinks, resolveUserPath } from "./paths.ts";

/** Where a value of the merged config is written. */
export interface Origin {
  readonly file: ConfigFile;
  /** Within that file; empty when its whole content is meant. */
  readonly path: ConfigPath;
  /** Of the key, or of the value where there is no key. */
  readonly offset: number;
}

/**
 * A value of the merged config. `origins` are all the places that give it, the last one having the last word: it
 * replaces the others when it is a scalar, and is merged with them when it is an object or a list.
 */
export type Merged = { readonly origins: readonly Origin[] } & (
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, Merged> }
  | { readonly kind: "array"; readonly items: readonly Merged[] }
  | { readonly kind: "scalar"; readonly value: unknown }
);

/** The host's: ten files within each other, not counting the first. */
const MAX_INCLUDE_DEPTH = 10;
/** The host drops these when it merges. */
const BLOCKED = new Set(["__proto__", "prototype", "constructor"]);

interface Root {
  /** As it is named, and with links followed: an included file has to lie in both. */
  readonly dir: string;
  readonly real: string;
}

/** Reads a config and everything it includes, and merges it as the host does. */
export class ConfigMerger {
  /** In the order they were read; a file that is included twice is there twice. */
  readonly files: ConfigFile[] = [];
  readonly notices: ConfigNotice[] = [];
  readonly #roots: readonly Root[];

  /** The folder of the config as it is named counts, also when the file there is a link to elsewhere. */
  constructor(configPath: string, env: NodeJS.ProcessEnv) {
    const allowed = (env["OPENCLAW_INCLUDE_ROOTS"] ?? "").split(path.delimiter).filter((entry) => entry.trim() !== "");
    const dirs = [path.dirname(path.resolve(configPath)), ...allowed.map((entry) => resolveUserPath(entry, env))];
    this.#roots = dirs.map((dir) => ({ dir, real: realPath(dir) }));
  }

  /** Reads one file of the config. @throws ConfigProblem */
  open(name: string, included = false): ConfigFile {
    const file = readConfigFile(name, included);
    this.files.push(file);
    if (!file.utf8) {
      const remedy = "Save the file as UTF-8.";
      this.notices.push({ file: name, line: null, column: null, message: `${name} is not UTF-8 throughout`, remedy });
    }
    return file;
  }

  /** With all it includes. @throws ConfigProblem */
  merge(file: ConfigFile, chain: readonly string[] = []): Merged {
    const { root } = file.json5;
    return this.#merge({ file, path: [], offset: root.start }, root, [...chain, file.path]);
  }

  #merge(origin: Origin, node: Json5Node, chain: readonly string[]): Merged {
    const origins = [origin];
    if (node.kind === "scalar") return { kind: "scalar", value: node.value, origins };
    const child = (step: string | number, entry: Json5Entry): Merged => {
      const at = { file: origin.file, path: [...origin.path, step], offset: entry.start };
      return this.#merge(at, entry.value, chain);
    };
    if (node.kind === "array") return { kind: "array", items: node.entries.map((item, n) => child(n, item)), origins };
    this.#noteDuplicates(origin, node.entries);
    const members = new Map<string, Merged>();
    // Of duplicates the last one counts, at the place of the first.
    const entries = new Map(node.entries.map((entry) => [entry.key ?? "", entry]));
    const include = findMember(node, "$include");
    entries.delete("$include");
    // A problem in an included file is found before one in what stands beside it, as in the host.
    const included = include && this.#include(origin, include, chain);
    for (const [name, member] of entries) if (name !== "__proto__") members.set(name, child(name, member));
    if (included === undefined || include === undefined) return { kind: "object", members, origins };
    if (entries.size === 0) return included;
    if (included.kind === "object") return overlay(included, { kind: "object", members, origins });
    const remedy = "Include a file with an object, or move the other keys away.";
    throw problemAt(origin, include, `${origin.file.path} adds keys to an included file that is no object`, remedy);
  }

  #include(origin: Origin, entry: Json5Entry, chain: readonly string[]): Merged {
    const value = nodeValue(entry.value);
    const names = Array.isArray(value) ? value : [value];
    const files = names.map((name) => {
      if (typeof name === "string") return this.#includeFile(origin, entry, name, chain);
      const remedy = "Give the name of a file, or a list of names.";
      throw problemAt(origin, entry, `${origin.file.path} has an $include that is no file name`, remedy);
    });
    const nothing: Merged = { kind: "object", members: new Map(), origins: [origin] };
    if (!Array.isArray(value)) return files[0] ?? nothing;
    return files.reduce(overlay, { ...nothing, origins: [] });
  }

  #includeFile(origin: Origin, entry: Json5Entry, name: string, chain: readonly string[]): Merged {
    const { file } = origin;
    // Beside the including file as it is named, not as its links lead.
    const target = path.resolve(path.dirname(file.path), name);
    const fail = (message: string, remedy: string) => problemAt(origin, entry, message, remedy);
    const outside = () => {
      const remedy = "Move it into the config folder, or name its folder in OPENCLAW_INCLUDE_ROOTS.";
      return fail(`${target} is included from outside the config folder`, remedy);
    };
    if (!this.#roots.some((root) => contains(root.dir, target))) throw outside();
    let real: string;
    try {
      real = resolveLinks(target);
    } catch (error) {
      const why = errorCode(error) ?? "no such name";
      const remedy = "Put the file there, or take its name out of $include.";
      throw fail(`${target}, which is included, cannot be read (${why})`, remedy);
    }
    if (!this.#roots.some((root) => contains(root.real, real))) throw outside();
    if (chain.includes(target)) throw fail(`${target} includes itself`, "Take one $include out of the circle.");
    if (chain.length > MAX_INCLUDE_DEPTH) {
      const remedy = `OpenClaw follows ${MAX_INCLUDE_DEPTH} files within each other; include some of them higher up.`;
      throw fail(`${target}: includes are nested too deeply`, remedy);
    }
    return this.merge(this.open(target, true), chain);
  }

  #noteDuplicates({ file, path: steps }: Origin, entries: readonly Json5Entry[]): void {
    const seen = new Set<string | null>();
    for (const { key, start } of entries) {
      if (seen.has(key)) {
        const name = formatPath([...steps, key ?? ""]);
        const message = `${file.path} gives \`${name}\` more than once; the last one counts`;
        this.notices.push(noticeAt(file, start, message, "Keep only the last one."));
      }
      seen.add(key);
    }
  }
}

/** As the host merges: lists are joined, objects merged key by key, anything else is replaced. */
function overlay(base: Merged, over: Merged): Merged {
  const origins = [...base.origins, ...over.origins];
  if (base.kind === "array" && over.kind === "array")
    return { kind: "array", items: [...base.items, ...over.items], origins };
  if (base.kind !== "object" || over.kind !== "object") return { ...over, origins };
  const members = new Map(base.members);
  for (const [key, value] of over.members) {
    if (BLOCKED.has(key)) continue;
    const before = members.get(key);
    members.set(key, before ? overlay(before, value) : value);
  }
  return { kind: "object", members, origins };
}

function problemAt({ file }: Origin, entry: Json5Entry, message: string, remedy: string): ConfigProblem {
  return new ConfigProblem(noticeAt(file, entry.start, message, remedy));
}
