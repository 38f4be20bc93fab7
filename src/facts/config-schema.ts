import { satisfiesHost } from "../engine/host-range.ts";
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
