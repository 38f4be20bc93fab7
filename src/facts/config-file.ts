import { errorCode } from "../engine/errors.ts";
import { type Json5Text, parseJson5, placesOf, type TextPlace } from "./json5-text.ts";
import { resolveLinks } from "./paths.ts";
import { readRegularFile, Unsuitable } from "./regular-file.ts";

/** Steps from the root of a document or of the merged config: keys, and indexes of lists. */
export type ConfigPath = readonly (string | number)[];

/** A path as people write it: `agents.list[0].runRetries`, keys that are no words in quotes. */
export function formatPath(steps: ConfigPath): string {
  return steps
    .map((step) => {
      if (typeof step === "number") return `[${step}]`;
      return /^[\w$-]+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    })
    .join("")
    .replace(/^\./, "");
}

/** What is wrong with a config, or strange about it. Quotes keys and file names, never a value. */
export interface ConfigNotice {
  readonly file: string;
  /** From 1; null where the file as a whole is meant. */
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
  readonly remedy: string;
}

/** Ends the reading of a config: the host refuses all of it, too. */
export class ConfigProblem extends Error {
  readonly notice: ConfigNotice;

  constructor(notice: ConfigNotice) {
    super(notice.message);
    this.notice = notice;
  }
}

/** One file of a config. */
export interface ConfigFile {
  /** Absolute, as the host names it: links are not followed. */
  readonly path: string;
  /** Links followed: what a write has to replace. */
  readonly real: string;
  readonly included: boolean;
  readonly json5: Json5Text;
  /** False: it holds bytes that are no UTF-8, which the host reads as U+FFFD. Writing its text back would lose them. */
  readonly utf8: boolean;
  readonly bom: boolean;
}

/** Our own limit; the host has none for the file it starts from. */
const MAX_CONFIG_BYTES = 8_388_608;
/** The host's. */
const MAX_INCLUDE_BYTES = 2_097_152;

/** @throws ConfigProblem for what is no readable JSON5 file, or one that the host refuses to include. */
export function readConfigFile(path: string, included: boolean): ConfigFile {
  try {
    const real = resolveLinks(path);
    const bytes = readBytes(path, included);
    const text = bytes.toString("utf8");
    const json5 = parse(path, text);
    return { path, real, included, json5, utf8: Buffer.from(text).equals(bytes), bom: text.startsWith("\uFEFF") };
  } catch (error) {
    if (error instanceof ConfigProblem) throw error;
    const why = errorCode(error) ?? (error instanceof RangeError ? "nested too deeply" : "unexpected error");
    throw problemWith(path, `${path} cannot be read (${why})`, "Check the file and its permissions.");
  }
}

function readBytes(path: string, included: boolean): Buffer {
  const limit = included ? MAX_INCLUDE_BYTES : MAX_CONFIG_BYTES;
  try {
    const { bytes, stat } = readRegularFile(path, limit);
    if (!included || stat.nlink === 1) return bytes;
  } catch (error) {
    if (!(error instanceof Unsuitable)) throw error;
    if (error.why === "too large")
      throw problemWith(path, `${path} is too large`, `Make it smaller than ${limit / 1_048_576} MiB.`);
    throw problemWith(path, `${path} is ${error.why}`, "Put a regular file in its place.");
  }
  const remedy = "OpenClaw refuses to include it; put a copy in its place.";
  throw problemWith(path, `${path} has more than one hard link`, remedy);
}

function parse(path: string, text: string): Json5Text {
  try {
    return parseJson5(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's own message quotes the text, which may be a secret.
    const { lineNumber: line, columnNumber: column } = error as { lineNumber?: number; columnNumber?: number };
    throw new ConfigProblem({
      file: path,
      line: line ?? null,
      column: column ?? null,
      message: `${path} is not valid JSON5 (line ${line ?? "?"}, column ${column ?? "?"})`,
      remedy: "Correct the text at or just before that place.",
    });
  }
}

function problemWith(file: string, message: string, remedy: string): ConfigProblem {
  return new ConfigProblem({ file, line: null, column: null, message, remedy });
}

/** A config may give thousands of keys twice. */
const known = new WeakMap<Json5Text, (offset: number) => TextPlace>();

/** Where an offset of a file is. */
export function placeIn({ json5 }: ConfigFile, offset: number): TextPlace {
  const places = known.get(json5) ?? placesOf(json5.text);
  known.set(json5, places);
  return places(offset);
}

/** A problem or notice at an offset of a file. */
export function noticeAt(file: ConfigFile, offset: number, message: string, remedy: string): ConfigNotice {
  return { file: file.path, ...placeIn(file, offset), message, remedy };
}
