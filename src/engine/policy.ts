import type { Severity } from "./types.ts";

/** `off` turns a check off; `default`: as the check itself says. */
export const SEVERITY_WORDS = ["default", "info", "warning", "error", "off"] as const;
/** Restarts are never among them: those take a yes or `--force`. */
export const RISKS_WITHOUT_ASKING = ["safe", "confirm"] as const;
export const SELF_HEALING = ["off", "report", "fix"] as const;

/** Findings that do not count for a time: one by its id, or all of a check. */
export interface Silence {
  readonly id?: string;
  readonly check?: string;
  readonly reason: string;
  /** The last day it holds, `YYYY-MM-DD` in UTC. */
  readonly until: string;
}

/** Thresholds and permissions. Every key has a default, so no file is needed. */
export interface Policy {
  /** By id of the check; what is not in it is as the check itself says. */
  readonly checks: Readonly<Record<string, { readonly severity: Severity | "default" | "off" }>>;
  readonly silence: readonly Silence[];
  readonly repair: {
    /** Risks whose repairs run without anybody being asked. */
    readonly allow: readonly (typeof RISKS_WITHOUT_ASKING)[number][];
  };
  /** What the service in the gateway does by itself; `fix` means safe repairs only. */
  readonly autoHeal: (typeof SELF_HEALING)[number];
  readonly locks: {
    /** A lock younger than this, or without a readable payload and younger than this, is left alone. Seconds. */
    readonly graceSeconds: number;
    /** The operator's word that nobody outside this container writes into the state dir. */
    readonly soleOwner: boolean;
  };
  readonly retries: {
    /** How often one run, message or connection may be repeated at most. */
    readonly ceiling: number;
  };
  readonly timeouts: {
    /** What a sub-agent without a limit is given. Seconds. */
    readonly subagentSeconds: number;
  };
  readonly loop: {
    /** A gateway whose event loop stood still for longer than this is a finding. Milliseconds. */
    readonly maxDelayMs: number;
  };
  readonly memory: {
    /** Memory that surely grows faster than this is a finding. Megabytes (2^20 bytes) per minute. */
    readonly slopeMBPerMinute: number;
  };
  readonly restart: {
    /** No second restart of a gateway within this time, whatever came of the first. Minutes. */
    readonly cooldownMinutes: number;
  };
}

export const defaultPolicy: Policy = {
  checks: {},
  silence: [],
  repair: { allow: ["safe"] },
  autoHeal: "report",
  locks: { graceSeconds: 30, soleOwner: false },
  retries: { ceiling: 32 },
  timeouts: { subagentSeconds: 3600 },
  loop: { maxDelayMs: 1000 },
  memory: { slopeMBPerMinute: 20 },
  restart: { cooldownMinutes: 10 },
};

/** Whether the policy lets this check run. */
export function isOff(policy: Policy, checkId: string): boolean {
  return policy.checks[checkId]?.severity === "off";
}
