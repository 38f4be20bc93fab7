import { afterEach, describe, expect, test } from "vitest";
import { type Reload, reloadOf } from "../../src/engine/reload-rules.ts";
import { type Gateway, startGateway } from "./harness/gateway.ts";
import { type Config, createHome, type Home } from "./harness/home.ts";
import { ensureHost, type HostVersion } from "./harness/hosts.ts";
import { until } from "./harness/processes.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** What the gateway prints when it has done something about a change. */
const SAID: readonly (readonly [RegExp, Reload])[] = [
  [/config hot reload applied \(([^)]*)\)/g, "hot"],
  [/config change requires gateway restart \(([^)]*)\)/g, "restart"],
];

/** Makes a change and waits until the gateway has looked at it. @returns the changes as it names them. */
async function change(home: Home, gateway: Gateway, patch: Config): Promise<string[]> {
  const from = gateway.output().length;
  await home.patchConfig(patch);
  const keys = await until(
    () => /config change detected; evaluating reload \(([^)]*)\)/.exec(gateway.output().slice(from))?.[1],
    120_000,
    () => `the gateway sees ${JSON.stringify(patch)}: ${gateway.output().slice(from)}`,
    100,
  );
  return keys.split(", ");
}

/** What the gateway has said since of one of these keys. */
function saidOf(keys: readonly string[], output: string): Reload | undefined {
  for (const [pattern, reload] of SAID) {
    for (const [, named = ""] of output.matchAll(pattern)) {
      if (keys.some((key) => named.split(", ").includes(key))) return reload;
    }
  }
  return undefined;
}

let beats = 0;

/**
 * Makes a change and finds out what becomes of it. Of one that it reads anew for each run the gateway says nothing, so
 * another follows that it always takes over: when that is done with, so is the first.
 */
async function outcome(home: Home, gateway: Gateway, patch: Config): Promise<{ names: string[]; output: string }> {
  const from = gateway.output().length;
  const names = await change(home, gateway, patch);
  const output = () => gateway.output().slice(from);
  const at = performance.now();
  const early = await until(
    () => saidOf(names, output()) ?? (performance.now() - at > 3000 ? "nothing" : undefined),
    10_000,
    "a word",
  );
  if (early !== "nothing") return { names, output: output() };
  beats += 1;
  const marker = await change(home, gateway, {
    agents: { defaults: { heartbeat: { every: beats % 2 === 0 ? "0m" : "0s" } } },
  });
  await until(
    () => saidOf(marker, output()),
    120_000,
    () => `the gateway takes over ${marker}: ${output()}`,
    100,
  );
  return { names, output: output() };
}

/** Keys this tool changes, those that should share a fate in one change; the last makes the gateway restart. */
const CHANGES: Record<HostVersion, readonly { readonly keys: readonly string[]; readonly patch: Config }[]> = {
  "2026.5.22": [
    {
      keys: [
        "agents.defaults.runRetries.max",
        "agents.defaults.maxConcurrent",
        "agents.defaults.subagents.maxConcurrent",
        "agents.defaults.subagents.runTimeoutSeconds",
        "agents.defaults.timeoutSeconds",
        "tools.exec.timeoutSec",
      ],
      patch: {
        agents: {
          defaults: {
            runRetries: { min: 8, max: 16 },
            maxConcurrent: 3,
            subagents: { runTimeoutSeconds: 3600, maxConcurrent: 5 },
            timeoutSeconds: 7200,
          },
        },
        tools: { exec: { timeoutSec: 600 } },
      },
    },
    {
      keys: ["agents.list[0].runRetries.max", "cron.retry.maxAttempts", "cron.maxConcurrentRuns"],
      patch: {
        agents: { list: [{ id: "main", runRetries: { min: 4, max: 12 } }] },
        cron: { retry: { maxAttempts: 2 }, maxConcurrentRuns: 2 },
      },
    },
    { keys: ["web.reconnect.maxAttempts"], patch: { web: { reconnect: { maxAttempts: 5 } } } },
  ],
  "2026.9.6": [
    {
      keys: [
        "agents.defaults.maxConcurrent",
        "agents.defaults.subagents.maxConcurrent",
        "agents.defaults.subagents.runTimeoutSeconds",
        "agents.defaults.timeoutSeconds",
        "tools.exec.timeoutSeconds",
      ],
      patch: {
        agents: {
          defaults: {
            maxConcurrent: 3,
            subagents: { runTimeoutSeconds: 3600, maxConcurrent: 5 },
            timeoutSeconds: 7200,
          },
        },
        tools: { exec: { timeoutSeconds: 600 } },
      },
    },
    { keys: ["env.vars.VITALS_TEST"], patch: { env: { vars: { VITALS_TEST: "1" } } } },
  ],
};

/** The name the gateway has for a key: itself, or what is above it and new as a whole. */
function nameFor(key: string, names: readonly string[]): string | undefined {
  const plain = key.replaceAll(/\[\d+\]/g, "");
  return names.find((name) => plain === name || plain.startsWith(`${name}.`));
}

describe.each(["2026.5.22", "2026.9.6"] as const)("a running gateway of OpenClaw %s", (version) => {
  test("does with each key what we say", { timeout: 600_000 }, async () => {
    const home = await createHome(await ensureHost(version));
    opened.push({ close: home.dispose });
    const gateway = await startGateway(home, { until: "/readyz" });
    for (const { keys, patch } of CHANGES[version]) {
      const { names, output } = await outcome(home, gateway, patch);
      for (const key of keys) {
        const name = nameFor(key, names);
        expect(name, `${key} in ${names}`).toBeDefined();
        expect(reloadOf(key, version), key).toBe(saidOf([name ?? ""], output) ?? "next-run");
      }
    }
  });
});
