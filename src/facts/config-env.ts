/** `${NAME}`, or `$${NAME}` for the literal text. Only such names, as the host has it. */
const REFERENCE = /\$(\$)?\{([A-Z_][A-Z0-9_]*)\}/g;

/** A text with its references to the environment put in as the host does. */
export interface Expanded {
  readonly text: string;
  /** Every variable it refers to. */
  readonly variables: readonly string[];
  /** Those that have no value here; the reference stays in the text, in the host as well. */
  readonly missing: readonly string[];
}

export function expandReferences(text: string, env: NodeJS.ProcessEnv): Expanded {
  const variables: string[] = [];
  const missing: string[] = [];
  const expanded = text.replace(REFERENCE, (whole, escaped: string | undefined, name: string) => {
    if (escaped !== undefined) return whole.slice(1);
    variables.push(name);
    const value = env[name];
    if (value !== undefined && value !== "") return value;
    missing.push(name);
    return whole;
  });
  return { text: expanded, variables, missing };
}

/** Whether any text within a value refers to the environment. */
export function hasReference(value: unknown): boolean {
  if (typeof value === "string") return expandReferences(value, {}).variables.length > 0;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasReference);
}

/** The environment in which references are resolved: the real one, then what the config itself sets under `env`. */
export function configEnv(config: unknown, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = entriesOf(config).find(([key]) => key === "env")?.[1];
  const vars = entriesOf(own).find(([key]) => key === "vars")?.[1];
  const result = { ...env };
  for (const [name, value] of [...entriesOf(own), ...entriesOf(vars)]) {
    if (typeof value !== "string" || value.trim() === "" || hasReference(value)) continue;
    if (!env[name]?.trim()) result[name] = value;
  }
  return result;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
