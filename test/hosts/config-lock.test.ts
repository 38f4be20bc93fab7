/**
 * Locks on the config and on OAuth tokens: what blocks a real host, and what heals it.
 * Long because the hosts of both versions are started once for all cases.
 */
import { existsSync, readFileSync, utimesSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as nextTick } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHome, type Home, type HomeOptions } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS, type HostVersion } from "./harness/hosts.ts";
import { installPlugin, packProject } from "./harness/install.ts";
import { deadPid, titledProcess } from "./harness/plant.ts";
import { procStat, until } from "./harness/processes.ts";
import { quarantined, vitalsJson } from "./harness/vitals.ts";

const HOUR = 3_600_000;
// As in doctor.test.ts: what the host would spend a minute on without need is off.
const FAST: Record<HostVersion, HomeOptions> = {
  "2026.5.22": { env: { OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1" } },
  "2026.9.6": { config: { gateway: { auth: undefined } } },
};

/** Writes a lock an hour old. */
async function plant(file: string, content: string | object): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const text = typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`;
  await writeFile(file, text, { flag: "wx", mode: 0o600 });
  setOld(file);
  return file;
}

function setOld(file: string): void {
  const past = new Date(Date.now() - HOUR);
  utimesSync(file, past, past);
}

/** Takes and releases the lock of a file with the host's own code, which would retry for 21 s and more otherwise. */
async function takeLock(home: Home, target: string): Promise<string> {
  const script = `
    const { acquireFileLock } = await import(${JSON.stringify(join(home.host.root, "dist/plugin-sdk/file-lock.js"))});
    const retries = { retries: 3, factor: 1, minTimeout: 50, maxTimeout: 50 };
    try {
      const lock = await acquireFileLock(${JSON.stringify(target)}, { retries, stale: 30_000 });
      await lock.release();
      console.log("taken");
    } catch (error) {
      console.log(error.code);
    }`;
  const running = await home.spawnFile(home.host.node, ["--input-type=module", "-e", script], { timeoutMs: 60_000 });
  return (await running.finished).stdout.trim();
}

/**
 * Renews an expired token with the host's own code, once with the way free, which tells the name of its lock, and once
 * when that lock is there. The provider is unknown to it, so it comes back without a token and asks nobody.
 */
const OAUTH_HOST = `
  import { existsSync, mkdirSync, watch } from "node:fs";
  import { once } from "node:events";
  import { setTimeout as sleep } from "node:timers/promises";
  const sdk = process.argv[1] + "/dist/plugin-sdk/";
  const { upsertAuthProfileWithLock } = await import(sdk + "provider-auth.js");
  const { ensureAuthProfileStore, resolveApiKeyForProfile } = await import(sdk + "agent-runtime.js");
  const profileId = "elsewhere:default";
  const credential = { type: "oauth", provider: "elsewhere", access: "a", refresh: "r", expires: Date.now() - 3_600_000 };
  await upsertAuthProfileWithLock({ profileId, credential });
  const folder = process.env.HOME + "/.openclaw/locks/oauth-refresh";
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const refresh = () => resolveApiKeyForProfile({ cfg: {}, store: ensureAuthProfileStore(), profileId });
  const watcher = watch(folder);
  const seen = once(watcher, "change");
  const began = performance.now();
  await refresh();
  const took = performance.now() - began;
  const [, name] = await seen;
  watcher.close();
  console.log("lock " + name);
  console.log("refreshed");
  while (!existsSync(folder + "/" + name)) await sleep(50);
  const blocked = refresh();
  const first = await Promise.race([blocked.then(() => "refreshed in spite of it"), sleep(3_000 + 10 * took, "still waiting")]);
  console.log(first);
  await blocked;
  console.log("refreshed at last");
  process.exit(0);
`;

/** Runs the command a finding prints, as a user would paste it. */
async function runPrinted(home: Home, { fixHint }: { fixHint: string }): Promise<void> {
  const command = /`([^`]+)`/.exec(fixHint)?.[1] ?? "";
  const done = await (await home.spawnFile("sh", ["-c", command])).finished;
  expect(done.code, done.stderr).toBe(0);
}

let seconds = 600;
/** One change of the config with the host's own command; `written` tells whether it is in the file. */
async function change(home: Home) {
  seconds += 1;
  const done = await home.run(["config", "set", "agents.defaults.timeoutSeconds", String(seconds)]);
  return {
    ...done,
    output: done.stdout + done.stderr,
    written: readFileSync(home.configPath, "utf8").includes(`: ${seconds}`),
  };
}

/** One of our commands, as for this host; `only` this check unless the whole is meant. */
async function ours(home: Home, command: readonly string[], only = true) {
  const version = ["--host-version", home.host.version];
  return await vitalsJson(home, [...command, ...version, ...(only ? ["--only", "config-lock"] : [])]);
}
const FIX = ["fix", "--non-interactive"];

describe.each(HOST_VERSIONS)("on openclaw %s", (version) => {
  let home: Home;
  let lock: string;
  beforeAll(async () => {
    home = await createHome(await ensureHost(version), FAST[version]);
    lock = `${home.configPath}.lock`;
  });
  afterAll(async () => await home.dispose());

  test("an empty lock: every change of the config fails; `openclaw-vitals fix` heals it", async () => {
    await plant(lock, "");
    const blocked = await change(home);
    expect(blocked.code).not.toBe(0);
    expect(blocked.output).toContain("file lock timeout");
    expect(blocked.written).toBe(false);

    const before = await ours(home, ["check"]);
    expect(before.code).toBe(1);
    expect(before.document.findings).toMatchObject([{ checkId: "vitals/config-lock", verdict: "gone", path: lock }]);
    const healed = await ours(home, FIX, false);
    expect(healed.document.repairs).toMatchObject([{ status: "repaired", path: lock }]);
    expect(quarantined(home)).toMatchObject([{ text: "" }]);

    const after = await change(home);
    expect(after.code, after.output).toBe(0);
    expect(after.written).toBe(true);
  });

  test.each(["config", "OAuth token"])("other locks nobody holds, on the %s: blocked, healed, free", async (where) => {
    const oauth = join(home.stateDir, "locks", "oauth-refresh", "sha256-00ff");
    const target = where === "config" ? home.configPath : oauth;
    const other = await titledProcess(home, "postgres");
    const later = { pid: other.pid, createdAt: new Date(Date.now() - HOUR).toISOString() };
    const states: Record<string, string | object> = {
      malformed: '{"pid": 42',
      "no owner": "{}",
      "live unrelated pid without start time": later,
      // Newer hosts compare the start time and take the lock back.
      ...(version === "2026.5.22" ? { "recycled pid": { ...later, starttime: other.startTicks - 1 } } : {}),
    };
    for (const [name, content] of Object.entries(states)) {
      await plant(`${target}.lock`, content);
      expect(await takeLock(home, target), name).toBe("file_lock_timeout");
      const healed = await ours(home, FIX);
      expect(healed.document.repairs, name).toMatchObject([{ status: "repaired", path: `${target}.lock` }]);
      expect(await takeLock(home, target), name).toBe("taken");
    }
    await other.kill();
  });

  test("a dead owner: the host takes it back by itself, so it is only told of", async () => {
    const payload = { pid: await deadPid(), createdAt: new Date(Date.now() - HOUR).toISOString() };
    await plant(lock, payload);
    const { code, document } = await ours(home, ["check"]);
    expect(document.findings).toMatchObject([{ severity: "info", verdict: "gone", path: lock }]);
    expect(code).toBe(0);
    expect(await takeLock(home, home.configPath)).toBe("taken");
    await plant(lock, payload);
    expect((await ours(home, FIX)).document.repairs).toMatchObject([{ status: "repaired", path: lock }]);
  });

  test("a lock that a running config write holds is not touched, however old it looks", async () => {
    const running = await home.spawn(["config", "set", "agents.defaults.timeoutSeconds", "777"]);
    const owner = await stopHolding(lock);
    const held = readFileSync(lock, "utf8");
    setOld(lock);
    const during = await ours(home, FIX);
    expect(during.document).toMatchObject({ repairs: [], ok: true });
    expect(readFileSync(lock, "utf8")).toBe(held);
    process.kill(owner, "SIGCONT");
    const done = await running.finished;
    expect(done.code, done.stderr).toBe(0);
    expect(readFileSync(home.configPath, "utf8")).toContain(": 777");
    expect(existsSync(lock), "released by its owner").toBe(false);
  });

  test("the lock of an OAuth token: no refresh until `openclaw-vitals fix` has healed it", async () => {
    const host = await home.spawnFile(home.host.node, ["--input-type=module", "-e", OAUTH_HOST, home.host.root]);
    const says = async (what: string) =>
      await until(
        () => host.stdout().split("\n").includes(what),
        120_000,
        () => `${what}: ${host.output()}`,
      );
    await says("refreshed");
    const name = /^lock (\S+)$/m.exec(host.stdout())?.[1] as string;
    const file = await plant(join(home.stateDir, "locks", "oauth-refresh", name), "");
    await says("still waiting");
    const healed = await ours(home, FIX);
    expect(healed.document.repairs).toMatchObject([{ status: "repaired", path: file }]);
    await says("refreshed at last");
    expect((await host.finished).code, host.output()).toBe(0);
  });

  test("a folder in the place of the lock: blocked, reported, free after the command that is printed", async () => {
    await mkdir(lock);
    expect(await takeLock(home, home.configPath)).not.toBe("taken");
    const { document } = await ours(home, ["check"]);
    expect(document.findings).toMatchObject([{ verdict: "unknown", path: lock, fix: null }]);
    await runPrinted(home, document.findings[0]);
    expect(await takeLock(home, home.configPath)).toBe("taken");
    expect((await ours(home, ["check"])).document.findings).toEqual([]);
  });

  test.runIf(version !== "2026.5.22")("a guard left behind: blocked, reported, free after the command", async () => {
    await mkdir(`${lock}.reclaim`);
    setOld(`${lock}.reclaim`);
    expect(await takeLock(home, home.configPath)).toBe("file_lock_timeout");
    const { document } = await ours(home, ["check"]);
    expect(document.findings).toMatchObject([{ severity: "error", path: `${lock}.reclaim`, fix: null }]);
    await runPrinted(home, document.findings[0]);
    expect(await takeLock(home, home.configPath)).toBe("taken");
    const after = await change(home);
    expect(after.written, after.output).toBe(true);
  });
});

describe.each(HOST_VERSIONS)("`doctor --fix` of openclaw %s", (version) => {
  const doctor = ["doctor", "--fix", "--non-interactive"];
  const writtenBy = (home: Home) => readFileSync(home.configPath, "utf8");

  test("without the plugin fails on an empty lock of the config", async () => {
    const home = await createHome(await ensureHost(version), FAST[version]);
    try {
      const lock = await plant(`${home.configPath}.lock`, "");
      const config = writtenBy(home);
      const done = await home.run(doctor);
      expect(done.code, done.stdout + done.stderr).not.toBe(0);
      expect(done.stdout + done.stderr).toContain("file lock timeout");
      expect(writtenBy(home)).toBe(config);
      expect(existsSync(lock)).toBe(true);
    } finally {
      await home.dispose();
    }
  });

  test("with it heals itself, writes its config, and says so", async () => {
    const home = await createHome(await ensureHost(version), FAST[version]);
    try {
      await installPlugin(home, { tarball: await packProject() });
      const lock = await plant(`${home.configPath}.lock`, "");
      const config = writtenBy(home);
      const done = await home.run(doctor);
      const output = done.stdout + done.stderr;
      expect(done.code, output).toBe(0);
      expect(done.ms, "the doctor does not wait to its limit").toBeLessThan(60_000);
      expect(writtenBy(home), output).not.toBe(config);
      expect(existsSync(lock)).toBe(false);
      expect(quarantined(home)).toMatchObject([{ text: "" }]);
      // 2026.5.22 says it itself, in a box that breaks lines; on 2026.9.6 it is our last word.
      const said = done.stdout.replace(/[│\s]+/g, " ");
      expect(said).toMatch(/moved openclaw\.json\.lock to vitals\/quarantine\/.*openclaw vitals undo \w+-\w+/);
      expect(said.split("moved openclaw.json.lock")).toHaveLength(2);

      const undo = await vitalsJson(home, ["undo"]);
      expect(undo.code, JSON.stringify(undo.document)).toBe(0);
      expect(readFileSync(lock, "utf8")).toBe("");
    } finally {
      await home.dispose();
    }
  });
});

/** Stops the process that holds a lock while it holds it, and returns its pid. */
async function stopHolding(lock: string): Promise<number> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    await nextTick();
    const pid = ownerOf(lock);
    if (pid === undefined) continue;
    process.kill(pid, "SIGSTOP");
    while (!/[Tt]/.test(procStat(pid)?.state ?? "T")) await nextTick();
    if (ownerOf(lock) === pid) return pid;
    process.kill(pid, "SIGCONT");
  }
  throw new Error("the config was never locked");
}

function ownerOf(lock: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(lock, "utf8")) as { pid: number }).pid;
  } catch {
    return undefined;
  }
}
