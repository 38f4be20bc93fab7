import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type RunRetries, retryCeiling } from "../../src/engine/retry-ceiling.ts";
import { agentCeiling } from "../../src/engine/retry-rules.ts";
import { readAuthProfiles } from "../../src/facts/auth-profiles.ts";
import { type Config, createHome, type Home, type HomeOptions } from "./harness/home.ts";
import { callHost } from "./harness/host-functions.ts";
import { ensureHost } from "./harness/hosts.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { completedTurn } from "./harness/turn.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function makeHome(options: HomeOptions = {}): Promise<Home> {
  const home = await createHome(await ensureHost("2026.5.22"), options);
  opened.push({ close: home.dispose });
  return home;
}

type Profile = Record<string, unknown>;

/** So many profiles with a key, named as the host names them. */
function keys(count: number, provider = "test"): Record<string, Profile> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${provider}:p${index}`,
      { type: "api_key", provider, key: `planted-${provider}-${index}` },
    ]),
  );
}

async function putProfiles(
  home: Home,
  agent: string,
  profiles: Record<string, Profile>,
  order?: object,
): Promise<void> {
  const dir = join(home.stateDir, "agents", agent, "agent");
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "auth-profiles.json"), JSON.stringify({ version: 1, profiles }));
  if (order !== undefined) await writeFile(join(dir, "auth-state.json"), JSON.stringify({ version: 1, order }));
}

interface Asked {
  readonly agent: string;
  readonly provider: string;
}

/** What the host counts and allows for each agent and provider, from its own functions. */
async function askHost(home: Home, config: Config, asked: readonly Asked[]) {
  return (await callHost(
    home,
    [
      "resolveMaxRunRetryIterations",
      "resolveAuthProfileOrder",
      "ensureAuthProfileStoreWithoutExternalProfiles",
      "shouldPreferExplicitConfigApiKeyAuth",
      "listOpenAIAuthProfileProvidersForAgentRuntime",
      "resolveAgentDir",
    ],
    // The way of the host's own runner.
    `return input.asked.map(({ agent, provider }) => {
      const cfg = input.config;
      const store = host.ensureAuthProfileStoreWithoutExternalProfiles(host.resolveAgentDir(cfg, agent), { allowKeychainPrompt: false });
      const providers = host.listOpenAIAuthProfileProvidersForAgentRuntime({ provider, harnessRuntime: "pi", agentHarnessId: "pi", config: cfg });
      const order = host.shouldPreferExplicitConfigApiKeyAuth(cfg, provider)
        ? []
        : [...new Set(providers.flatMap((one) => host.resolveAuthProfileOrder({ cfg, store, provider: one })))];
      return { profiles: order.length, ceiling: host.resolveMaxRunRetryIterations(Math.max(1, order.length), cfg, agent) };
    });`,
    { config, asked },
  )) as { profiles: number; ceiling: number }[];
}

/** The same, from this project. */
async function compute(home: Home, config: Config, asked: readonly Asked[]) {
  const { byAgent, problems } = await readAuthProfiles({
    stateDir: home.stateDir,
    config,
    env: home.env,
    confined: false,
  });
  expect(problems).toEqual([]);
  return asked.map(({ agent, provider }) => {
    const counts = (byAgent.get(agent) ?? []).filter((one) => one.provider === provider);
    return { profiles: counts[0]?.count ?? 0, ceiling: agentCeiling(config, agent, counts).ceiling.value };
  });
}

const settings: RunRetries[] = [
  {},
  { max: 16 },
  { max: 40 },
  { min: 8, max: 16 },
  { min: 200 },
  { base: 1, perProfile: 0, min: 1, max: 1 },
  { base: 100, perProfile: 3, min: 5, max: 120 },
];

describe("the ceiling this project computes is the one OpenClaw 2026.5.22 uses", () => {
  test.each([
    [0, 32],
    [1, 32],
    [2, 40],
    [5, 64],
    [17, 160],
  ])("with %i auth profiles", async (count, ceiling) => {
    const home = await makeHome();
    if (count > 0) await putProfiles(home, "main", keys(count));
    const config = await home.readConfig();
    const asked = [{ agent: "main", provider: "test" }];
    const host = await askHost(home, config, asked);
    expect(host).toEqual([{ profiles: count, ceiling }]);
    expect(await compute(home, config, asked)).toEqual(host);
  });

  test("for any numbers in the config and any number of profiles", async () => {
    const home = await makeHome();
    const cases = settings.flatMap((runRetries) =>
      [0, 1, 2, 3, 5, 17, 40].map((profiles) => ({ runRetries, profiles })),
    );
    const host = await callHost(
      home,
      ["resolveMaxRunRetryIterations"],
      `return input.map(({ runRetries, profiles }) =>
        host.resolveMaxRunRetryIterations(profiles, { agents: { defaults: { runRetries } } }, "main"));`,
      cases,
    );
    expect(cases.map(({ runRetries, profiles }) => retryCeiling(runRetries, profiles).value)).toEqual(host);
  });

  test("for each agent: own numbers over the defaults, own profiles over those of main", async () => {
    const home = await makeHome();
    await putProfiles(home, "main", keys(3));
    await putProfiles(home, "ops", { ...keys(2), ...keys(4, "other") });
    const config = {
      agents: {
        defaults: { runRetries: { max: 100, perProfile: 10 } },
        list: [
          { id: "main" },
          { id: "Ops", runRetries: { perProfile: 20 } },
          { id: "quiet", runRetries: { min: 4, max: 12 } },
        ],
      },
    };
    const asked = ["main", "ops", "quiet"].flatMap((agent) =>
      ["test", "other"].map((provider) => ({ agent, provider })),
    );
    const host = await askHost(home, config, asked);
    expect(host.map(({ profiles }) => profiles)).toEqual([3, 0, 3, 4, 3, 0]);
    expect(await compute(home, config, asked)).toEqual(host);
  });

  test("for profiles the host passes over, and an order it follows", async () => {
    const home = await makeHome();
    const now = Date.now();
    await putProfiles(
      home,
      "main",
      {
        ...keys(2),
        "test:empty": { type: "api_key", provider: "test", key: " " },
        "test:ref": { type: "api_key", provider: "test", keyRef: { source: "env", provider: "default", id: "KEY" } },
        "test:old": { type: "token", provider: "test", token: "t", expires: now - 1000 },
        "test:token": { type: "token", provider: "test", token: "t", expires: now + 3_600_000 },
        "test:forever": { type: "token", provider: "test", token: "t" },
        "test:oauth": { type: "oauth", provider: "test", access: "a", refresh: "r", expires: now - 1000 },
        "test:hollow": { type: "oauth", provider: "test" },
        "test:legacy": { mode: "api_key", provider: "TEST", apiKey: "k" },
        "test:wrong": { type: "password", provider: "test" },
        "zai:a": { type: "api_key", provider: "z.ai", key: "k" },
        "volc:a": { type: "api_key", provider: "volcengine-plan", key: "k" },
        "openai:a": { type: "api_key", provider: "openai", key: "k" },
        "openai:b": { type: "oauth", provider: "openai", access: "a" },
        "codex:a": { type: "oauth", provider: "openai-codex", access: "a", expires: now + 3_600_000 },
        "keyed:a": { type: "api_key", provider: "keyed", key: "k" },
        "listed:a": { type: "api_key", provider: "listed", key: "k" },
        "listed:b": { type: "api_key", provider: "listed", key: "k" },
        "ordered:a": { type: "api_key", provider: "ordered", key: "k" },
        "ordered:b": { type: "api_key", provider: "ordered", key: "k" },
      },
      { test: undefined, ordered: ["ordered:b", "ordered:gone"] },
    );
    const config = {
      auth: {
        profiles: {
          "listed:a": { provider: "listed", mode: "api_key" },
          "listed:b": { provider: "listed", mode: "oauth" },
          "aws:a": { provider: "amazon-bedrock", mode: "aws-sdk" },
        },
      },
      models: { providers: { keyed: { auth: "api-key", apiKey: "k", baseUrl: "http://127.0.0.1:1", models: [] } } },
    };
    const providers = [
      "test",
      "zai",
      "volcengine",
      "openai",
      "openai-codex",
      "keyed",
      "listed",
      "ordered",
      "amazon-bedrock",
    ];
    const asked = providers.map((provider) => ({ agent: "main", provider }));
    const host = await askHost(home, config, asked);
    expect(host.map(({ profiles }) => profiles)).toEqual([7, 1, 1, 3, 2, 0, 1, 1, 1]);
    expect(await compute(home, config, asked)).toEqual(host);
  });
});

describe("a run against a provider that refuses every key", () => {
  async function refused(count: number, runRetries?: object): Promise<{ provider: Provider; output: string }> {
    const provider = await startProvider();
    opened.push(provider);
    provider.failWith(401);
    const config = runRetries === undefined ? {} : { agents: { defaults: { runRetries } } };
    const home = await makeHome({ provider, config });
    await putProfiles(home, "main", keys(count));
    const turn = await completedTurn(home, { sessionId: "refused" });
    return { provider, output: turn.stdout + turn.stderr };
  }

  test("takes one profile after the other, so the host counts as many as we do", async () => {
    const { provider } = await refused(5);
    expect(provider.requests).toHaveLength(5);
  });

  test("stops at the ceiling we compute", async () => {
    const runRetries = { base: 1, perProfile: 0, min: 3, max: 3 };
    const { provider, output } = await refused(5, runRetries);
    const { value } = retryCeiling(runRetries, 5);
    expect(value).toBe(3);
    expect(provider.requests).toHaveLength(value);
    expect(output).toContain(`maxAttempts=${value}`);
  });
});
