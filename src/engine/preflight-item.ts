import type { Facts } from "../facts/facts.ts";
import type { Evidence } from "./types.ts";

/** A `blocker` has to go first; a `warning` is better dealt with first; a `note` is to be known. */
export type PreflightLevel = "blocker" | "warning" | "note" | "ok";

/** One thing that bears on the upgrade. */
export interface PreflightItem {
  /** What it is about, e.g. `node`; several items can share it. */
  readonly id: string;
  readonly level: PreflightLevel;
  readonly message: string;
  readonly remedy?: string;
  readonly evidence: readonly Evidence[];
}

/** What is judged for an upgrade: the install, and where it is to go. */
export interface Upgrade {
  readonly facts: Facts;
  readonly from: string | null;
  readonly to: string;
  /** The newer version keeps transcripts in a database and the older one does not: they will be moved. */
  readonly migrates: boolean;
  /** How old a lock without a readable owner has to be to be judged. */
  readonly graceSeconds: number;
}

/** Shorthand for one item. */
export function item(
  id: string,
  level: PreflightLevel,
  message: string,
  { remedy, evidence = [] }: { readonly remedy?: string; readonly evidence?: readonly Evidence[] } = {},
): PreflightItem {
  return { id, level, message, ...(remedy === undefined ? {} : { remedy }), evidence };
}
