import { catalogue } from "./catalogue.ts";
import { defaultPolicy, RISKS_WITHOUT_ASKING, SELF_HEALING, SEVERITY_WORDS } from "./policy.ts";

/** The part of JSON Schema that the policy is described in. */
export interface PolicyNode {
  readonly type: "object" | "array" | "string" | "number" | "integer" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, PolicyNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: PolicyNode;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly maxLength?: number;
}

/** How errors and documents describe the texts that follow a pattern. */
export const TEXTS: Readonly<Record<string, string>> = {
  "^[0-9a-f]{12}$": "the 12 hexadecimal digits of a finding's id, in quotes",
  "^\\d{4}-\\d{2}-\\d{2}$": "a date such as 2026-12-31, at most a year ahead",
  "\\S": "a text that is not empty",
};
const [FINDING_ID, DATE, NOT_BLANK] = Object.keys(TEXTS) as [string, string, string];

let schema: PolicyNode | undefined;

/**
 * The one description of the policy: it validates files, is the plugin's `configSchema` and makes the table of
 * docs/policy.md (scripts/generate.ts writes both). JSON Schema; the checks it knows are those of manifest.json.
 */
export function policySchema(): PolicyNode {
  schema ??= section({
    checks: section(Object.fromEntries(catalogue().map(({ id }) => [id, section({ severity: severityOf(id) })]))),
    silence: silences(),
    repair: section({
      allow: {
        type: "array",
        uniqueItems: true,
        items: { type: "string", enum: RISKS_WITHOUT_ASKING },
        default: defaultPolicy.repair.allow,
        description: "Repairs of these risks run without anybody being asked; an empty list means none.",
      },
    }),
    autoHeal: {
      type: "string",
      enum: SELF_HEALING,
      default: defaultPolicy.autoHeal,
      description: "What the service in the gateway does by itself: nothing, report, or also make safe repairs.",
    },
    locks: section({
      graceSeconds: {
        type: "number",
        minimum: 5,
        maximum: 86_400,
        default: defaultPolicy.locks.graceSeconds,
        description: "A lock without a readable owner is left alone until it is this old. Seconds.",
      },
      soleOwner: {
        type: "boolean",
        default: defaultPolicy.locks.soleOwner,
        description:
          "For a container: no other container, machine or program outside writes into this state dir. If that is not true, live locks are moved.",
      },
    }),
    retries: section({
      ceiling: {
        type: "integer",
        minimum: 1,
        maximum: 1000,
        default: defaultPolicy.retries.ceiling,
        description: "How often one run, message or connection may be repeated before it is a finding.",
      },
    }),
    timeouts: section({
      subagentSeconds: {
        type: "integer",
        minimum: 60,
        maximum: 604_800,
        default: defaultPolicy.timeouts.subagentSeconds,
        description: "The limit that the repair gives to sub-agents without one. Seconds.",
      },
    }),
    loop: section({
      maxDelayMs: {
        type: "integer",
        minimum: 100,
        maximum: 600_000,
        default: defaultPolicy.loop.maxDelayMs,
        description: "How long a gateway's event loop may stand still before it is a finding. Milliseconds.",
      },
    }),
    memory: section({
      slopeMBPerMinute: {
        type: "number",
        minimum: 1,
        maximum: 10_000,
        default: defaultPolicy.memory.slopeMBPerMinute,
        description: "Memory of a gateway that surely grows faster than this is a finding. Megabytes per minute.",
      },
    }),
    restart: section({
      cooldownMinutes: {
        type: "number",
        minimum: 1,
        maximum: 1440,
        default: defaultPolicy.restart.cooldownMinutes,
        description: "No second restart of a gateway within this time, whatever came of the first. Minutes.",
      },
    }),
  });
  return schema;
}

/** Every key that has a value of its own, e.g. `locks.graceSeconds`, in the order of the schema. */
export function policyKeys(node = policySchema(), above: readonly string[] = []): [string, PolicyNode][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, below]): [string, PolicyNode][] => {
    const keys = [...above, name];
    return below.type === "object" ? policyKeys(below, keys) : [[keys.join("."), below]];
  });
}

/** What a value may be, in words. */
export function allowedText(node: PolicyNode): string {
  if (node.properties) return Object.keys(node.properties).join(", ");
  if (node.enum) return node.enum.map((word) => `"${word}"`).join(", ");
  if (node.type === "boolean") return "true or false";
  if (node.type === "string")
    return `${TEXTS[node.pattern ?? ""]}${node.maxLength ? `, at most ${node.maxLength} characters` : ""}`;
  if (node.type !== "array")
    return `${node.type === "integer" ? "a whole number" : "a number"} from ${node.minimum} to ${node.maximum}`;
  if (node.items?.enum) return `a list of ${allowedText(node.items)}, each at most once; or an empty one`;
  return `a list of at most ${node.maxItems} entries with ${allowedText(node.items as PolicyNode)}`;
}

function section(properties: Readonly<Record<string, PolicyNode>>): PolicyNode {
  return { type: "object", additionalProperties: false, properties };
}

function severityOf(id: string): PolicyNode {
  return {
    type: "string",
    enum: SEVERITY_WORDS,
    default: "default",
    description: `The severity of what ${id} finds to be wrong; "off" turns the check off.`,
  };
}

function silences(): PolicyNode {
  const ids = catalogue().map(({ id }) => id);
  return {
    type: "array",
    maxItems: 200,
    default: defaultPolicy.silence,
    description: "Findings that neither count nor are repaired until a day: one by its id, or all of a check.",
    items: {
      ...section({
        id: { type: "string", pattern: FINDING_ID, description: "One finding." },
        check: { type: "string", enum: ids, description: "Or all findings of a check." },
        reason: { type: "string", pattern: NOT_BLANK, maxLength: 200, description: "Why; shown with the finding." },
        until: { type: "string", pattern: DATE, description: "The last day it holds, in UTC." },
      }),
      required: ["reason", "until"],
    },
  };
}
