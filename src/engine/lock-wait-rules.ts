import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import type { LockVariables } from "../facts/lock-variables.ts";
import { type ConfigDraft, valueAt } from "./config-keys.ts";
import type { FindingDraft } from "./types.ts";

/** How long a run waits for a session's write lock; the only one of these variables that may say Infinity. */
const WAIT_VARIABLE = "OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS";
/** As good as for ever. Milliseconds, 24.8 days. */
const LONGEST_WAIT_MS = 2_147_000_000;

export interface LockWaitInput {
  readonly config: Readonly<Record<string, unknown>>;
  readonly variables: LockVariables;
  readonly configPath: string;
}

/**
 * A wait for write locks without an end, from the environment. The host takes the variable from its own environment,
 * else from `.env` in the state dir, else from `env` in the config; it wins over `session.writeLock`.
 */
export function lockWaitDrafts({ config, variables, configPath }: LockWaitInput): ConfigDraft[] {
  // Of two in the config the one outside of `vars` wins.
  const keys: ConfigPath[] = [
    ["env", WAIT_VARIABLE],
    ["env", "vars", WAIT_VARIABLE],
  ];
  const key = keys.find((path) => isSet(valueAt(config, path)));
  const found = [
    ...variables.filter(({ name }) => name === WAIT_VARIABLE),
    ...(key === undefined ? [] : [{ value: String(valueAt(config, key)), source: "openclaw.json", file: configPath }]),
  ][0];
  if (found === undefined || !isEndless(found.value)) return [];
  const inConfig = found.source === "openclaw.json" && key !== undefined;
  const finding: FindingDraft = {
    severity: "warning",
    message:
      "A run waits without end for a session's write lock: when the lock's holder is stuck, every message to that session stays unanswered and nothing is logged.",
    ...(found.file === null ? {} : { path: found.file }),
    target: WAIT_VARIABLE,
    identity: WAIT_VARIABLE,
    requirement: "a wait that ends",
    fixHint: inConfig
      ? `Remove ${formatPath(key)}: OpenClaw then waits 60 seconds.`
      : `Remove ${WAIT_VARIABLE} from ${found.source} and restart the gateway: OpenClaw then waits 60 seconds.`,
    // The gateway may have been started with another environment than this one.
    confidence: found.file === null ? "likely" : "proven",
    evidence: [{ what: WAIT_VARIABLE, value: "without end", source: found.source }],
    ...(inConfig ? {} : { risk: null }),
  };
  return [{ key: key ?? ["env", WAIT_VARIABLE], edits: inConfig ? [{ path: key, remove: true }] : [], finding }];
}

function isSet(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

function isEndless(value: string): boolean {
  return Number(value.trim()) >= LONGEST_WAIT_MS;
}
