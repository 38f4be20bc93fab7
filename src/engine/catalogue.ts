import { readFileSync } from "node:fs";
import { packageFile } from "../package.ts";
import { UserError } from "./errors.ts";
import { satisfiesHost } from "./host-range.ts";
import type { Draft } from "./late-finding.ts";
import type { Check, Fix, Risk, Severity } from "./types.ts";

/** One check of manifest.json: what it is, not how it works. */
export interface CatalogueEntry {
  readonly id: string;
  readonly title: string;
  /** What is broken for the user: findings are shown under it. */
  readonly group: string;
  readonly protects: string;
  readonly severity: Severity;
  readonly needs: readonly string[];
  /** OpenClaw versions it applies to, a semver range. */
  readonly hosts: string;
  readonly fix: { readonly id: string; readonly risk: Risk; readonly summary: string } | null;
  /** Issue numbers at openclaw/openclaw. */
  readonly references: readonly number[];
}

/** A known defect of some OpenClaw versions, as manifest.json records it. */
export interface Hazard {
  readonly id: string;
  /** OpenClaw versions that have it, a semver range; where it comes from is said in docs/checks/host-hazard.md. */
  readonly hosts: string;
  /** The first release known to be free of it; null when none is known. */
  readonly fixedIn: string | null;
  readonly severity: "info" | "warning";
  /** Only on these platforms (`process.platform`); without it on all. */
  readonly platforms?: readonly string[];
  /** One sentence: what happens to the user. */
  readonly consequence: string;
  /** What to do or to leave until the update. */
  readonly remedy: string;
  /** Issue numbers at openclaw/openclaw. */
  readonly references: readonly number[];
}

/** What is known of some OpenClaw releases without asking anybody. */
export interface Releases {
  readonly hosts: string;
  /** Node versions they run on, a semver range. */
  readonly node: string;
}

interface Manifest {
  readonly checks: readonly CatalogueEntry[];
  readonly hazards: readonly Hazard[];
  readonly releases: readonly Releases[];
}

let manifest: Manifest | undefined;

function readManifest(): Manifest {
  manifest ??= JSON.parse(readFileSync(packageFile("manifest.json"), "utf8")) as Manifest;
  return manifest;
}

/** Every check there is, in the order they run. */
export function catalogue(): readonly CatalogueEntry[] {
  return readManifest().checks;
}

/** The known defects of this OpenClaw version on this platform. */
export async function hazardsOf(version: string, platform: string = process.platform): Promise<Hazard[]> {
  const affected: Hazard[] = [];
  for (const hazard of readManifest().hazards) {
    if (hazard.platforms !== undefined && !hazard.platforms.includes(platform)) continue;
    if (await satisfiesHost(version, hazard.hosts)) affected.push(hazard);
  }
  return affected;
}

/** What is known of the releases this version belongs to; null for one that is older or newer than all known ones. */
export async function releaseOf(version: string): Promise<Releases | null> {
  for (const releases of readManifest().releases) if (await satisfiesHost(version, releases.hosts)) return releases;
  return null;
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

/** What a finding of this check breaks, in words of the user. `vitals/<id>`, or of no check at all. */
export function groupOf(checkId: string): string {
  const entry = catalogue().find(({ id }) => checkId === `vitals/${id}`);
  return entry?.group ?? "What could not be looked at";
}

/** The checks chosen by `--only` and `--skip`. @throws UserError for an unknown id. */
export function selectEntries(only: readonly string[] = [], skip: readonly string[] = []): CatalogueEntry[] {
  const wanted = only.map(findEntry);
  const unwanted = skip.map(findEntry);
  return catalogue().filter((entry) => (wanted.length === 0 || wanted.includes(entry)) && !unwanted.includes(entry));
}

/** What to skip to run one check alone. One that is named would run even if the policy turned it off. */
export function othersThan({ id }: CatalogueEntry): string[] {
  return catalogue()
    .map((entry) => entry.id)
    .filter((other) => other !== id);
}

/** Whether a check applies to this version; one that is not known is looked at with everything. */
export async function appliesTo(entry: CatalogueEntry, version: string | null): Promise<boolean> {
  if (entry.hosts === "*" || version === null) return true;
  return await satisfiesHost(version, entry.hosts);
}

export async function loadCheck(id: string): Promise<Check<Draft>> {
  return ((await import(`../../checks/${id}.ts`)) as { default: Check<Draft> }).default;
}

export async function loadFix(id: string): Promise<Fix> {
  return ((await import(`../../fixes/${id}.ts`)) as { default: Fix }).default;
}

/** Where a check is explained. */
export function docsUrl(id: string): string {
  return `https://unpkg.com/openclaw-vitals/docs/checks/${id}.md`;
}
