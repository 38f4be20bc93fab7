import { satisfiesHost } from "./host-range.ts";

/**
 * Whether the host has the keys that tune its retries and locks (`live`), or has given them up (`retired`): then its
 * schema refuses a config that still holds one of them. Measured on 2026.5.22, 2026.8.1 and 2026.9.6; 2026.7.35 still
 * has the keys (read), 2026.7.2-beta.7 had given them up for a while.
 */
export type Knobs = "live" | "retired";

const RETIRED_IN = ">=2026.8.1-0 || >=2026.7.2-beta.7 <=2026.7.2";

/** @param era what the state looks like; decides where no version is known. */
export async function knobsOf(version: string | null, era: "jsonl" | "sqlite"): Promise<Knobs> {
  if (version === null) return era === "sqlite" ? "retired" : "live";
  return (await satisfiesHost(version, RETIRED_IN)) ? "retired" : "live";
}
