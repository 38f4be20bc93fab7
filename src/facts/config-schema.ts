import path from "node:path";
import { satisfiesHost } from "../engine/host-range.ts";
import { programs } from "../run.ts";
import type { ConfigPath } from "./config-file.ts";
import summary from "./config-keys.json" with { type: "json" };

/** What a host accepts at a path of its config. Limits of numbers: at least `min`, more than `above`, at most `max`. */
export interface KeyRule {
  readonly type: string;
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
}

/** The rule of an accepted key, or why there is none: the host refuses the key, or nobody here knows. */
export type KeyAnswer = KeyRule | "refused" | "unknown";

/** A JSON Schema, as far as it is followed here. */
export interface ConfigSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly additionalProperties?: boolean | ConfigSchema;
  readonly items?: ConfigSchema;
  readonly anyOf?: readonly ConfigSchema[];
  readonly oneOf?: readonly ConfigSchema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** The paths the embedded summary is about: `[]` is any item of a list, `*` any name. */
export const KNOWN_KEYS: readonly string[] = Object.keys(summary.keys);

/** Asks the embedded summary, for where there is no host to ask. It covers only the keys that are judged here. */
export async function ruleByVersion(steps: ConfigPath, version: string): Promise<KeyAnswer> {
  const known = Object.entries(summary.keys).find(([pattern]) => matches(pattern, steps));
  if (known === undefined) return "unknown";
  for (const [era, rule] of Object.entries(known[1]))
    if (await satisfiesHost(version, summary.hosts[era as keyof typeof summary.hosts])) return rule ?? "refused";
  return "unknown";
}

function matches(pattern: string, steps: ConfigPath): boolean {
  const parts = pattern.replaceAll("[]", ".[]").split(".");
  return (
    parts.length === steps.length &&
    steps.every((step, index) => (typeof step === "number" ? parts[index] === "[]" : fits(parts[index], step)))
  );
}

function fits(part: string | undefined, step: string): boolean {
  return part === "*" || (part === step && part !== "[]");
}

/** Asks the schema a host prints. */
export function ruleBySchema(schema: ConfigSchema, steps: ConfigPath): KeyAnswer {
  const found = follow(schema, asEntries(schema, steps));
  const rules = found.flatMap(ruleOf);
  return rules[0] ?? (found.length > 0 ? "unknown" : "refused");
}

/** Hosts that name their agents under `entries` still take a `list` and move it there themselves. */
function asEntries(schema: ConfigSchema, steps: ConfigPath): ConfigPath {
  const agents = schema.properties?.["agents"]?.properties;
  const [first, second, index, ...rest] = steps;
  if (first !== "agents" || second !== "list" || agents?.["list"] || !agents?.["entries"]) return steps;
  return index === undefined ? ["agents", "entries"] : ["agents", "entries", "*", ...rest];
}

/** All the schemas a path can lead to; none when the path is not allowed. */
function follow(schema: ConfigSchema, [step, ...rest]: ConfigPath): ConfigSchema[] {
  if (step === undefined) return [schema];
  const own = (schema.anyOf ?? schema.oneOf ?? []).flatMap((one) => follow(one, [step, ...rest]));
  if (typeof step === "number") return schema.items ? [...own, ...follow(schema.items, rest)] : own;
  const named = schema.properties && Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined;
  const next = named ?? schema.additionalProperties;
  return typeof next === "object" ? [...own, ...follow(next, rest)] : own;
}

function ruleOf(schema: ConfigSchema): KeyRule[] {
  if (schema.type === undefined) return (schema.anyOf ?? []).flatMap(ruleOf);
  const { type, minimum: min, exclusiveMinimum: above, maximum } = schema;
  // The largest whole number is no limit that anybody meant.
  const max = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const limits = Object.entries({ min, above, max }).filter(([, limit]) => limit !== undefined);
  return [{ type, ...Object.fromEntries(limits) }];
}

const SCHEMA_SECONDS = 60;

/**
 * Has a host print the schema of its config, which takes it 3 to 15 seconds: only when it is really needed.
 * 2026.5.22 also adds a line to its own audit log when the config looks odd to it.
 * @param root the folder of the package `openclaw`
 * @returns null when the host does not run or prints something else
 */
export async function readHostSchema(root: string, env: NodeJS.ProcessEnv): Promise<ConfigSchema | null> {
  const x = await programs();
  const entry = path.join(root, "openclaw.mjs");
  // tinyexec adds this process's variables to those it is given; the host is to see only its own.
  const none = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  const nodeOptions = { env: { ...none, ...env, NO_COLOR: "1" } };
  try {
    const run = await x(process.execPath, [entry, "config", "schema"], {
      timeout: SCHEMA_SECONDS * 1_000,
      nodeOptions,
    });
    const schema: unknown = JSON.parse(run.stdout);
    const isSchema = typeof schema === "object" && schema !== null && "properties" in schema;
    return isSchema ? (schema as ConfigSchema) : null;
  } catch {
    return null;
  }
}
