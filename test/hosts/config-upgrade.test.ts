/** A config of 2026.5.22 on its way to 2026.9.6: told before the update, mended with its comments, taken by the host. */
import { readFileSync } from "node:fs";
import JSON5 from "json5";
import { afterEach, describe, expect, test } from "vitest";
import type { Finding } from "../../src/index.ts";
import { gatewayTurn, startGateway } from "./harness/gateway.ts";
import { type Config, createHome, type Home, merge } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { startProvider } from "./harness/provider.ts";
import { upgraded, vitalsJson, withPlugin } from "./harness/vitals.ts";

const NEW = "2026.9.6";
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const retired: Config = {
  agents: { defaults: { runRetries: { base: 24, perProfile: 8, min: 16, max: 32 } } },
  cron: { retry: { maxAttempts: 3 } },
  session: { writeLock: { acquireTimeoutMs: 60_000 } },
};
const KEYS = ["agents.defaults.runRetries", "cron.retry", "session.writeLock"];

/** A home of 2026.5.22 with a config somebody wrote: comments everywhere, nothing by the host. */
async function makeHome(): Promise<{ home: Home; clean: Config }> {
  const provider = await startProvider();
  opened.push(provider);
  const home = await createHome(await ensureHost("2026.5.22"), { provider });
  opened.push({ close: home.dispose });
  // `models.pricing` has no place in the newer version either, but is no key of ours: its doctor renames it.
  const clean = merge(await home.readConfig(), {
    meta: undefined,
    models: { pricing: undefined },
    cron: { enabled: true },
    session: { dmScope: "main" },
  });
  await home.writeConfig(commented(merge(clean, retired)));
  return { home, clean };
}

/** The config as text, with a comment of its own in each section and after the keys that have to go. */
function commented(config: Config): string {
  return `// mine\n${JSON.stringify(config, null, 2)
    .replaceAll(/^ {2}"(\w+)": \{$/gm, '  // about $1\n  "$1": {')
    .replaceAll(/^( *)"(mode|enabled|dmScope|workspace)": (.*)$/gm, '$1"$2": $3 // as I want it')}\n`;
}

const comments = (text: string): string[] => text.match(/\/\/ (mine|about \w+|as I want it)/g) ?? [];

async function valid(home: Home): Promise<boolean> {
  const { stdout } = await home.run(["config", "validate", "--json"]);
  return (JSON.parse(stdout) as { valid: boolean }).valid;
}

const look = (home: Home) =>
  vitalsJson(home, ["check", "--only", "retry-ceiling", "--host-version", NEW, "--state-dir", home.stateDir]);

const named = (findings: readonly Finding[]): string[] =>
  findings.map(({ severity, target }) => `${severity} ${target}`).sort();

const all = KEYS.map((key) => `error ${key}`).sort();

describe("a config of 2026.5.22 with retired keys", () => {
  test("is told of before the update, mended by `fix`, and then 2026.9.6 runs with it", async () => {
    const { home, clean } = await makeHome();
    expect(await valid(home)).toBe(true);
    const first = await look(home);
    expect(first.code).toBe(1);
    expect(named(first.document.findings)).toEqual(all);

    const next = upgraded(home, await ensureHost(NEW));
    expect(await valid(next)).toBe(false);
    const text = readFileSync(home.configPath, "utf8");
    const fix = await vitalsJson(home, ["fix", "--only", "retry-ceiling", "--host-version", NEW]);
    expect(fix.code).toBe(0);
    const after = readFileSync(home.configPath, "utf8");
    expect(JSON5.parse(after)).toEqual(clean);
    expect(comments(text).length).toBeGreaterThan(8);
    expect(comments(after)).toEqual(comments(text));
    expect(await valid(next)).toBe(true);

    const gateway = await startGateway(next, { until: "/readyz" });
    const turn = await gatewayTurn(next, gateway, { sessionId: "after" });
    expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
    await gateway.stop();
    expect((await look(home)).document.findings).toEqual([]);
  });

  test("that 2026.5.22 wrote itself: ours are removed, all that 2026.9.6 still refuses is its own time stamp", async () => {
    const { home } = await makeHome();
    const set = await home.run(["config", "set", "logging.level", "info"]);
    expect(set.code, set.stdout + set.stderr).toBe(0);
    expect(await home.readConfig()).toMatchObject({ meta: { lastTouchedAt: expect.any(String) } });
    expect(named((await look(home)).document.findings)).toEqual(all);
    expect((await vitalsJson(home, ["fix", "--only", "retry-ceiling", "--host-version", NEW])).code).toBe(0);

    const next = upgraded(home, await ensureHost(NEW));
    const { stdout } = await next.run(["config", "validate", "--json"]);
    const said = JSON.parse(stdout) as { valid: boolean; issues: { path: string; message: string }[] };
    expect(said.valid).toBe(false);
    expect(said.issues.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      expect.stringMatching(/^meta: .*lastTouchedAt/),
    ]);
  });

  test("on 2026.9.6 with this plugin installed, its doctor removes them before we are asked", async () => {
    const home = await createHome(await ensureHost(NEW), { config: { gateway: { auth: undefined } } });
    opened.push({ close: home.dispose });
    await withPlugin(home);
    await home.patchConfig(retired);
    expect(await valid(home)).toBe(false);
    const doctor = await home.run(["doctor", "--fix", "--non-interactive"]);
    expect(doctor.code, doctor.stdout + doctor.stderr).toBe(0);
    expect(doctor.stdout + doctor.stderr).not.toMatch(/vitals\/retry-ceiling/);
    expect(await valid(home)).toBe(true);
    expect((await look(home)).document.findings).toEqual([]);
  });
});
