import { readdirSync } from "node:fs";
import path from "node:path";
import { errorCode, UserError } from "./errors.ts";

/** Thresholds and permissions. Every key has a default, so no file is needed. */
export interface Policy {
  readonly locks: {
    /** A lock younger than this, or without a readable payload and younger than this, is left alone. Seconds. */
    readonly graceSeconds: number;
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

/**
 * The one description of the policy: it validates files, is the plugin's `configSchema`
 * (scripts/generate.ts copies it there) and is what the documents quote. JSON Schema.
 */
export const policySchema = {
  type: "object",
  additionalProperties: false,
  properties: {
    locks: {
      type: "object",
      additionalProperties: false,
      properties: {
        graceSeconds: {
          type: "number",
          minimum: 5,
          maximum: 86_400,
          default: 30,
          description: "A lock without a readable owner is left alone until it is this old. Seconds.",
        },
      },
    },
    retries: {
      type: "object",
      additionalProperties: false,
      properties: {
        ceiling: {
          type: "integer",
          minimum: 1,
          maximum: 1000,
          default: 32,
          description: "How often one run, message or connection may be repeated before it is a finding.",
        },
      },
    },
    timeouts: {
      type: "object",
      additionalProperties: false,
      properties: {
        subagentSeconds: {
          type: "integer",
          minimum: 60,
          maximum: 604_800,
          default: 3600,
          description: "The limit that the repair gives to sub-agents without one. Seconds.",
        },
      },
    },
    loop: {
      type: "object",
      additionalProperties: false,
      properties: {
        maxDelayMs: {
          type: "integer",
          minimum: 100,
          maximum: 600_000,
          default: 1000,
          description: "How long a gateway's event loop may stand still before it is a finding. Milliseconds.",
        },
      },
    },
    memory: {
      type: "object",
      additionalProperties: false,
      properties: {
        slopeMBPerMinute: {
          type: "number",
          minimum: 1,
          maximum: 10_000,
          default: 20,
          description: "Memory of a gateway that surely grows faster than this is a finding. Megabytes per minute.",
        },
      },
    },
    restart: {
      type: "object",
      additionalProperties: false,
      properties: {
        cooldownMinutes: {
          type: "number",
          minimum: 1,
          maximum: 1440,
          default: 10,
          description: "No second restart of a gateway within this time, whatever came of the first. Minutes.",
        },
      },
    },
  },
} as const;

export const defaultPolicy: Policy = {
  locks: { graceSeconds: 30 },
  retries: { ceiling: 32 },
  timeouts: { subagentSeconds: 3600 },
  loop: { maxDelayMs: 1000 },
  memory: { slopeMBPerMinute: 20 },
  restart: { cooldownMinutes: 10 },
};

// Data only: cosmiconfig would run .js and .ts files, and a state dir is not trusted to run code in a doctor.
const POLICY_FILES = [
  "vitals.config.json",
  "vitals.config.yaml",
  "vitals.config.yml",
  ".vitalsrc.json",
  ".vitalsrc.yaml",
  ".vitalsrc.yml",
];

export interface PolicySources {
  readonly stateDir: string;
  /** `--policy <file>` */
  readonly file?: string;
  /** `plugins.entries.vitals.config` of openclaw.json. */
  readonly pluginConfig?: unknown;
}

/**
 * The policy in force: the plugin's config, over it a file in the state dir or the one named by `--policy`.
 * @throws UserError naming file, key and allowed values when one of them is not valid.
 */
export async function loadPolicy(sources: PolicySources): Promise<Policy> {
  const layers: { where: string; value: unknown }[] = [];
  if (sources.pluginConfig !== undefined) {
    layers.push({ where: "openclaw.json plugins.entries.vitals.config", value: sources.pluginConfig });
  }
  const file = sources.file ?? findPolicyFile(sources.stateDir);
  if (file !== undefined) layers.push({ where: file, value: await readPolicyFile(file) });
  let policy = defaultPolicy;
  for (const layer of layers) policy = await mergeLayer(policy, layer.value, layer.where);
  return policy;
}

function findPolicyFile(stateDir: string): string | undefined {
  try {
    const names = new Set(readdirSync(stateDir));
    const name = POLICY_FILES.find((candidate) => names.has(candidate));
    return name === undefined ? undefined : path.join(stateDir, name);
  } catch {
    return undefined;
  }
}

async function readPolicyFile(file: string): Promise<unknown> {
  const { cosmiconfig, defaultLoadersSync } = await import("cosmiconfig");
  const loaders = {
    ".json": defaultLoadersSync[".json"],
    ".yaml": defaultLoadersSync[".yaml"],
    ".yml": defaultLoadersSync[".yml"],
  };
  if (!(path.extname(file) in loaders)) {
    throw new UserError(`Policy ${file} is not a JSON or YAML file.`, "Name it .json, .yaml or .yml.");
  }
  try {
    const explorer = cosmiconfig("vitals", { searchPlaces: POLICY_FILES, loaders, stopDir: path.dirname(file) });
    const result = await explorer.load(file);
    return result?.isEmpty ? {} : result?.config;
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw new UserError(`Policy ${file} does not exist.`, "Check --policy.");
    throw new UserError(
      `Policy ${file} cannot be read: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
      "Correct the file; it is JSON or YAML.",
    );
  }
}

async function mergeLayer(base: Policy, value: unknown, where: string): Promise<Policy> {
  const { Errors } = await import("typebox/value");
  // For an unknown key the library first reports the schema `false` that stands for it.
  const wrong = [...Errors(policySchema, value)].find((error) => error.keyword !== "boolean");
  if (wrong) throw policyError(wrong, value, where);
  const layer = value as { readonly [Section in keyof Policy]?: Partial<Policy[Section]> };
  return {
    locks: { ...base.locks, ...layer.locks },
    retries: { ...base.retries, ...layer.retries },
    timeouts: { ...base.timeouts, ...layer.timeouts },
    loop: { ...base.loop, ...layer.loop },
    memory: { ...base.memory, ...layer.memory },
    restart: { ...base.restart, ...layer.restart },
  };
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function policyError(error: SchemaError, value: unknown, where: string): UserError {
  const extra = (error.params as { additionalProperties?: readonly string[] }).additionalProperties?.[0];
  const key = [...error.instancePath.split("/").filter(Boolean), ...(extra === undefined ? [] : [extra])].join(".");
  const allowed = allowedAt(error.instancePath.split("/").filter(Boolean));
  if (extra !== undefined) return new UserError(`${where}: unknown key "${key}".`, `Allowed here: ${allowed}.`);
  const found =
    key === "" ? value : key.split(".").reduce<unknown>((v, k) => (v as Record<string, unknown>)?.[k], value);
  return new UserError(
    `${where}: "${key || "(top level)"}" ${error.message}, found ${shown(found)}.`,
    `Allowed: ${allowed}.`,
  );
}

/** A text may be a secret that the host resolved: only numbers and switches are shown. */
function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

function allowedAt(keys: readonly string[]): string {
  type Node = { type?: string; minimum?: number; maximum?: number; properties?: Record<string, Node> };
  let node = policySchema as Node;
  for (const key of keys) node = node.properties?.[key] ?? node;
  if (node.properties) return Object.keys(node.properties).join(", ");
  return `a ${node.type} from ${node.minimum} to ${node.maximum}`;
}
