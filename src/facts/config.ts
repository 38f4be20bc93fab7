import type { ConfigGraph } from "./config-graph.ts";

/** What is needed of openclaw.json. Values stay in memory; only names and numbers are ever printed. */
export interface ConfigFacts {
  readonly path: string;
  readonly exists: boolean;
  /** Parsed and merged with its includes, references to the environment unresolved; `{}` when it is missing or broken. */
  readonly value: Readonly<Record<string, unknown>>;
  /** One sentence when the file, or a file it includes, could not be read. */
  readonly problem: string | null;
}

/** The config without who owns what. */
export function configFacts({ path, exists, raw, problem }: ConfigGraph): ConfigFacts {
  return { path, exists, value: raw, problem: problem?.message ?? null };
}

/** The value at a dotted path, undefined where there is none. */
export function configValue(config: ConfigFacts, dottedPath: string): unknown {
  return dottedPath
    .split(".")
    .reduce<unknown>(
      (value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined),
      config.value,
    );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
