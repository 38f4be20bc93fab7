/**
 * `npm run new:check -- <id>`: makes everything a check consists of, as an example that works. Nothing that is there
 * already is written over; exit code 2 and a sentence say what is wrong with an id.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { x } from "tinyexec";
import { catalogue } from "../src/engine/catalogue.ts";
import { errorText, UserError } from "../src/engine/errors.ts";
import { packageFile } from "../src/package.ts";
import { exampleEntry, exampleFiles } from "./new-check-files.ts";

const USAGE = "Usage: npm run new:check -- <id>, e.g. cold-start.";
const MANIFEST = "manifest.json";
/** Before the list after the checks: one more entry goes to their end, and no other line changes. */
const END_OF_CHECKS = /\n( {2}\],\n {2}"hazards": )/;

/**
 * The files of a new check, by their path in the package.
 * @throws UserError for an id that is not one, or that is taken.
 */
export function planCheck(args: readonly string[]): Record<string, string> {
  const [id = "", more] = args;
  if (id === "" || more !== undefined) throw new UserError("One id is needed.", USAGE);
  const { pattern } = schemaOfEntries().properties.id;
  if (!new RegExp(pattern).test(id) || id.length > 40)
    throw new UserError(
      `"${id}" cannot be the id of a check.`,
      "An id has words of small letters with hyphens between them, 40 characters at most, e.g. cold-start.",
    );
  if (catalogue().some((entry) => entry.id === id))
    throw new UserError(`There is a check "${id}" already.`, "Choose another id, or change that one.");
  const files = exampleFiles(id);
  const [taken] = Object.keys(files).filter((file) => existsSync(packageFile(file)));
  if (taken !== undefined) throw new UserError(`${taken} is there already.`, "Choose another id, or move it away.");
  return { ...files, [MANIFEST]: withEntry(readFileSync(packageFile(MANIFEST), "utf8"), id) };
}

/** The catalogue with an entry for the example. @throws when it is laid out otherwise than expected. */
function withEntry(manifest: string, id: string): string {
  const entry = JSON.stringify(exampleEntry(id, catalogue()), null, 2).replace(/^/gm, "    ");
  const text = manifest.replace(END_OF_CHECKS, (_, end: string) => `,\n${entry}\n${end}`);
  const { checks } = JSON.parse(text) as { checks: { id: string }[] };
  if (checks.at(-1)?.id !== id) throw new Error(`the end of the checks was not found in ${MANIFEST}`);
  return text;
}

function schemaOfEntries(): { properties: { id: { pattern: string } } } {
  return JSON.parse(readFileSync(packageFile("docs/manifest.schema.json"), "utf8")).properties.checks.items;
}

async function main(args: readonly string[]): Promise<void> {
  const files = planCheck(args);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(packageFile(name)), { recursive: true });
    writeFileSync(packageFile(name), text);
  }
  const names = Object.keys(files);
  const run = { throwOnError: true, nodeOptions: { cwd: packageFile("") } } as const;
  await x("biome", ["format", "--write", ...names.filter((name) => /\.(ts|json)$/.test(name))], run);
  // The catalogue has changed: it is read again by another process.
  await x(process.execPath, ["--no-warnings", packageFile("scripts/generate.ts")], run);
  process.stdout.write(`Made ${names.join(", ")}, and the tables that name it.\n`);
  process.stdout.write("It is an example that works. Make it yours, file by file: CONTRIBUTING.md says how.\n");
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const remedy = error instanceof UserError ? ` ${error.remedy}` : "";
    process.stderr.write(`new:check: ${errorText(error)}${remedy}\n`);
    process.exitCode = 2;
  }
}
