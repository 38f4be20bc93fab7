/** What becomes of our changes of the config under the real `openclaw doctor --fix`, plain and included. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import JSON5 from "json5";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Config, createHome, type Home, type HomeOptions, merge } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS, type HostVersion } from "./harness/hosts.ts";
import type { Finished } from "./harness/processes.ts";
import type { Provider } from "./harness/provider.ts";
import { quarantined, withPlugin } from "./harness/vitals.ts";

const SECRET = "planted-secret-of-the-environment";
const REFERENCE = ["$", "{TEST_KEY}"].join("");
// No turn is run: the provider only has to be in the config, with its key.
const nobody = { url: "http://127.0.0.1:9/v1" } as Provider;

// As in doctor.test.ts: what else a doctor would wait for.
const OPTIONS: Record<HostVersion, HomeOptions> = {
  "2026.5.22": { env: { OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1", TEST_KEY: SECRET }, provider: nobody },
  "2026.9.6": { config: { gateway: { auth: undefined } }, env: { TEST_KEY: SECRET }, provider: nobody },
};

interface Scene {
  readonly check: string;
  readonly bad: Config;
  /** What the repair makes of `agents.defaults`; undefined is removed. */
  readonly healed: Config;
  /** A part of `bad` that can be a file of its own. */
  readonly part: string;
  readonly doctor: readonly string[];
  /** The command the doctor names for an included file. */
  readonly command: readonly string[];
  /** Exit code of a doctor without us when all of `agents` is included: 2026.5.22 gives up on its own changes. */
  readonly includedCode: number;
}

// On 2026.9.6 no retry of a valid config is repaired by a plugin that a doctor loads: a retired key makes it invalid.
const SCENES: Record<HostVersion, Scene> = {
  "2026.5.22": {
    check: "retry-ceiling",
    bad: { runRetries: { min: 64, max: 160 } },
    healed: { runRetries: { min: 32, max: 32 } },
    part: "runRetries",
    doctor: ["doctor", "--fix", "--non-interactive"],
    command: ["vitals", "fix", "--only", "retry-ceiling"],
    includedCode: 1,
  },
  "2026.9.6": {
    check: "unbounded-timeout",
    bad: { timeoutSeconds: 0, subagents: { runTimeoutSeconds: 0 } },
    healed: { timeoutSeconds: undefined, subagents: { runTimeoutSeconds: 3600 } },
    part: "subagents",
    doctor: ["doctor", "--fix", "--non-interactive", "--yes"],
    command: ["vitals", "fix", "--only", "unbounded-timeout", "--yes"],
    includedCode: 0,
  },
};

/** The output without its frames and line breaks, which fall anywhere. */
const flat = ({ stdout, stderr }: Finished): string => (stdout + stderr).replace(/[\s│]+/g, " ");

const valid = async (home: Home): Promise<boolean> =>
  (JSON.parse((await home.run(["config", "validate", "--json"])).stdout) as { valid: boolean }).valid;

describe.each(HOST_VERSIONS)("openclaw doctor --fix of %s", (version) => {
  const { bad, healed, part, doctor, command, check, includedCode } = SCENES[version];
  const made: Home[] = [];
  let ours: Home;
  let control: Home;
  let start: Map<Home, Config>;

  beforeAll(async () => {
    const host = await ensureHost(version);
    control = await createHome(host, OPTIONS[version]);
    ours = await createHome(host, OPTIONS[version]);
    made.push(control, ours);
    await withPlugin(ours);
    start = new Map([
      [control, await control.readConfig()],
      [ours, await ours.readConfig()],
    ]);
  });
  afterAll(async () => {
    for (const home of made) await home.dispose();
  });

  /** The config of a home with what is to be repaired, and a key that is a reference. */
  function unhealed(home: Home): Config {
    const key = { models: { providers: { test: { apiKey: REFERENCE } } } };
    return merge(merge(start.get(home) ?? {}, key), { agents: { defaults: bad } });
  }

  const text = (config: unknown): string => `// mine\n${JSON.stringify(config, null, 2)}\n`;
  const textOf = (home: Home): string => readFileSync(home.configPath, "utf8");

  /** What a doctor of this home left, without what has to differ: times, paths and the plugin itself. */
  async function comparable(home: Home): Promise<Config> {
    const { meta, wizard, plugins, gateway, ...rest } = await home.readConfig();
    expect({ meta, gateway }).toMatchObject({ meta: expect.anything(), gateway: expect.anything() });
    void [wizard, plugins];
    return JSON.parse(JSON.stringify(rest).replaceAll(home.dir, "")) as Config;
  }

  test("keeps our change of a plain config, and makes of the rest what it makes without us", async () => {
    for (const home of [control, ours]) {
      await home.writeConfig(text(unhealed(home)));
      expect(await valid(home)).toBe(true);
    }
    const without = await control.run(doctor);
    const fixed = await ours.run(doctor);
    expect(fixed.code, fixed.stdout + fixed.stderr).toBe(without.code);
    expect(fixed.code).toBe(0);
    expect(flat(fixed)).toContain("Vitals: ");
    expect(flat(fixed)).not.toMatch(/vitals\/\S+ (failed|skipped)|the finding is still there/);
    // The host wrote it, under its own backup: our journal has nothing to take back.
    expect(flat(fixed)).not.toContain("take it back");
    expect(flat(fixed)).toContain("Backup: ~/.openclaw/openclaw.json.bak");
    expect(quarantined(ours)).toEqual([]);

    expect(await comparable(control)).toMatchObject({ agents: { defaults: bad } });
    expect(await comparable(ours)).toEqual(merge(await comparable(control), { agents: { defaults: healed } }));
    expect(await valid(ours)).toBe(true);
    for (const home of [control, ours]) {
      expect(textOf(home)).toContain(`"apiKey": "${REFERENCE}"`);
      expect(textOf(home)).not.toContain(SECRET);
      expect(textOf(home), "a write of the doctor costs the comments, with us and without").not.toContain("// mine");
    }
    expect(fixed.stdout + fixed.stderr).not.toContain(SECRET);
  });

  /** Writes a config whose agents, or a part of them, lie in a file of their own. @returns that file. */
  async function include(home: Home, whole: boolean): Promise<string> {
    const file = join(home.stateDir, "mine.json5");
    const config = unhealed(home);
    const inner = whole ? config["agents"] : bad[part];
    writeFileSync(file, text(inner).replace("{", "{ // of all"));
    const rest: Config = whole
      ? { ...config, agents: { $include: "./mine.json5" } }
      : merge(config, { agents: { defaults: { [part]: undefined } } });
    const main = whole ? rest : merge(rest, { agents: { defaults: { [part]: { $include: "./mine.json5" } } } });
    await home.writeConfig(text(main));
    expect(await valid(home)).toBe(true);
    return file;
  }

  test.each([
    ["all of the agents", true],
    ["a part of their defaults", false],
  ])("exits as without us when %s is included, names the command; that heals the file", async (_, whole) => {
    await include(control, whole);
    const file = await include(ours, whole);
    const before = readFileSync(file);
    const without = await control.run(doctor);
    const fixed = await ours.run(doctor);
    expect(fixed.code, fixed.stdout + fixed.stderr).toBe(without.code);
    if (whole) expect(without.code, without.stderr).toBe(includedCode);
    expect(flat(fixed)).toContain("which is included");
    expect(flat(fixed)).toContain(`run \`openclaw ${command.join(" ")}\``);
    expect(readFileSync(file).equals(before)).toBe(true);

    const main = textOf(ours);
    const healing = await ours.run(command);
    expect(healing.code, healing.stdout + healing.stderr).toBe(0);
    expect(healing.stdout).toMatch(/^repaired {2}agents\.defaults\./m);
    const after = readFileSync(file, "utf8");
    expect(after).toMatch(/^\/\/ mine\n\{ \/\/ of all\n/);
    const expected = whole ? merge(JSON5.parse<Config>(String(before)), { defaults: healed }) : healed[part];
    expect(JSON5.parse(after)).toEqual(expected);
    expect(textOf(ours)).toBe(main);
    expect(await valid(ours)).toBe(true);
    expect((await ours.run(["vitals", "check", "--only", check])).code).toBe(0);

    const undone = await ours.run(["vitals", "undo"]);
    expect(undone.code, undone.stdout + undone.stderr).toBe(0);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  // 2026.5.22 knows only the first of them and would write with the second; we heed both.
  test.each([
    ["OPENCLAW_NIX_MODE", true],
    ["OPENCLAW_CONFIG_READONLY", version !== "2026.5.22"],
  ])("with %s we leave the config alone, as the host does where it knows it", async (name, known) => {
    await ours.writeConfig(text(unhealed(ours)));
    const before = textOf(ours);
    const env = { [name]: "1" };
    const fixed = await ours.run(command, { env });
    expect(fixed.code).toBe(1);
    expect(fixed.stdout).toContain(`read-only here (${name})`);
    expect(textOf(ours)).toBe(before);
    const set = await ours.run(["config", "set", "logging.level", "debug"], { env });
    expect(set.code !== 0, set.stdout + set.stderr).toBe(known);
    expect(textOf(ours) === before).toBe(known);
  });
});
