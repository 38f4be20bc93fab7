import { keepsDatabases } from "../facts/installation.ts";

/**
 * What a running gateway does with a change of the config: it takes it over at once and says so (`hot`), it reads the
 * value anew for each run (`next-run`), or only after a restart (`restart`), which it makes by itself unless
 * `gateway.reload.mode` says otherwise.
 */
export type Reload = "hot" | "next-run" | "restart";

/** Prefixes of keys, the first that fits counts; `*` stands for any name. Everything else takes a restart. */
type Rules = readonly (readonly [prefix: string, reload: Reload])[];

const FILES_ERA: Rules = [
  ["agents.defaults.heartbeat", "hot"],
  ["agents.list", "hot"],
  ["channels.*", "hot"],
  ["cron", "hot"],
  ["agents", "next-run"],
  ["tools", "next-run"],
];

const DATABASE_ERA: Rules = [
  ["agents.defaults", "hot"],
  ["agents.entries", "hot"],
  ["agents.list", "hot"],
  ["channels.*", "hot"],
  ["cron", "hot"],
  ["tools", "hot"],
];

/**
 * For a key that this tool changes, as measured on 2026.5.22 and 2026.9.6; `key` is dotted, indexes make no difference.
 * A channel's key (read, not measured) is taken over by the plugin of the channel, so only while that is loaded.
 */
export function reloadOf(key: string, version: string): Reload {
  const rules = keepsDatabases(version) ? DATABASE_ERA : FILES_ERA;
  const names = key.replaceAll(/\[\d+\]/g, "").split(".");
  const found = rules.find(([prefix]) =>
    prefix.split(".").every((name, index) => (name === "*" ? names[index] !== undefined : name === names[index])),
  );
  return found?.[1] ?? "restart";
}
