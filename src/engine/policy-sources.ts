import { catalogue, selectEntries } from "./catalogue.ts";
import { defaultPolicy, isOff, type Policy } from "./policy.ts";
import { findPolicyFile, readPolicyFile } from "./policy-file.ts";

export const PLUGIN_CONFIG = "plugins.entries.vitals.config";

/** Flags of the command line that say what a policy can say too; they win. */
export interface PolicyFlags {
  readonly only?: readonly string[] | undefined;
  readonly skip?: readonly string[] | undefined;
  readonly yes?: boolean | undefined;
}

export interface PolicySources {
  readonly stateDir: string;
  /** `--policy <file>` */
  readonly file?: string | undefined;
  /** `plugins.entries.vitals.config` of openclaw.json. */
  readonly pluginConfig?: unknown;
  readonly flags?: PolicyFlags | undefined;
}

/** Where a value comes from. `where` names it: the file, the key of openclaw.json, the flag. */
export interface Origin {
  readonly source: "default" | "plugin-config" | "file" | "flag";
  readonly where: string | null;
}

/** The policy in force, and for each key that is not at its default where that comes from. */
export interface EffectivePolicy {
  readonly policy: Policy;
  /** Worked out each time it is asked for. */
  readonly origins: ReadonlyMap<string, Origin>;
}

type Tree = Readonly<Record<string, unknown>>;

/**
 * The policy in force: the plugin's config, over it a file in the state dir or the one named by `--policy`, over it
 * the flags. A key replaces the same key below it, lists as a whole.
 * @throws UserError naming file, key, value and what is allowed when one of them is not valid.
 */
export async function readPolicy(sources: PolicySources, nowMs = Date.now()): Promise<EffectivePolicy> {
  const layers: Layer[] = [];
  let policy: Policy = defaultPolicy;
  const add = (value: Tree, origin: Origin): void => {
    layers.push({ value, origin });
    policy = merge(policy, value) as unknown as Policy;
  };
  const addChecked = async (value: unknown, origin: Origin, where: string): Promise<void> => {
    const hideTexts = origin.source === "plugin-config";
    (await import("./policy-errors.ts")).checkPolicy(value, { where, hideTexts, nowMs });
    add(value as Tree, origin);
  };
  const { pluginConfig, flags = {} } = sources;
  if (pluginConfig !== undefined)
    await addChecked(pluginConfig, { source: "plugin-config", where: PLUGIN_CONFIG }, `openclaw.json ${PLUGIN_CONFIG}`);
  const file = sources.file ?? findPolicyFile(sources.stateDir);
  if (file !== undefined)
    await addChecked(
      await readPolicyFile(file, sources.file === undefined ? sources.stateDir : null),
      { source: "file", where: file },
      file,
    );
  for (const [where, value] of flagLayers(policy, flags)) add(value, { source: "flag", where });
  return {
    policy,
    get origins() {
      return originsOf(layers);
    },
  };
}

interface Layer {
  readonly value: Tree;
  readonly origin: Origin;
}

function originsOf(layers: readonly Layer[]): Map<string, Origin> {
  return new Map(layers.flatMap(({ value, origin }) => keysIn(value).map((key) => [key, origin] as const)));
}

function keysIn(layer: Tree): string[] {
  return Object.entries(layer).flatMap(([name, value]) =>
    isTree(value) ? keysIn(value).map((key) => `${name}.${key}`) : [name],
  );
}

function merge(base: object, layer: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(layer))
    merged[name] = isTree(value) ? merge((merged[name] ?? {}) as object, value) : value;
  return merged;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the flags say, in the words of the policy. A check that is named runs, whatever a file says. */
function flagLayers(policy: Policy, { only = [], skip = [], yes }: PolicyFlags): [string, Tree][] {
  const off = { severity: "off" };
  const named = selectEntries(only).map(({ id }) => id);
  const chosen =
    only.length === 0
      ? []
      : catalogue().flatMap(({ id }): [string, object][] => {
          if (!named.includes(id)) return [[id, off]];
          return isOff(policy, id) ? [[id, { severity: "default" }]] : [];
        });
  const skipped = skip.length === 0 ? [] : selectEntries(skip).map(({ id }) => [id, off]);
  return [
    ["--only", { checks: Object.fromEntries(chosen) }],
    ["--skip", { checks: Object.fromEntries(skipped) }],
    ["--yes", yes ? { repair: { allow: ["safe", "confirm"] } } : {}],
  ];
}
