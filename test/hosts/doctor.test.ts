/** The plugin under the real doctor of both hosts: install, registration, closing section, disabled, update. */
import { cpSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { installPlugin, packProject, setPluginEnabled } from "./harness/install.ts";
import { deadPid, plantLock } from "./harness/plant.ts";
import { lockPath } from "./harness/turn.ts";
import { quarantined, vitalsJson } from "./harness/vitals.ts";

// The doctor only: without its bundled plugins 2026.5.22 answers in a third of the time (2026.9.6 then skips every
// registered repair). A gateway token would make 2026.9.6 wait a minute for a gateway that does not run.
const FAST = {
  "2026.5.22": { env: { OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1" } },
  "2026.9.6": { config: { gateway: { auth: undefined } } },
};

async function plantDead(home: Home, sessionId: string): Promise<string> {
  const payload = { pid: await deadPid(), createdAt: new Date().toISOString(), maxHoldMs: 1_020_000 };
  return await plantLock(home, { sessionId, payload, transcript: true });
}

describe.each(HOST_VERSIONS)("under openclaw %s", (version) => {
  let home: Home;
  beforeAll(async () => {
    home = await createHome(await ensureHost(version), FAST[version]);
    await installPlugin(home, { tarball: await packProject() });
  });
  afterAll(async () => await home.dispose());

  test("installs from the tarball, and `plugins doctor` has nothing to say about it", async () => {
    const doctor = await home.run(["plugins", "doctor"]);
    expect(doctor.code, doctor.stdout + doctor.stderr).toBe(0);
    expect(doctor.stdout + doctor.stderr).not.toMatch(/vitals/i);
    const list = await home.run(["plugins", "list", "--json"]);
    expect(JSON.stringify(JSON.parse(list.stdout))).toContain('"vitals"');
  });

  test("plain doctor says what is wrong after its last line, and changes nothing", async () => {
    const path = await plantDead(home, "plain");
    const before = statSync(path, { bigint: true });
    const doctor = await home.run(["doctor", "--non-interactive"]);
    const end = doctor.stdout.slice(doctor.stdout.lastIndexOf("Doctor complete"));
    expect(end).toContain("\nVitals\n");
    expect(end).toContain("plain");
    expect(end).toContain('Run "openclaw doctor --fix"');
    expect(statSync(path, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
    expect(quarantined(home)).toEqual([]);
  });

  test("`doctor --lint --json` stays the host's own document", async () => {
    const lint = await home.run(["doctor", "--lint", "--json"]);
    expect(JSON.parse(lint.stdout)).toMatchObject({ checksRun: expect.any(Number) });
  });

  test("`openclaw vitals --json` and `openclaw-vitals --json` print the same document", async () => {
    const inside = await home.run(["vitals", "--json"]);
    const outside = await vitalsJson(home, ["--host-version", version]);
    const document = JSON.parse(inside.stdout);
    expect(document.host).toEqual({ version, source: "running host" });
    const comparable = (value: typeof document) => {
      const ageless = JSON.stringify(value.findings)
        .replace(/"what":"lock age in seconds","value":\d+/g, "")
        .replace(/"source":"(running host|--host-version)"/g, '"source":"host"');
      return {
        ...value,
        findings: JSON.parse(ageless.replaceAll("{,", "{")),
        timings: Object.keys(value.timings),
        host: version,
      };
    };
    expect(comparable(document)).toEqual(comparable(outside.document));
    expect(inside.code).toBe(outside.code);
    expect(document.findings.length).toBeGreaterThan(0);
  });

  test("`openclaw vitals` passes flags and errors through", async () => {
    const bad = await home.run(["vitals", "check", "--only", "nonsense", "--json"]);
    expect(bad.code).toBe(2);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("nonsense") },
    });
    const help = await home.run(["vitals", "--help"]);
    expect(help.stdout).toContain("undo [run]");
    const rootHelp = await home.run(["--help"]);
    expect(rootHelp.stdout).toMatch(/vitals\b.*Vital signs/);
  });

  test("`doctor --fix --non-interactive` repairs as one run that can be undone", async () => {
    const path = await plantDead(home, "fixed");
    const silent = lockPath(home, "main", "silent");
    await plantLock(home, {
      sessionId: "silent",
      payload: { pid: await deadPid(), createdAt: new Date().toISOString() },
    });
    const text = readFileSync(path, "utf8");
    const doctor = await home.run(["doctor", "--fix", "--non-interactive"]);
    expect(doctor.code, doctor.stdout + doctor.stderr).toBe(0);
    expect(doctor.stdout).toContain("Vitals: moved");
    expect(doctor.stdout, "the built-in had nothing left to remove").not.toMatch(/stale=yes|\[removed\]/);
    expect(existsSync(path)).toBe(false);
    expect(existsSync(silent)).toBe(false);
    const history = await vitalsJson(home, ["history"]);
    expect(history.document.runs[0].repairs.length).toBeGreaterThanOrEqual(2);
    const undo = await home.run(["vitals", "undo", "--json"]);
    expect(undo.code, undo.stderr).toBe(0);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(existsSync(silent)).toBe(true);
  });

  test("in an update only the copy is touched, nobody is asked, nothing is above warning", async () => {
    const path = await plantDead(home, "updating");
    const copy = join(home.dir, "copy");
    cpSync(home.stateDir, copy, { recursive: true, preserveTimestamps: true });
    const env = { OPENCLAW_UPDATE_IN_PROGRESS: "1", OPENCLAW_STATE_DIR: copy };
    const lint = await vitalsJson(home, ["check", "--host-version", "2026.5.22"], { env });
    expect(lint.document.stateDir).toBe(copy);
    expect(lint.document.findings.length).toBeGreaterThan(0);
    for (const finding of lint.document.findings) expect(finding.severity).not.toBe("error");
    const doctor = await home.run(["doctor", "--fix", "--non-interactive", "--no-workspace-suggestions"], { env });
    expect(doctor.stdout).toContain("Vitals: moved");
    expect(existsSync(path), "the state in use is left alone").toBe(true);
    expect(existsSync(path.replace(home.stateDir, copy))).toBe(false);
    expect(existsSync(join(copy, "vitals", "journal.jsonl"))).toBe(true);
    expect(quarantined(home)).toEqual([]);
  });

  test("with a config the host refuses it loads no plugin; the command alone still answers in JSON", async () => {
    const config = readFileSync(home.configPath, "utf8");
    await home.writeConfig('{ "plugins": ');
    try {
      const inside = await home.run(["vitals", "--json"]);
      expect(inside.code).toBe(1);
      expect(inside.stdout).not.toContain("checksRun");
      const alone = await vitalsJson(home, ["check", "--host-version", version]);
      expect(alone.document).toMatchObject({ checksRun: expect.any(Number) });
      expect(JSON.stringify(alone.document.findings)).toContain("is not valid JSON5");
    } finally {
      await home.writeConfig(config);
    }
  });

  test("disabled means silent", async () => {
    const path = await plantDead(home, "disabled");
    await setPluginEnabled(home, false);
    const plain = await home.run(["doctor", "--non-interactive"]);
    expect(plain.stdout).not.toContain("Vitals");
    const fix = await home.run(["doctor", "--fix", "--non-interactive"]);
    expect(fix.stdout).not.toMatch(/vitals: /i);
    expect(quarantined(home)).toEqual([]);
    if (version !== "2026.5.22") expect(existsSync(path)).toBe(true);
    await setPluginEnabled(home, true);
  });

  test("a linked install works the same", async () => {
    const linked = await createHome(await ensureHost(version), FAST[version]);
    try {
      const folder = join(linked.dir, "checkout");
      const { x } = await import("tinyexec");
      const tarball = await packProject();
      await x("mkdir", ["-p", folder], { throwOnError: true });
      await x("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"], { throwOnError: true });
      cpSync(join(home.stateDir, "extensions", "vitals", "node_modules"), join(folder, "node_modules"), {
        recursive: true,
        verbatimSymlinks: true,
      });
      await installPlugin(linked, { link: folder });
      const path = await plantDead(linked, "linked");
      const plain = await linked.run(["doctor", "--non-interactive"]);
      expect(plain.stdout.slice(plain.stdout.lastIndexOf("Doctor complete"))).toContain("\nVitals\n");
      const doctor = await linked.run(["doctor", "--fix", "--non-interactive"]);
      expect(doctor.stdout, doctor.stderr).toContain("Vitals: moved");
      expect(existsSync(path)).toBe(false);
    } finally {
      await linked.dispose();
    }
  });
});
