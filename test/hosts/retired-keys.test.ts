import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { RETIRED_AGENT_KEYS, RETIRED_KEYS } from "../../src/engine/retired-key-list.ts";
import type { Finding } from "../../src/index.ts";
import { startGateway } from "./harness/gateway.ts";
import { type Config, createHome, type Home, merge } from "./harness/home.ts";
import { ensureHost, type HostVersion } from "./harness/hosts.ts";
import { startProvider } from "./harness/provider.ts";
import { completedTurn } from "./harness/turn.ts";
import { vitalsJson } from "./harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function makeHome(version: HostVersion, config: Config = {}): Promise<Home> {
  const provider = await startProvider();
  opened.push(provider);
  const home = await createHome(await ensureHost(version), { provider, config });
  opened.push({ close: home.dispose });
  return home;
}

/** `openclaw config validate`: null when the config is fine, else its complaints. */
async function complaints(home: Home): Promise<string | null> {
  const { stdout } = await home.run(["config", "validate", "--json"]);
  const { valid, issues } = JSON.parse(stdout) as { valid: boolean; issues?: { path: string; message: string }[] };
  return valid ? null : (issues ?? []).map(({ path, message }) => `${path}: ${message}`).join("\n");
}

const look = (home: Home) =>
  vitalsJson(home, [
    "check",
    "--only",
    "retry-ceiling",
    "--host-version",
    home.host.version,
    "--state-dir",
    home.stateDir,
  ]);

/** The numbers of #86014 and others that 2026.5.22 knows. */
const old: Config = {
  agents: { defaults: { runRetries: { base: 24, perProfile: 8, min: 16, max: 32 } } },
  session: { writeLock: { acquireTimeoutMs: 60_000 } },
  cron: { retry: { maxAttempts: 3 } },
  web: { reconnect: { maxAttempts: 3 } },
};

/** A host's own list, read from its program. */
async function hostList(home: Home, name: string): Promise<string[]> {
  const dist = join(home.host.root, "dist");
  for (const file of await readdir(dist)) {
    if (!/^legacy-.*\.m?js$/.test(file)) continue;
    const [, list] =
      new RegExp(`^const ${name} = (\\[$[^;]*^\\]);`, "m").exec(await readFile(join(dist, file), "utf8")) ?? [];
    if (list !== undefined) return (JSON.parse(list) as string[][]).map((path) => path.join("."));
  }
  throw new Error(`no ${name} in ${home.host.version}`);
}

test("2026.5.22 takes these keys, and nothing is wrong with them", async () => {
  const home = await makeHome("2026.5.22", old);
  expect(await complaints(home)).toBeNull();
  expect((await look(home)).document.findings).toEqual([]);
});

describe("on 2026.9.6", () => {
  test("the list of retired keys is the host's own, without what its schema lets pass", async () => {
    const home = await makeHome("2026.9.6");
    const root = await hostList(home, "RETIRED_TUNING_PATHS");
    expect([...RETIRED_KEYS].sort()).toEqual(root.filter((key) => !key.startsWith("channels.")).sort());
    expect([...RETIRED_AGENT_KEYS].sort()).toEqual((await hostList(home, "RETIRED_AGENT_TUNING_PATHS")).sort());
  });

  test("the schema refuses each of these keys", async () => {
    const home = await makeHome("2026.9.6");
    expect(await complaints(home)).toBeNull();
    const before = await home.readConfig();
    const put = (config: Config, key: string): Config =>
      merge(
        config,
        key.split(".").reduceRight<unknown>((value, name) => ({ [name === "*" ? "any" : name]: value }), 1) as Config,
      );
    const all = [...RETIRED_KEYS, ...RETIRED_AGENT_KEYS.map((key) => `agents.defaults.${key}`)].reduce(put, before);
    await home.writeConfig(all);
    const said = (await complaints(home)) ?? "";
    for (const key of [...RETIRED_KEYS, ...RETIRED_AGENT_KEYS.map((key) => `agents.defaults.${key}`)]) {
      const names = key.split(".").map((name) => (name === "*" ? "any" : name));
      // The host complains of the outermost name it does not know.
      const unknown = names.some((name, index) => {
        const parent = names.slice(0, index).join(".") || "<root>";
        return said
          .split("\n")
          .some((line) => line.startsWith(`${parent}: Unrecognized key`) && line.includes(`"${name}"`));
      });
      expect(unknown, `${key} in\n${said}`).toBe(true);
    }
  });

  test("a config of 2026.5.22: no command and no run; after the removal all of them", async () => {
    const home = await makeHome("2026.9.6", old);
    expect((await home.run(["config", "get", "gateway.mode"])).code).toBe(1);
    const turn = await completedTurn(home, { sessionId: "one" });
    expect(turn.stdout + turn.stderr).toMatch(/config is invalid[\s\S]*Unrecognized key: "runRetries"/);

    const { code, document } = await look(home);
    expect(code).toBe(1);
    expect(document.findings.map(({ severity, target }: Finding) => `${severity} ${target}`)).toEqual([
      "error cron.retry",
      "error session.writeLock",
      "error web",
      "error agents.defaults.runRetries",
    ]);

    // Exactly what the findings name.
    await home.patchConfig({
      cron: { retry: undefined },
      session: { writeLock: undefined },
      web: undefined,
      agents: { defaults: { runRetries: undefined } },
    });
    expect(await complaints(home)).toBeNull();
    expect((await look(home)).document.findings).toEqual([]);
    const next = await completedTurn(home, { sessionId: "one" });
    expect(next.ok, next.stdout + next.stderr).toBe(true);
  });

  test("its gateway mends a single file by itself, at the price of the comments", async () => {
    const home = await makeHome("2026.9.6", old);
    await home.writeConfig(`// mine\n${JSON.stringify(await home.readConfig())}`);
    const gateway = await startGateway(home);
    await gateway.stop();
    expect(await complaints(home)).toBeNull();
    expect(await readFile(home.configPath, "utf8")).not.toContain("// mine");
  });

  test("its gateway does not start when the config includes files", async () => {
    const home = await makeHome("2026.9.6", old);
    const config = await home.readConfig();
    await writeFile(join(home.stateDir, "agents.json5"), JSON.stringify(config["agents"]));
    await home.writeConfig({ ...config, agents: { $include: "./agents.json5" } });
    await expect(startGateway(home)).rejects.toThrow(/Unrecognized key: "runRetries"/);
    expect((await look(home)).document.findings).toHaveLength(4);
  });
});
