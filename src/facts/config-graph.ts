import { statSync } from "node:fs";
import path from "node:path";
import { errorCode } from "../engine/errors.ts";
import { configEnv, expandReferences } from "./config-env.ts";
import { type ConfigFile, type ConfigNotice, type ConfigPath, ConfigProblem, placeIn } from "./config-file.ts";
import { ConfigMerger, type Merged, type Origin } from "./config-merge.ts";
import { setOwn } from "./json5-text.ts";
import { once } from "./once.ts";

export type { ConfigFile, ConfigNotice, ConfigPath } from "./config-file.ts";
export { formatPath } from "./config-file.ts";

/** A place in one of the config's files. */
export interface ConfigPlace {
  /** As the host names it; links are not followed. */
  readonly file: string;
  /** Links followed: the file that a write has to replace. */
  readonly real: string;
  /** From 1, of the key (of the value, where there is no key). Columns count UTF-16 code units. */
  readonly line: number;
  readonly column: number;
  /** Within that file, which is what an edit of its text needs; empty when its whole content is meant. */
  readonly path: ConfigPath;
  /** Not in openclaw.json itself: the host does not persist a change there on behalf of a plugin. */
  readonly included: boolean;
  /** The file is included at more than one place, and a change of it shows at all of them. */
  readonly shared: boolean;
}

/** A value of the config and who owns it. */
export interface OwnedValue extends ConfigPlace {
  /** As written: references to the environment are references. */
  readonly raw: unknown;
  /** References resolved where the variable has a value. Never to be printed. */
  readonly value: unknown;
  /** Variables it refers to, anywhere in it. */
  readonly variables: readonly string[];
  /** Those among them that have no value here; the host may know them from its `.env`. */
  readonly unresolved: readonly string[];
  /**
   * The other places that give this path a value, weakest first. A scalar replaces them, so that each comes to light
   * when the owner's is removed; objects and lists are merged from all of them.
   */
  readonly alsoIn: readonly ConfigPlace[];
}

/** The config with all it includes, merged as the host merges it. */
export interface ConfigGraph {
  readonly path: string;
  readonly exists: boolean;
  /** Why there is no config to speak of; the host refuses it for the same reason. */
  readonly problem: ConfigNotice | null;
  /** Strange, but no problem for the host: keys given twice, text that is not UTF-8. */
  readonly notices: readonly ConfigNotice[];
  /** The config first, then what it includes, each once, as far as it could be read. */
  readonly files: readonly ConfigFile[];
  /** When one of them was last written, milliseconds since the epoch; null when there is none. */
  readonly changedMs: number | null;
  /** The merged config as written, and with references resolved; `{}` when it is missing or has a problem. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly value: Readonly<Record<string, unknown>>;
  /** Null when nothing gives this path a value. */
  ownerOf(steps: ConfigPath): OwnedValue | null;
  /**
   * Where to write a value for this path so that it counts: its owner's place, or for a path without one a place
   * in the file that has the last word on the nearest object above. Null when something else is in the way.
   */
  placeFor(steps: ConfigPath): (ConfigPlace & { readonly exists: boolean }) | null;
}

/** Reads openclaw.json and all it includes. Writes nothing, never throws. */
export function readConfigGraph(configPath: string, env: NodeJS.ProcessEnv): ConfigGraph {
  const merger = new ConfigMerger(configPath, env);
  let raw: Readonly<Record<string, unknown>> | null = null;
  let merged = (): Merged | null => null;
  let problem: ConfigNotice | null = null;
  let exists = true;
  try {
    const file = merger.open(path.resolve(configPath));
    const read = once(() => merger.merge(file));
    raw = isPlain(file) ? (file.json5.value as Record<string, unknown>) : objectIn(read());
    if (raw !== null) merged = read;
    else problem = notAnObject(path.resolve(configPath));
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    exists = !isMissing(configPath);
    if (exists) problem = error.notice;
  }
  return new Graph({ path: configPath, exists, problem, merger, raw: raw ?? {}, merged, env });
}

/** An object that stands for itself: to merge it with nothing would only tell where each of its values is. */
function isPlain({ json5: { isLate, text, value } }: ConfigFile): boolean {
  return isLate && typeof value === "object" && value !== null && !Array.isArray(value) && !UNUSUAL.test(text);
}

/** An include, a key that the host drops, and any letter of these written in another way. */
const UNUSUAL = /\$include|__proto__|\\u/;

function objectIn(merged: Merged): Record<string, unknown> | null {
  return merged.kind === "object" ? (rawValue(merged) as Record<string, unknown>) : null;
}

class Graph implements ConfigGraph {
  readonly path: string;
  readonly exists: boolean;
  readonly problem: ConfigNotice | null;
  readonly files: readonly ConfigFile[];
  readonly raw: Readonly<Record<string, unknown>>;
  readonly #merged: () => Merged | null;
  readonly #notices: readonly ConfigNotice[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #uses: readonly ConfigFile[];
  #value: Readonly<Record<string, unknown>> | undefined;

  constructor(read: GraphParts) {
    this.path = read.path;
    this.exists = read.exists;
    this.problem = read.problem;
    this.#notices = read.merger.notices;
    this.#uses = read.merger.files;
    this.files = [...new Map(this.#uses.map((file) => [file.real, file])).values()];
    this.#merged = read.merged;
    this.raw = read.raw;
    this.#env = configEnv(this.raw, read.env);
  }

  get notices(): readonly ConfigNotice[] {
    this.#merged(); // comes upon them
    return this.#notices;
  }

  get changedMs(): number | null {
    const times = this.files.map(({ real }) => statSync(real, { throwIfNoEntry: false })?.mtimeMs);
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? null : Math.max(...known);
  }

  get value(): Readonly<Record<string, unknown>> {
    this.#value ??= resolve(this.raw, this.#env, new Set(), new Set()) as Record<string, unknown>;
    return this.#value;
  }

  ownerOf(steps: ConfigPath): OwnedValue | null {
    const found = this.#find(steps);
    const owner = found?.origins.at(-1);
    if (found === undefined || owner === undefined) return null;
    const raw = rawValue(found);
    const variables = new Set<string>();
    const missing = new Set<string>();
    const value = resolve(raw, this.#env, variables, missing);
    const alsoIn = found.origins.slice(0, -1).map((origin) => this.#place(origin));
    return { ...this.#place(owner), raw, value, variables: [...variables], unresolved: [...missing], alsoIn };
  }

  placeFor(steps: ConfigPath): (ConfigPlace & { readonly exists: boolean }) | null {
    for (let length = steps.length; length >= 0; length -= 1) {
      const found = this.#find(steps.slice(0, length));
      const origin = found?.origins.at(-1);
      if (found === undefined || origin === undefined) continue;
      const rest = steps.slice(length);
      if (rest.length > 0 && (found.kind !== "object" || typeof rest[0] === "number")) return null;
      return { ...this.#place(origin), path: [...origin.path, ...rest], exists: rest.length === 0 };
    }
    return null;
  }

  #find(steps: ConfigPath): Merged | undefined {
    let at = this.#merged() ?? undefined;
    for (const step of steps) {
      if (at?.kind === "object" && typeof step === "string") at = at.members.get(step);
      else if (at?.kind === "array" && typeof step === "number") at = at.items[step];
      else return undefined;
    }
    return at;
  }

  #place({ file, path: steps, offset }: Origin): ConfigPlace {
    const { path: name, real, included } = file;
    const shared = this.#uses.filter((other) => other.real === real).length > 1;
    return { file: name, real, ...placeIn(file, offset), path: steps, included, shared };
  }
}

interface GraphParts {
  readonly path: string;
  readonly exists: boolean;
  readonly problem: ConfigNotice | null;
  readonly merger: ConfigMerger;
  readonly raw: Readonly<Record<string, unknown>>;
  /** All of it, with where it is. */
  readonly merged: () => Merged | null;
  readonly env: NodeJS.ProcessEnv;
}

function rawValue(merged: Merged): unknown {
  if (merged.kind === "scalar") return merged.value;
  if (merged.kind === "array") return merged.items.map(rawValue);
  return Object.fromEntries([...merged.members].map(([key, member]) => [key, rawValue(member)]));
}

function resolve(value: unknown, env: NodeJS.ProcessEnv, variables: Set<string>, missing: Set<string>): unknown {
  if (typeof value === "string") {
    const expanded = expandReferences(value, env);
    for (const name of expanded.variables) variables.add(name);
    for (const name of expanded.missing) missing.add(name);
    return expanded.text;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => resolve(item, env, variables, missing));
  const resolved = {};
  for (const [key, item] of Object.entries(value)) setOwn(resolved, key, resolve(item, env, variables, missing));
  return resolved;
}

/** Only a file that is not there is no problem: behind a closed folder or a loop of links it is one. */
function isMissing(file: string): boolean {
  try {
    statSync(file);
    return false;
  } catch (error) {
    return errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
  }
}

function notAnObject(file: string): ConfigNotice {
  return { file, line: null, column: null, message: `${file} is not an object`, remedy: "Begin the file with `{`." };
}
