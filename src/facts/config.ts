import { readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import JSON5 from "json5";
import { errorCode } from "../engine/errors.ts";
import { realPath, resolveUserPath } from "./paths.ts";

/** What is needed of openclaw.json. Values stay in memory; only names and numbers are ever printed. */
export interface ConfigFacts {
  readonly path: string;
  readonly exists: boolean;
  /** Parsed and merged with its includes; `{}` when it is missing or broken. */
  readonly value: Readonly<Record<string, unknown>>;
  /** One sentence when the file, or a file it includes, could not be read. */
  readonly problem: string | null;
}

const MAX_INCLUDE_DEPTH = 10;
const MAX_CONFIG_BYTES = 8_388_608;

/** Reads openclaw.json (JSON5, `$include`d files merged as the host merges them). Never throws. */
export function readConfig(file: string, env: NodeJS.ProcessEnv): ConfigFacts {
  try {
    const value = readFile(file, openScope(file, env), []);
    if (!isRecord(value)) throw new ConfigProblem(`${file} is not an object`);
    return { path: file, exists: true, value, problem: null };
  } catch (error) {
    const exists = !isMissing(file);
    return { path: file, exists, value: {}, problem: exists ? problemText(file, error) : null };
  }
}

/** Real paths of the files openclaw.json includes, directly or not, as far as they can be read. Never throws. */
export function includedFiles(file: string, env: NodeJS.ProcessEnv): string[] {
  let files: string[] = [];
  try {
    const scope = openScope(file, env);
    ({ files } = scope);
    readFile(file, scope, []);
  } catch {
    // `readConfig` says why
  }
  return [...new Set(files.slice(1))];
}

/** Where includes may lie, and the real path of every file read so far. */
interface Scope {
  readonly roots: readonly string[];
  readonly files: string[];
}

/** @throws when there is no such file. */
function openScope(file: string, env: NodeJS.ProcessEnv): Scope {
  return { roots: [path.dirname(realpathSync(file)), ...includeRoots(env)], files: [] };
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

/** The value at a dotted path, undefined where there is none. */
export function configValue(config: ConfigFacts, dottedPath: string): unknown {
  return dottedPath
    .split(".")
    .reduce<unknown>(
      (value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined),
      config.value,
    );
}

class ConfigProblem extends Error {}

function readFile(file: string, scope: Scope, chain: readonly string[]): unknown {
  const real = realpathSync(file);
  if (chain.includes(real)) throw new ConfigProblem(`${file} includes itself`);
  if (chain.length >= MAX_INCLUDE_DEPTH) throw new ConfigProblem(`${file}: includes are nested too deeply`);
  // Asked before reading: a FIFO would block for ever, a huge file would fill the memory.
  const stat = statSync(real);
  if (!stat.isFile()) throw new ConfigProblem(`${file} is not a regular file`);
  if (stat.size > MAX_CONFIG_BYTES) throw new ConfigProblem(`${file} is too large`);
  const text = readFileSync(real, "utf8");
  scope.files.push(real);
  let value: unknown;
  try {
    value = JSON5.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const { lineNumber, columnNumber } = error as { lineNumber?: number; columnNumber?: number };
    // The parser's own message quotes the text, which may be a secret.
    throw new ConfigProblem(`${file} is not valid JSON5 (line ${lineNumber ?? "?"}, column ${columnNumber ?? "?"})`);
  }
  return resolveIncludes(value, path.dirname(real), scope, [...chain, real]);
}

function resolveIncludes(value: unknown, dir: string, scope: Scope, chain: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveIncludes(item, dir, scope, chain));
  if (!isRecord(value)) return value;
  const { $include: include, ...siblings } = value;
  const own = Object.fromEntries(
    Object.entries(siblings).map(([key, item]) => [key, resolveIncludes(item, dir, scope, chain)]),
  );
  if (include === undefined) return own;
  const names = (Array.isArray(include) ? include : [include]).filter((name) => typeof name === "string");
  return [...names.map((name) => readIncluded(path.resolve(dir, name), scope, chain)), own].reduce(merge, {});
}

function readIncluded(file: string, scope: Scope, chain: readonly string[]): unknown {
  let real: string;
  try {
    real = realpathSync(file);
  } catch (error) {
    throw new ConfigProblem(`${file}, which is included, cannot be read (${errorCode(error)})`);
  }
  if (!scope.roots.some((root) => real.startsWith(root + path.sep)))
    throw new ConfigProblem(`${file} is included from outside the config folder`);
  return readFile(file, scope, chain);
}

function merge(base: unknown, over: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  if (!isRecord(base) || !isRecord(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (key === "__proto__") continue;
    merged[key] = Object.hasOwn(merged, key) ? merge(merged[key], value) : value;
  }
  return merged;
}

/** Real paths: included files are compared by theirs. */
function includeRoots(env: NodeJS.ProcessEnv): string[] {
  const entries = env["OPENCLAW_INCLUDE_ROOTS"]?.split(path.delimiter) ?? [];
  return entries
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => realPath(resolveUserPath(entry, env)));
}

function problemText(file: string, error: unknown): string {
  if (error instanceof ConfigProblem) return error.message;
  return `${file} cannot be read (${errorCode(error) ?? "unexpected error"})`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
