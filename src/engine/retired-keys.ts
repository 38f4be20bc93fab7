import { isRecord } from "../facts/config.ts";
import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import { allScopes, type ConfigDraft, valueAt } from "./config-keys.ts";
import { RETIRED_AGENT_KEYS, RETIRED_KEYS } from "./retired-key-list.ts";
import type { Confidence } from "./types.ts";

type Config = Readonly<Record<string, unknown>>;

export interface RetiredKeysInput {
  readonly config: Config;
  /** Version of the host that is to read this config, and how it is known. */
  readonly host: { readonly version: string | null; readonly source: string };
  readonly confidence: Confidence;
  readonly configPath: string;
}

/**
 * Keys of an older host in the config of one that gave them up: one finding for each, with its removal. All of them
 * have to go before the host takes the config. A gateway of that host removes them by itself when the config is a
 * single file, but writes it anew without its comments, and runs of agents and commands fail until then.
 */
export function retiredKeyDrafts(input: RetiredKeysInput): ConfigDraft[] {
  const keys = retiredKeys(input.config);
  return keys.map((key) => draft(key, keys.length, input));
}

/**
 * Sections of which the newer host knows nothing at all, so that they have to go with the retired keys in them. What
 * else is in `web` that host's doctor moves to another place; the others hold nothing else.
 */
const GONE_SECTIONS: readonly ConfigPath[] = [
  ["cli"],
  ["web"],
  ["session", "agentToAgent"],
  ["memory", "search", "sync"],
  ["memory", "search", "query", "hybrid"],
];

/** Every retired key the config has, each once, in the order of the host's list; of a gone section the section. */
export function retiredKeys(config: Config): ConfigPath[] {
  const found = rawKeys(config).map((path) => goneSection(path) ?? path);
  const texts = found.map((path) => formatPath(path));
  return found.filter((_, index) => texts.indexOf(texts[index] ?? "") === index);
}

function rawKeys(config: Config): ConfigPath[] {
  return [
    ...RETIRED_KEYS.flatMap((pattern) => matches(config, [], pattern.split("."))),
    ...allScopes(config).flatMap((scope) =>
      RETIRED_AGENT_KEYS.flatMap((pattern) => matches(scope.value, scope.path, pattern.split("."))),
    ),
  ];
}

function goneSection(path: ConfigPath): ConfigPath | undefined {
  return GONE_SECTIONS.find((section) => section.every((name, index) => path[index] === name));
}

function matches(value: unknown, at: ConfigPath, pattern: readonly string[]): ConfigPath[] {
  const [head, ...rest] = pattern;
  if (head === undefined) return [at];
  if (!isRecord(value)) return [];
  const names = head === "*" ? Object.keys(value) : Object.hasOwn(value, head) ? [head] : [];
  return names.flatMap((name) => matches(value[name], [...at, name], rest));
}

function draft(
  key: ConfigPath,
  count: number,
  { config, host, confidence, configPath }: RetiredKeysInput,
): ConfigDraft {
  const name = formatPath(key);
  const version = host.version === null ? "this OpenClaw" : `OpenClaw ${host.version}`;
  const removable = isRemovable(config, key);
  return {
    key,
    edits: removable ? [{ path: key, remove: true }] : [],
    finding: {
      severity: "error",
      message: `${version} refuses the whole config because of the retired key ${name}: no command and no agent runs, and a gateway whose config includes files does not start.`,
      path: configPath,
      target: name,
      identity: `retired ${name}`,
      requirement: `${name} is not in the config`,
      fixHint: removable
        ? `Remove ${name}; the built-in value applies.`
        : "Run `openclaw doctor --fix` with that version; it keeps what else is in this section.",
      confidence,
      evidence: [
        { what: "retired key", value: name, source: "openclaw.json" },
        { what: "retired keys in this config", value: count, source: "openclaw.json" },
        { what: "OpenClaw version", value: host.version, source: host.source },
        { what: "versions without this key", value: ">=2026.8.1", source: "catalogue" },
      ],
      ...(removable ? {} : { risk: null }),
    },
  };
}

/** Whether nothing would be lost that the newer host keeps somewhere else. */
function isRemovable(config: Config, key: ConfigPath): boolean {
  return (
    goneSection(key) === undefined || holdsOnly(valueAt(config, key), key, new Set(rawKeys(config).map(formatPath)))
  );
}

/** Whether nothing but retired keys is in there. */
function holdsOnly(value: unknown, at: ConfigPath, retired: ReadonlySet<string>): boolean {
  if (retired.has(formatPath(at))) return true;
  return isRecord(value) && Object.keys(value).every((name) => holdsOnly(value[name], [...at, name], retired));
}
