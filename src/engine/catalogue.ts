import { readFileSync } from "node:fs";
import { packageFile } from "../package.ts";
import { UserError } from "./errors.ts";
import type { Check, Fix, Risk, Severity } from "./types.ts";

/** One check of manifest.json: what it is, not how it works. */
export interface CatalogueEntry {
  readonly id: string;
  readonly title: string;
  readonly protects: string;
  readonly severity: Severity;
  readonly needs: readonly string[];
  /** OpenClaw versions it applies to, a semver range. */
  readonly hosts: string;
  readonly fix: { readonly id: string; readonly risk: Risk; readonly summary: string } | null;
  /** Issue numbers at openclaw/openclaw. */
  readonly references: readonly number[];
}

let entries: readonly CatalogueEntry[] | undefined;

/** Every check there is, in the order they run. */
export function catalogue(): readonly CatalogueEntry[] {
  entries ??= (JSON.parse(readFileSync(packageFile("manifest.json"), "utf8")) as { checks: CatalogueEntry[] }).checks;
  return entries;
}

/** The entry with this id; the host's form `vitals/<id>` is understood too. @throws UserError for an unknown id. */
export function findEntry(id: string): CatalogueEntry {
  const bare = id.replace(/^vitals\//, "");
  const entry = catalogue().find((candidate) => candidate.id === bare);
  if (entry) return entry;
  throw new UserError(
    `There is no check "${id}".`,
    `The checks are: ${catalogue()
      .map((known) => known.id)
      .join(", ")}.`,
  );
}

/** The checks chosen by `--only` and `--skip`. @throws UserError for an unknown id. */
export function selectEntries(only: readonly string[] = [], skip: readonly string[] = []): CatalogueEntry[] {
  const wanted = only.map(findEntry);
  const unwanted = skip.map(findEntry);
  return catalogue().filter((entry) => (wanted.length === 0 || wanted.includes(entry)) && !unwanted.includes(entry));
}

/** Whether a check applies to this version; pre- and post-releases count as the version they belong to. */
export async function appliesTo(entry: CatalogueEntry, version: string | null): Promise<boolean> {
  if (entry.hosts === "*" || version === null) return true;
  const { default: semver } = await import("semver");
  return semver.satisfies(version, entry.hosts, { includePrerelease: true, loose: true });
}

export async function loadCheck(id: string): Promise<Check> {
  return ((await import(`../../checks/${id}.ts`)) as { default: Check }).default;
}

export async function loadFix(id: string): Promise<Fix> {
  return ((await import(`../../fixes/${id}.ts`)) as { default: Fix }).default;
}

/** Where a check is explained. */
export function docsUrl(id: string): string {
  return `https://unpkg.com/openclaw-vitals/docs/checks/${id}.md`;
}
