/** This plugin's id in openclaw.json. */
export const PLUGIN_ID = "vitals";

/** Whether the config lets this plugin work: the host loads the doctor's contract even of disabled plugins. */
export function isEnabled(config: unknown): boolean {
  const plugins = record(record(config)?.["plugins"]);
  if (plugins === undefined) return true;
  const listed = (value: unknown): boolean => Array.isArray(value) && value.includes(PLUGIN_ID);
  if (plugins["enabled"] === false || listed(plugins["deny"])) return false;
  const { allow } = plugins;
  if (Array.isArray(allow) && allow.length > 0 && !listed(allow)) return false;
  return record(record(plugins["entries"])?.[PLUGIN_ID])?.["enabled"] !== false;
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
