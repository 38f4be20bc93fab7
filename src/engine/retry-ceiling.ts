/** `runRetries` as it is in force for an agent: its own entry laid over that of `agents.defaults`. */
export interface RunRetries {
  readonly base?: number | undefined;
  readonly perProfile?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A ceiling with the numbers it is made of. */
export interface RetryCeiling {
  /** How often one run goes round at most. */
  readonly value: number;
  /** Profiles the host counts: at least one. */
  readonly profiles: number;
  readonly base: number;
  readonly perProfile: number;
  readonly min: number;
  readonly max: number;
  /** The sum as a person would write it: `min(160, max(32, 24 + 5 × 8)) = 64`. */
  readonly arithmetic: string;
}

/** The host's own numbers, used where the config says nothing. 2026.5.22 to 2026.7.35. */
const RUN_RETRY_DEFAULTS = { base: 24, perProfile: 8, min: 32, max: 160 } as const;

/**
 * How often the host lets one run go round, computed as it does: each auth profile allows some more, and `min` wins
 * over a `max` below it.
 * @param profiles Sign-ins the run can fall back on; none counts as one.
 */
export function retryCeiling(settings: RunRetries, profiles: number): RetryCeiling {
  const base = Math.max(1, settings.base ?? RUN_RETRY_DEFAULTS.base);
  const perProfile = Math.max(0, settings.perProfile ?? RUN_RETRY_DEFAULTS.perProfile);
  const min = Math.max(1, settings.min ?? RUN_RETRY_DEFAULTS.min);
  const max = Math.max(min, settings.max ?? RUN_RETRY_DEFAULTS.max);
  const counted = Math.max(1, profiles);
  const value = Math.min(max, Math.max(min, base + counted * perProfile));
  const arithmetic = `min(${max}, max(${min}, ${base} + ${counted} × ${perProfile})) = ${value}`;
  return { value, profiles: counted, base, perProfile, min, max, arithmetic };
}
