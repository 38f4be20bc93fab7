import { readdirSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { isInside } from "../facts/paths.ts";
import { readRegularFile, Unsuitable } from "../facts/regular-file.ts";
import { errorCode, UserError } from "./errors.ts";

// Data only: cosmiconfig would run .js and .ts files, and a state dir is not trusted to run code in a doctor.
const POLICY_FILES = [
  "vitals.config.json",
  "vitals.config.yaml",
  "vitals.config.yml",
  ".vitalsrc.json",
  ".vitalsrc.yaml",
  ".vitalsrc.yml",
];

/** More than anybody writes. */
const MAX_BYTES = 1_048_576;

/** The policy file of a state dir, if it has one. */
export function findPolicyFile(stateDir: string): string | undefined {
  try {
    const names = new Set(readdirSync(stateDir));
    const name = POLICY_FILES.find((candidate) => names.has(candidate));
    return name === undefined ? undefined : path.join(stateDir, name);
  } catch {
    return undefined;
  }
}

/**
 * What a policy file holds, not yet validated.
 * @param foundIn the state dir it was found in, null for one that somebody named: nobody asked for the former, so it
 * must be of that folder, and no stranger's.
 * @throws UserError when it cannot be read or is not to be believed; its text is not quoted.
 */
export async function readPolicyFile(file: string, foundIn: string | null = null): Promise<unknown> {
  const { defaultLoadersSync } = await import("cosmiconfig");
  const yaml = (name: string, text: string): unknown =>
    isBlank(text) ? {} : (defaultLoadersSync[".yaml"](name, text) ?? {});
  const loaders = { ".json": defaultLoadersSync[".json"], ".yaml": yaml, ".yml": yaml };
  const extension = path.extname(file);
  if (!(extension in loaders))
    throw new UserError(`Policy ${file} is not a JSON or YAML file.`, "Name it .json, .yaml or .yml.");
  try {
    const { bytes, stat } = readRegularFile(file, MAX_BYTES);
    if (foundIn !== null) assertBelievable(file, stat, foundIn);
    const text = bytes.toString("utf8");
    return text.trim() === "" ? {} : loaders[extension as keyof typeof loaders](file, text);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof Unsuitable)
      throw new UserError(`Policy ${file} cannot be read: it is ${error.why}.`, "Put a policy in its place.");
    const code = errorCode(error);
    if (code === "ENOENT") throw new UserError(`Policy ${file} does not exist.`, "Check --policy.");
    if (code !== undefined)
      throw new UserError(`Policy ${file} cannot be read: ${code}.`, "Check what it is and whose it is.");
    const kind = extension === ".json" ? "JSON" : "YAML";
    throw new UserError(
      `Policy ${file} cannot be read: it is no valid ${kind}${await place(error, file)}.`,
      "What it may hold: https://unpkg.com/openclaw-vitals/docs/policy.md",
    );
  }
}

/** A file that anybody could have put there loosens no doctor. */
function assertBelievable(file: string, { uid, mode }: Stats, stateDir: string): void {
  if (!isInside(stateDir, file))
    throw new UserError(`Policy ${file} leads out of the state directory.`, "Name where it leads with --policy.");
  const self = process.getuid?.();
  if (self === undefined) return;
  const remedy = "Make it yours and `chmod o-w` it, or name another one with --policy.";
  if (![0, self, statSync(stateDir).uid].includes(uid))
    throw new UserError(`Policy ${file} belongs to another user.`, remedy);
  if ((mode & 0o002) !== 0) throw new UserError(`Policy ${file} can be written by every user.`, remedy);
}

/** A file whose lines are all comments is a policy that says nothing. */
function isBlank(text: string): boolean {
  return text.split("\n").every((line) => /^\s*(#.*)?$/.test(line));
}

/** Where the error is, as far as it is known. The parsers' own messages quote the text, which may be a secret. */
async function place(error: unknown, file: string): Promise<string> {
  const { mark } = error as { mark?: { line: number; column: number } };
  if (mark !== undefined) return ` (line ${mark.line + 1}, column ${mark.column + 1})`;
  if (path.extname(file) !== ".json") return "";
  const { default: JSON5 } = await import("json5");
  try {
    JSON5.parse(readRegularFile(file, MAX_BYTES).bytes.toString("utf8"));
  } catch (again) {
    const { lineNumber, columnNumber } = again as { lineNumber?: number; columnNumber?: number };
    if (lineNumber !== undefined) return ` (line ${lineNumber}, column ${columnNumber})`;
  }
  return " (JSON knows no comments, no single quotes and no comma at the end)";
}
