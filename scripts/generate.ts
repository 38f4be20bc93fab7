/**
 * Writes what is derived from the catalogue, the policy and package.json: the table of checks in README.md, that of
 * the policy's keys in docs/policy.md, and openclaw.plugin.json. With `--check` nothing is written; exit code 1 names what is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { x } from "tinyexec";
import { type CatalogueEntry, catalogue } from "../src/engine/catalogue.ts";
import { allowedText, type PolicyNode, policyKeys, policySchema } from "../src/engine/policy-schema.ts";
import plugin from "../src/host/plugin.ts";
import { packageFile, packageVersion } from "../src/package.ts";

const README = "README.md";
const PLUGIN_MANIFEST = "openclaw.plugin.json";
const POLICY_PAGE = "docs/policy.md";

type PluginManifest = Record<string, unknown> & { readonly cliCommands: readonly Record<string, unknown>[] };

/** Files that `generate` would change. */
export function outdated(): string[] {
  const manifest = readManifest();
  return [
    ...[README, POLICY_PAGE].filter((name) => withTables(name) !== read(name)),
    // Compared as data: how it is laid out is the formatter's affair.
    ...(isDeepStrictEqual(withFacts(manifest), manifest) ? [] : [PLUGIN_MANIFEST]),
  ];
}

/** Brings the generated parts up to date. @returns the files that were changed. */
export async function generate(): Promise<string[]> {
  const stale = outdated();
  for (const name of [README, POLICY_PAGE]) if (stale.includes(name)) write(name, withTables(name));
  if (stale.includes(PLUGIN_MANIFEST)) {
    write(PLUGIN_MANIFEST, `${JSON.stringify(withFacts(readManifest()), null, 2)}\n`);
    await x("biome", ["format", "--write", packageFile(PLUGIN_MANIFEST)], { throwOnError: true });
  }
  return stale;
}

function withTables(name: string): string {
  return name === README ? withTable(read(name), catalogue()) : withKeys(read(name), policyKeys());
}

/** The README with the table of these checks between its markers. @throws when a marker is missing. */
export function withTable(readme: string, checks: readonly CatalogueEntry[]): string {
  const head = ["Check", "Protects from", "Severity", "Repair"];
  const rows = checks.map(({ id, protects, severity, fix }) => [
    `[\`${id}\`](docs/checks/${id}.md)`,
    protects,
    severity,
    fix === null ? "none" : `${fix.risk}: ${fix.summary}`,
  ]);
  return between(readme, "checks", table(head, rows));
}

/** The page of the policy with a row for each of these keys; those of the checks are one. */
export function withKeys(page: string, keys: readonly [string, PolicyNode][]): string {
  const rows = keys.map(([key, node]) => [
    `\`${key.replace(/^checks\.[^.]+/, "checks.<id>")}\``,
    Array.isArray(node.default) ? node.default.join(", ") || "none" : String(node.default),
    allowedText(node).replaceAll('"', "`"),
    String(node.description).replace(/what \S+ finds/, "what this check finds"),
  ]);
  const unique = rows.filter(([key], n) => rows.findIndex(([other]) => other === key) === n);
  return between(page, "keys", table(["Key", "Default", "Allowed", ""], unique));
}

function between(text: string, name: string, content: string): string {
  const [first, last] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const [start, end] = [text.indexOf(first), text.indexOf(last)];
  if (start < 0 || end < start) throw new Error(`the markers ${first} and ${last} are missing`);
  return `${text.slice(0, start + first.length)}\n${content}\n${text.slice(end)}`;
}

// Padded as the formatter pads tables, so that both agree on the file.
function table(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...rows]
    .map((cells) => `| ${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`)
    .join("\n");
}

/** The plugin's manifest with what is decided elsewhere; its other fields stay. */
function withFacts(manifest: PluginManifest): PluginManifest {
  const { id, name, description } = plugin;
  return {
    ...manifest,
    id,
    name,
    version: packageVersion(),
    description,
    cliCommands: manifest.cliCommands.map((command) => ({ ...command, description })),
    configSchema: policySchema(),
  };
}

function readManifest(): PluginManifest {
  return JSON.parse(read(PLUGIN_MANIFEST)) as PluginManifest;
}

function read(name: string): string {
  return readFileSync(packageFile(name), "utf8");
}

function write(name: string, text: string): void {
  writeFileSync(packageFile(name), text);
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = outdated();
    if (stale.length > 0) process.stderr.write(`Out of date, run \`npm run generate\`: ${stale.join(", ")}\n`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    const changed = await generate();
    process.stdout.write(`${changed.length > 0 ? `Wrote ${changed.join(", ")}` : "Nothing to do"}\n`);
  }
}
