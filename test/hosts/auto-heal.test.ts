/** Self-healing inside real gateways of both hosts: what their logs and their own exports say, and what it moves. */
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { installPlugin, packProject } from "./harness/install.ts";
import { until } from "./harness/processes.ts";
import { quarantined, vitals, vitalsJson } from "./harness/vitals.ts";

/** Lines of ours in the gateway's log, in their order, with their levels. */
function logged(home: Home): { text: string; level: string }[] {
  if (!existsSync(home.logFile)) return [];
  return readFileSync(home.logFile, "utf8")
    .split("\n")
    .flatMap((line) => {
      const text = /vitals(?:: | \d+\.\d+\.\d+ on | healed ).*?(?="[,}])/.exec(line)?.[0];
      const level = /"logLevelName":"([A-Z]+)"/.exec(line)?.[1];
      return text === undefined || level === undefined ? [] : [{ text, level }];
    });
}

/** What the host's own export of its diagnostics has of our lines. */
async function exported(home: Home): Promise<string[]> {
  const file = join(home.dir, "diagnostics.zip");
  const made = await home.run(["gateway", "diagnostics", "export", "--output", file, "--json"], {
    timeoutMs: 240_000,
  });
  expect(made.code, made.stderr).toBe(0);
  const log = Buffer.from(unzipSync(readFileSync(file))["logs/openclaw-sanitized.jsonl"] ?? []).toString("utf8");
  return log.split("\n").flatMap((line) => {
    const { msg } = line === "" ? {} : (JSON.parse(line) as { msg?: unknown });
    return typeof msg === "string" && msg.startsWith("vitals ") ? [msg] : [];
  });
}

describe.concurrent("in a gateway", () => {
  test.for(HOST_VERSIONS)("of %s", { timeout: 900_000 }, async (version) => {
    const home = await createHome(await ensureHost(version), { env: { OPENCLAW_VITALS_TEST_ROUND_MS: "3000" } });
    try {
      await installPlugin(home, { tarball: await packProject() });
      const gateway = await startGateway(home, { timeoutMs: 400_000 });
      const settled = async (pattern: RegExp): Promise<{ text: string; level: string }> =>
        await until(
          () => logged(home).find(({ text }) => pattern.test(text)),
          180_000,
          () => `${pattern} in the log, but: ${JSON.stringify(logged(home))}\n${gateway.output()}`,
          500,
        );
      // What a writer of the config leaves that was killed at its start: for ever in the way of both hosts.
      const lock = `${home.configPath}.lock`;
      writeFileSync(lock, "", { flag: "wx", mode: 0o600 });
      const old = new Date(Date.now() - 120_000);
      utimesSync(lock, old, old);

      const found = await settled(/^vitals: found config-lock, error: /);
      expect(found.level).toBe("WARN");
      expect(found.text).toMatch(
        /; at openclaw\.json\.lock; verdict gone .*; payload: empty; processes that have it open: none/,
      );
      const summary = await settled(/ checks, 1 error.*: config-lock gone 1/);
      expect(summary).toMatchObject({ level: "WARN" });
      expect(summary.text.length).toBeLessThanOrEqual(240);
      expect(await exported(home)).toContain(summary.text);
      expect(existsSync(lock)).toBe(true);
      // Rounds went on meanwhile: what stays the same is told once.
      expect(logged(home).filter((line) => line.text === summary.text)).toHaveLength(1);

      // Without a restart: the next round reads the policy anew.
      await home.patchConfig({ plugins: { entries: { vitals: { config: { autoHeal: "fix" } } } } });
      const healed = await settled(/^vitals: healed config-lock openclaw\.json\.lock; verdict gone /);
      expect(healed.level).toBe("WARN");
      const run = /; undo: openclaw vitals undo (\S+)$/.exec(healed.text)?.[1] ?? "";
      expect(existsSync(lock)).toBe(false);
      expect(quarantined(home)).toMatchObject([{ text: "" }]);
      const { document } = await vitalsJson(home, ["history"]);
      expect(document.runs).toMatchObject([{ run, repairs: [{ checkId: "vitals/config-lock", canUndo: true }] }]);
      expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);

      expect(await vitals(home, ["undo", run])).toMatchObject({ code: 0 });
      expect(readFileSync(lock, "utf8")).toBe("");
      await settled(/^vitals: config-lock openclaw\.json\.lock was put back by an undo/);
      expect(existsSync(lock)).toBe(true);

      expect(await exported(home)).toContain(`vitals healed 1 of 1, run ${run}; undo: openclaw vitals undo ${run}`);
      await gateway.stop();
      expect(gateway.output()).not.toMatch(/service failed|service stop failed|could not look/);
    } finally {
      await home.dispose();
    }
  });
});
