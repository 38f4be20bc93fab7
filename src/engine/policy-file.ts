import { readdirSync } from "node:fs";
import path from "node:path";
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

/** What a policy file holds, not yet validated. @throws UserError when it cannot be read; its text is not quoted. */
export async function readPolicyFile(file: string): Promise<unknown> {
  const { cosmiconfig, defaultLoadersSync } = await import("cosmiconfig");
  const yaml = (name: string, text: string): unknown =>
    isBlank(text) ? {} : (defaultLoadersSync[".yaml"](name, text) ?? {});
  const loaders = { ".json": defaultLoadersSync[".json"], ".yaml": yaml, ".yml": yaml };
  const extension = path.extname(file);
  if (!(extension in loaders))
    throw new UserError(`Policy ${file} is not a JSON or YAML file.`, "Name it .json, .yaml or .yml.");
  try {
    const explorer = cosmiconfig("vitals", { searchPlaces: POLICY_FILES, loaders, stopDir: path.dirname(file) });
    const result = await explorer.load(file);
    return result?.isEmpty ? {} : result?.config;
  } catch (error) {
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

/** A file whose lines are all comments is a policy that says nothing. */
function isBlank(text: string): boolean {
  return text.split("\n").every((line) => /^\s*(#.*)?$/.test(line));
}

/** Where the error is, as far as it is known. The parsers' own messages quote the text, which may be a secret. */
async function place(error: unknown, file: string): Promise<string> {
  const { mark } = error as { mark?: { line: number; column: number } };
  if (mark !== undefined) return ` (line ${mark.line + 1}, column ${mark.column + 1})`;
  if (path.extname(file) !== ".json") return "";
  const [{ default: JSON5 }, { readFile }] = await Promise.all([import("json5"), import("node:fs/promises")]);
  try {
    JSON5.parse(await readFile(file, "utf8"));
  } catch (again) {
    const { lineNumber, columnNumber } = again as { lineNumber?: number; columnNumber?: number };
    if (lineNumber !== undefined) return ` (line ${lineNumber}, column ${columnNumber})`;
  }
  return " (JSON knows no comments, no single quotes and no comma at the end)";
}
