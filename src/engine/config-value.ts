import type { ConfigPath } from "../facts/config-graph.ts";
import { setOwn } from "../facts/json5-text.ts";
import type { ConfigChange } from "./config-plan.ts";

type Value = Readonly<Record<string, unknown>>;

/** A config with these keys changed, in the order they have; what is not on their paths is shared with the old one. */
export function withChanges(config: Value, edits: readonly ConfigChange[]): Value {
  return edits.reduce<Value>((value, edit) => change(value, edit.path, edit) as Value, config);
}

function change(value: unknown, path: ConfigPath, edit: ConfigChange): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return "set" in edit ? edit.set : undefined;
  if (Array.isArray(value)) {
    const list = [...(value as unknown[])];
    if (typeof step !== "number" || (!("set" in edit) && step >= list.length)) return list;
    if (rest.length === 0 && !("set" in edit)) list.splice(step, 1);
    else list[step] = change(list[step], rest, edit);
    return list;
  }
  const known = typeof value === "object" && value !== null ? (value as Value) : {};
  const key = String(step);
  const old = Object.hasOwn(known, key) ? known[key] : undefined;
  if (!("set" in edit) && !Object.hasOwn(known, key)) return value;
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(known)) setOwn(copy, name, item);
  if (rest.length === 0 && !("set" in edit)) delete copy[key];
  else setOwn(copy, key, change(old, rest, edit));
  return copy;
}
