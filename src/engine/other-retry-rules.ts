import { isRecord } from "../facts/config.ts";
import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import { type ConfigDraft, numberAt, valueAt } from "./config-keys.ts";
import type { Confidence } from "./types.ts";

export interface OtherRetriesInput {
  readonly config: Readonly<Record<string, unknown>>;
  /** Policy `retries.ceiling`. */
  readonly ceiling: number;
  /** Whether the host reads `cron.retry` and `web.reconnect`. */
  readonly knobs: "live" | "retired";
  readonly configPath: string;
  readonly confidence: Confidence;
}

/**
 * Retries that are plain numbers: of one-shot cron jobs, of the web channel's connection, of messages to a channel.
 * The host's own numbers are below any sensible ceiling, so only what the config says is judged.
 */
export function otherRetryDrafts(input: OtherRetriesInput): ConfigDraft[] {
  const { config, ceiling } = input;
  const keys: { key: ConfigPath; what: string }[] = channelKeys(config);
  if (input.knobs === "live") {
    keys.unshift(
      { key: ["cron", "retry", "maxAttempts"], what: "A one-shot cron job that fails is run again" },
      { key: ["web", "reconnect", "maxAttempts"], what: "The web channel tries to connect again" },
    );
  }
  return keys.flatMap(({ key, what }) => {
    const value = numberAt(config, key);
    return value !== undefined && value > ceiling ? [draft(key, what, value, input)] : [];
  });
}

function channelKeys(config: Readonly<Record<string, unknown>>): { key: ConfigPath; what: string }[] {
  const what = "A message to this channel that fails is sent again";
  const channels = valueAt(config, ["channels"]);
  if (!isRecord(channels)) return [];
  return Object.keys(channels).flatMap((name) => {
    const accounts = valueAt(channels, [name, "accounts"]);
    const own = { key: ["channels", name, "retry", "attempts"], what };
    if (!isRecord(accounts)) return [own];
    return [
      own,
      ...Object.keys(accounts).map((account) => ({
        key: ["channels", name, "accounts", account, "retry", "attempts"],
        what,
      })),
    ];
  });
}

function draft(key: ConfigPath, what: string, value: number, input: OtherRetriesInput): ConfigDraft {
  const { ceiling, configPath, confidence } = input;
  const name = formatPath(key);
  return {
    key,
    edits: [{ path: key, set: ceiling }],
    finding: {
      severity: "warning",
      message: `${what} up to ${value} times (${name}).`,
      path: configPath,
      target: name,
      identity: name,
      requirement: `at most ${ceiling} attempts`,
      fixHint: `Set ${name} to ${ceiling} or less.`,
      confidence,
      evidence: [
        { what: name, value, source: "openclaw.json" },
        { what: "limit", value: ceiling, source: "policy retries.ceiling" },
      ],
    },
  };
}
