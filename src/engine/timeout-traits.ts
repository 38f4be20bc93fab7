import type { Knobs } from "./config-knobs.ts";
import { satisfiesHost } from "./host-range.ts";

/** How a version of the host treats a run without a time limit. */
export interface TimeoutTraits {
  /** The schema takes 0 for `agents.defaults.timeoutSeconds`, and means no limit by it. */
  readonly zeroMeansNone: boolean;
  /** Whether the watch for a model that sends nothing stays on in such a run. Null: that version was not looked at. */
  readonly idleWatch: boolean | null;
  /** The host keeps sessions in files, and waits for their write locks. */
  readonly waitsForLocks: boolean;
}

/** Measured or read on 2026.5.22, 2026.7.35, 2026.8.1 and 2026.9.6. */
export async function timeoutTraits(version: string | null, knobs: Knobs): Promise<TimeoutTraits> {
  const is = async (range: string): Promise<boolean> => version !== null && (await satisfiesHost(version, range));
  const off = await is("<=2026.5.22");
  const on = knobs === "retired" || (await is(">=2026.7.35"));
  return {
    zeroMeansNone: knobs === "retired",
    idleWatch: off ? false : on ? true : null,
    waitsForLocks: knobs === "live",
  };
}

/** What a run without a limit costs on that version; follows a colon. */
export function costOfNoLimit({ idleWatch }: TimeoutTraits): string {
  const holds = "a run that gets stuck keeps its session and its place in the queue until the gateway restarts";
  if (idleWatch === false) return `${holds}, and OpenClaw does not even give up on a model that sends nothing`;
  if (idleWatch === true)
    return `${holds}; only a model that sends nothing is given up, unless it runs on this machine`;
  return holds;
}
