import { formatPath } from "../facts/config-file.ts";
import { type KeyRule, ruleByVersion } from "../facts/config-schema.ts";
import type { ConfigChange } from "./config-plan.ts";

/**
 * Why a host of this version would refuse its config with these changes, null when nothing says so. A key it does not
 * know makes it refuse the whole config, which is worse than what the change was to mend.
 */
export async function whyRefused(changes: readonly ConfigChange[], version: string): Promise<string | null> {
  for (const change of changes) {
    if (!("set" in change)) continue;
    const rule = await ruleByVersion(change.path, version);
    if (rule === "unknown") continue;
    if (rule === "refused") return `OpenClaw ${version} does not know ${formatPath(change.path)}`;
    if (typeof change.set === "number" && !isInside(rule, change.set))
      return `OpenClaw ${version} does not accept ${change.set} for ${formatPath(change.path)}`;
  }
  return null;
}

function isInside({ min, above, max }: KeyRule, value: number): boolean {
  return value >= (min ?? value) && value > (above ?? value - 1) && value <= (max ?? value);
}
