import type { Policy, Silence } from "./policy.ts";
import { policyKeys } from "./policy-schema.ts";
import type { EffectivePolicy, Origin } from "./policy-sources.ts";
import { isOver } from "./silence.ts";

/** One value of the policy in force. `where` names its source: the file, the key of openclaw.json, the flag. */
export interface PolicyRow extends Origin {
  readonly key: string;
  readonly value: unknown;
}

/** An entry of `silence`, and whether its last day is over. */
export interface SilenceRow extends Silence {
  readonly ended: boolean;
}

const BY_DEFAULT: Origin = { source: "default", where: null };

/** Every key of the policy but `silence`, with its value and where that comes from. */
export function policyRows({ policy, origins }: EffectivePolicy): PolicyRow[] {
  return policyKeys()
    .filter(([key]) => key !== "silence")
    .map(([key, node]) => ({
      key,
      value: valueAt(policy, key) ?? node.default,
      ...(origins.get(key) ?? BY_DEFAULT),
    }));
}

/** The entries of `silence` in force, all from one place. */
export function silenceRows({ policy, origins }: EffectivePolicy, nowMs: number): (SilenceRow & Origin)[] {
  const origin = origins.get("silence") ?? BY_DEFAULT;
  return policy.silence.map((silence) => ({ ...silence, ended: isOver(silence, nowMs), ...origin }));
}

function valueAt(policy: Policy, key: string): unknown {
  return key.split(".").reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], policy);
}
