import type { Host } from "./hosts.ts";
import type { Provider } from "./provider.ts";

/** Any JSON object of `openclaw.json`. */
export type Config = { [key: string]: unknown };

export interface MinimalConfig {
  provider?: Provider;
  workspace: string;
  logFile: string;
  gatewayPort: number;
  gatewayToken: string;
}

/** What a turn needs; everything that would reach out of the machine by itself is off. */
export function minimalConfig(host: Host, parts: MinimalConfig): Config {
  const old = host.version === "2026.5.22";
  const { provider } = parts;
  return {
    // Without it 2026.5.22 reports its first own write as an anomaly.
    meta: { lastTouchedVersion: host.version },
    agents: {
      defaults: {
        workspace: parts.workspace,
        skipBootstrap: true,
        heartbeat: { every: "0m" },
        ...(provider === undefined ? {} : { model: { primary: "test/test" } }),
      },
    },
    models: {
      mode: "replace",
      ...(old ? { pricing: { enabled: false } } : { catalogRefresh: { enabled: false } }),
      ...(provider === undefined
        ? {}
        : {
            providers: {
              test: {
                baseUrl: provider.url,
                apiKey: "test-key",
                api: "openai-completions",
                models: [
                  {
                    id: "test",
                    name: "Test",
                    reasoning: false,
                    input: ["text"],
                    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
                    contextWindow: 200_000,
                    maxTokens: 4096,
                  },
                ],
              },
            },
          }),
    },
    gateway: {
      mode: "local",
      bind: "loopback",
      port: parts.gatewayPort,
      auth: { mode: "token", token: parts.gatewayToken },
    },
    logging: { file: parts.logFile },
    update: { checkOnStart: false },
    discovery: { mdns: { mode: "off" } },
  };
}

/** Deep merge of JSON objects into a new one; arrays and scalars replace, undefined removes the key. */
export function merge(base: Config, patch: Config): Config {
  const merged: Config = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const before = merged[key];
    if (value === undefined) delete merged[key];
    else merged[key] = isObject(value) && isObject(before) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Config {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
