import { Errors } from "typebox/schema";
import { UserError } from "./errors.ts";
import type { Policy, Silence } from "./policy.ts";
import { allowedText, type PolicyNode, policySchema } from "./policy-schema.ts";
import { lastMoment } from "./silence.ts";

/** A silence is no switch: it has to be looked at again within this time. */
const LONGEST_SILENCE_DAYS = 366;
const DAY_MS = 86_400_000;
/** When this was written. A clock that is behind it starts at 1970 and waits to be set: it does not tell what is long. */
const WRITTEN_MS = Date.parse("2026-01-01T00:00:00Z");

/** What is validated. */
export interface PolicyText {
  /** How errors name it, e.g. the file. */
  readonly where: string;
  /** Of the plugin's config no text is shown: the host resolves secrets in it. */
  readonly hideTexts: boolean;
  readonly nowMs: number;
}

/** @throws UserError naming file, key, value and what is allowed, when this is no valid policy. */
export function checkPolicy(value: unknown, text: PolicyText): void {
  const schema = policySchema();
  // For an unknown key the library first reports the schema `false` that stands for it.
  const [, errors] = Errors(schema, value);
  const wrong = errors.find((error) => error.keyword !== "boolean");
  if (wrong !== undefined) {
    const keys = wrong.instancePath.split("/").filter(Boolean);
    const params = wrong.params as { additionalProperties?: readonly string[]; requiredProperties?: readonly string[] };
    const [unknown, missing] = [params.additionalProperties?.[0], params.requiredProperties?.[0]];
    const node = nodeAt(schema, keys);
    if (unknown !== undefined)
      throw new UserError(
        `${text.where}: unknown key "${[...keys, unknown].join(".")}".`,
        `Allowed here: ${allowedText(node)}.`,
      );
    if (missing !== undefined) throw missingKey([...keys, missing], nodeAt(node, [missing]), text);
    throw wrongValue(keys, valueAt(value, keys), node, text);
  }
  for (const [index, entry] of ((value as Partial<Policy>).silence ?? []).entries()) checkSilence(entry, index, text);
}

function checkSilence(entry: Silence, index: number, text: PolicyText): void {
  const keys = ["silence", String(index)];
  if ((entry.id === undefined) === (entry.check === undefined))
    throw new UserError(
      `${text.where}: "${keys.join(".")}" has ${entry.id === undefined ? "neither" : "both"} "id" ${entry.id === undefined ? "nor" : "and"} "check".`,
      'Allowed: one of them, "id" for one finding or "check" for all of a check.',
    );
  const end = lastMoment(entry);
  const latest = text.nowMs < WRITTEN_MS ? Number.POSITIVE_INFINITY : text.nowMs + LONGEST_SILENCE_DAYS * DAY_MS;
  if (Number.isNaN(end) || end > latest)
    throw wrongValue([...keys, "until"], entry.until, nodeAt(policySchema(), [...keys, "until"]), text);
}

function missingKey(keys: readonly string[], node: PolicyNode, { where }: PolicyText): UserError {
  return new UserError(`${where}: "${keys.join(".")}" is missing.`, `Allowed: ${allowedText(node)}.`);
}

function wrongValue(
  keys: readonly string[],
  value: unknown,
  node: PolicyNode,
  { where, hideTexts }: PolicyText,
): UserError {
  const allowed = node.type === "object" ? `an object with ${allowedText(node)}` : allowedText(node);
  return new UserError(
    `${where}: "${keys.join(".") || "(top level)"}" cannot be ${shown(value, node, hideTexts)}.`,
    `Allowed: ${allowed}.`,
  );
}

/**
 * A text may be a secret that stands in the wrong place, or in the plugin's config one that the host resolved: only
 * numbers and switches are shown, and from a file a word, date or id where one of these is expected.
 */
function shown(value: unknown, node: PolicyNode, hideTexts: boolean): string {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (Array.isArray(value)) return node.type === "array" ? "this list" : "a list";
  if (typeof value !== "string") return `a${typeof value === "object" ? "n" : ""} ${typeof value}`;
  const harmless = node.enum ? /^[a-z-]{1,16}$/i : node.pattern === "\\S" ? /^\s*$/ : /^[\d./: TZ-]{1,24}$/;
  if (!hideTexts && node.type === "string" && harmless.test(value)) return JSON.stringify(value);
  return node.type === "string" ? "this text" : "a text";
}

function nodeAt(from: PolicyNode, keys: readonly string[]): PolicyNode {
  let node = from;
  for (const key of keys) node = (/^\d+$/.test(key) ? node.items : node.properties?.[key]) ?? node;
  return node;
}

function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((found, key) => (found as Record<string, unknown>)?.[key], value);
}
