import { isRecord } from "../facts/config.ts";
import { type ConfigPath, formatPath } from "../facts/config-file.ts";
import { findMember } from "../facts/json5-text.ts";
import { satisfiesHost } from "./host-range.ts";
import { item, type PreflightItem, type Upgrade } from "./preflight-item.ts";
import { retiredKeys } from "./retired-keys.ts";
import type { Evidence } from "./types.ts";

/** From here on a schema refuses these keys. */
const REFUSED_SINCE = ">=2026.8.1-0";
/** More of them say nothing more. */
const MOST_NAMED = 12;

/**
 * Keys of this config that the next version refuses. Its `openclaw doctor --fix`, which `openclaw update` runs too,
 * takes them out or moves them, and writes the file anew without its comments; what an included file owns it leaves,
 * and then no gateway starts.
 */
export async function configItems(upgrade: Upgrade): Promise<PreflightItem[]> {
  const { facts, from, to } = upgrade;
  if (!facts.config.exists) return [];
  const before = from === null || !(await satisfiesHost(from, REFUSED_SINCE));
  if (!before || !(await satisfiesHost(to, REFUSED_SINCE))) return [];
  const keys = await refusedKeys(facts.config.value);
  if (keys.length === 0) return [item("config", "ok", `OpenClaw ${to} knows every key of this config.`)];
  const graph = facts.configGraph();
  const includesAtRoot = findMember(graph.files[0]?.json5.root, "$include") !== undefined;
  const owned = keys.map((key) => ({ key, owner: graph.ownerOf(key) }));
  const stuck = owned.filter(({ owner }) => owner?.included || includesAtRoot);
  const evidence: Evidence[] = owned.slice(0, MOST_NAMED).map(({ key, owner }) => ({
    what: "refused key",
    value: formatPath(key),
    source: owner === null ? facts.configPath : `${owner.file}, line ${owner.line}`,
  }));
  const removable = retiredKeys(facts.config.value).length;
  const names = keys.length === 1 ? `the key ${formatPath(keys[0] ?? [])}` : `${keys.length} keys of this config`;
  const vitals =
    removable === 0
      ? ""
      : ` \`openclaw-vitals fix --only retry-ceiling --host-version ${to}\` takes out ${removable === 1 ? "one" : removable} of them beforehand and keeps the comments.`;
  if (stuck.length > 0)
    return [
      item(
        "config",
        "blocker",
        `OpenClaw ${to} refuses ${names}, and its doctor does not change what an included file is part of, so no gateway would start.`,
        {
          remedy: `Take them out by hand after the gateway has been stopped.${vitals}`,
          evidence,
        },
      ),
    ];
  return [
    item(
      "config",
      "warning",
      `OpenClaw ${to} refuses ${names} until its \`openclaw doctor --fix\` has run, which writes the file anew without its comments.`,
      {
        remedy: `Run \`openclaw doctor --fix\` right after the update (\`openclaw update\` does so itself).${vitals}`,
        evidence,
      },
    ),
  ];
}

/** Keys that the newer schema does not know, each at its highest place, in the order they are written. */
export async function refusedKeys(config: Readonly<Record<string, unknown>>): Promise<ConfigPath[]> {
  const { default: list } = await import("../facts/refused-keys.json", { with: { type: "json" } });
  const patterns = list.keys.map((key) => key.split("."));
  return below(config, [], patterns);
}

function below(value: unknown, at: ConfigPath, patterns: readonly string[][]): ConfigPath[] {
  if (patterns.some((pattern) => pattern.length === 0)) return [at];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((one: unknown, index) => [index, one])
    : isRecord(value)
      ? Object.entries(value)
      : [];
  return entries.flatMap(([name, next]) => {
    const rest = patterns.filter(([head]) =>
      typeof name === "number" ? head === "[]" : head === name || head === "*",
    );
    return rest.length === 0
      ? []
      : below(
          next,
          [...at, name],
          rest.map((pattern) => pattern.slice(1)),
        );
  });
}
