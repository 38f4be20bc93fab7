/** Every call of `node:fs` that changes something, seen before it is made. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** What only reads. Whatever is not named here counts as a change, so that no new way to write goes unseen. */
const READING =
  /^(?:f?stat|lstat|statfs|read|readv|readdir|readFile|readlink|realpath|exists|access|opendir|close|native|watch.*|unwatchFile|createReadStream|glob|openAsBlob)(?:Sync)?$/;
const WRITE_FLAGS = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC;

/** One call: `journal.ts:70 mkdirSync`, by the place in the source that makes it. */
export interface Call {
  readonly step: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

/**
 * Calls `before` ahead of each change made through `node:fs` from now on; what `before` does itself is not watched.
 * What it returns is returned instead of making the change.
 */
export function watchChanges(before: (call: Call) => { readonly result: unknown } | undefined): void {
  for (const target of [fs, fs.promises] as unknown as Record<string, unknown>[]) {
    for (const [name, real] of Object.entries(target)) {
      if (typeof real !== "function" || /^[A-Z_]/.test(name) || READING.test(name)) continue;
      target[name] = (...args: readonly unknown[]): unknown => {
        const reads = /^open(?:Sync)?$/.test(name) && onlyReads(args[1]);
        if (!watching || reads) return Reflect.apply(real, target, args);
        const step = `${caller()} ${name}`;
        return unwatched(() => {
          const instead = before({ step, name, args });
          return instead === undefined ? Reflect.apply(real, target, args) : instead.result;
        });
      };
    }
  }
  syncBuiltinESMExports();
}

let watching = true;

/** Does something that is no change of ours: also what a function of `node:fs` calls to do its work. */
export function unwatched<T>(act: () => T): T {
  watching = false;
  try {
    return act();
  } finally {
    watching = true;
  }
}

function onlyReads(flags: unknown): boolean {
  return typeof flags === "number" ? (flags & WRITE_FLAGS) === 0 : flags === undefined || flags === "r";
}

/** `file.ts:line` of the first caller outside of this module and of Node. */
function caller(): string {
  for (const line of new Error().stack?.split("\n") ?? []) {
    const [, file, at] = /file:\/\/.*\/([^/]+):(\d+):\d+/.exec(line) ?? [];
    if (file !== undefined && !import.meta.url.endsWith(`/${file}`)) return `${file}:${at}`;
  }
  return "unknown";
}

/** Each place in a source where such a call is written, named as a step of it is. */
export function changesWrittenIn(file: string, source: string): string[] {
  const imports = /import \{([^}]+)\} from "node:fs"/.exec(source)?.[1] ?? "";
  const names = imports.match(/\w+/g)?.filter((name) => !READING.test(name)) ?? [];
  return source.split("\n").flatMap((line, at) =>
    names.flatMap((name) => {
      const reads = name === "openSync" && line.includes("O_RDONLY");
      return !reads && new RegExp(`\\b${name}\\(`).test(line) ? [`${file}:${at + 1} ${name}`] : [];
    }),
  );
}
