import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { gatewayTurn, startGateway } from "./harness/gateway.ts";
import { createHome, type Home, type HomeOptions } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { installPlugin, setPluginEnabled } from "./harness/install.ts";
import { deadPid, plantLock, titledProcess } from "./harness/plant.ts";
import { isRunning, procStat, until } from "./harness/processes.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { hasTmux, openTerminal } from "./harness/terminal.ts";
import { completedTurn, heldTurn, lockPath, readLock, transcriptPath } from "./harness/turn.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

describe.each(HOST_VERSIONS)("host %s", (version) => {
  const locks = version === "2026.5.22";

  async function setUp(options: HomeOptions = {}): Promise<{ home: Home; provider: Provider }> {
    const provider = await startProvider();
    opened.push(provider);
    const home = await createHome(await ensureHost(version), { provider, ...options });
    opened.push({ close: home.dispose });
    return { home, provider };
  }

  test("runs the version it says, in a home of its own", async () => {
    const { home } = await setUp();
    const shown = await home.run(["--version"]);
    expect(shown.stdout).toContain(version);
    const file = await home.run(["config", "file"]);
    expect(file.stdout.replace("~", home.dir)).toContain(home.configPath);
    const valid = await home.run(["config", "validate"]);
    expect(valid.code, valid.stdout + valid.stderr).toBe(0);
  });

  test("a local turn completes against the provider", async () => {
    const { home, provider } = await setUp();
    provider.setReply("a reply of the test");
    const turn = await completedTurn(home, { sessionId: "first", message: "hello there" });
    expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
    expect(turn.stdout).toContain("a reply of the test");
    expect(provider.requests).toHaveLength(1);
    expect(JSON.stringify(provider.requests[0]?.body)).toContain("hello there");
    expect(existsSync(transcriptPath(home, "main", "first"))).toBe(locks);
    expect(existsSync(lockPath(home, "main", "first"))).toBe(false);
    expect(home.pids()).toEqual([]);
  });

  test("a failing provider makes the turn fail, not the harness", async () => {
    const { home, provider } = await setUp();
    provider.failWith(401);
    const turn = await completedTurn(home, { sessionId: "failing" });
    expect(provider.requests.length).toBeGreaterThan(0);
    expect(turn.stdout + turn.stderr).toMatch(/401|provider fails|auth/i);
  });

  test("dispose ends what was started and removes the folder", async () => {
    const { home, provider } = await setUp();
    const { turn } = await heldTurn(home, provider, { sessionId: "held" });
    const other = await titledProcess(home, "openclaw-agent");
    const pids = home.pids();
    expect(pids).toContain(turn.pid);
    expect(pids).toContain(other.pid);
    await home.dispose();
    expect(pids.filter(isRunning)).toEqual([]);
    expect(existsSync(home.dir)).toBe(false);
  });

  test("a gateway starts, answers, runs a turn and stops without a rest", async () => {
    const { home, provider } = await setUp();
    const gateway = await startGateway(home);
    const health = await gateway.get("/healthz");
    expect(health).toEqual({ status: 200, body: { ok: true, status: "live" } });
    const pids = home.pids();
    expect(pids).toContain(gateway.pid);

    const turn = await gatewayTurn(home, gateway, { sessionId: "through" });
    expect(turn.ok, turn.stdout + turn.stderr + gateway.output()).toBe(true);
    expect(turn.stdout).toContain("pong");

    const held = await heldTurn(home, provider, { sessionId: "through" }, gateway);
    expect(held.lock?.pid).toBe(locks ? gateway.pid : undefined);
    provider.release();
    expect((await held.turn.finished).code).toBe(0);
    expect(existsSync(held.path)).toBe(false);

    const ended = await gateway.stop();
    expect(ended.code, gateway.output()).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(home.pids()).toEqual([]);
  });

  test("a plugin installs from a tarball and from a folder, and goes off and on", async () => {
    const { home } = await setUp();
    const folder = await writePlugin(home);
    const packed = await home.spawnFile("npm", ["pack", "--ignore-scripts", folder], {
      timeoutMs: 60_000,
    });
    expect((await packed.finished).code, packed.output()).toBe(0);

    await installPlugin(home, { tarball: join(home.dir, "openclaw-probe-0.0.1.tgz") });
    expect(await entries(home)).toMatchObject({ "openclaw-probe": { enabled: true } });
    await setPluginEnabled(home, false, "openclaw-probe");
    expect(await entries(home)).toMatchObject({ "openclaw-probe": { enabled: false } });
    await setPluginEnabled(home, true, "openclaw-probe");
    expect(await entries(home)).toMatchObject({ "openclaw-probe": { enabled: true } });

    const second = (await setUp()).home;
    await installPlugin(second, { link: folder });
    expect(await second.readConfig()).toMatchObject({ plugins: { load: { paths: [folder] } } });
  });

  test.skipIf(!hasTmux)("a command runs on a real terminal (needs tmux)", async () => {
    const { home } = await setUp();
    const terminal = await openTerminal(home, ["configure"], { columns: 90, rows: 30 });
    await terminal.waitFor(/Where will the Gateway run/, 120_000);
    await terminal.press("Escape");
    expect(await terminal.exited(60_000)).toBeLessThanOrEqual(1);
    expect(await terminal.screen()).toContain("cancelled");
  });

  describe.runIf(locks)("session write locks", () => {
    test("a held turn holds a real lock, and SIGKILL leaves it behind", async () => {
      const { home, provider } = await setUp();
      const { turn, path, lock } = await heldTurn(home, provider, { sessionId: "killed" });
      expect(Object.keys(lock ?? {}).sort()).toEqual(["createdAt", "maxHoldMs", "pid", "starttime"]);
      const owner = lock?.pid ?? 0;
      expect(home.pids()).toContain(owner);
      expect(procStat(owner)?.startTicks).toBe(lock?.starttime);
      expect(Math.abs(Date.parse(lock?.createdAt ?? "") - Date.now())).toBeLessThan(300_000);

      expect((await turn.kill("SIGKILL")).signal).toBe("SIGKILL");
      // The kernel takes the processes of a group away one by one.
      await until(() => !isRunning(owner), 10_000, "the owner of the lock is gone");
      expect(readLock(path)).toEqual(lock);

      // On Linux the host itself reclaims a dead owner's lock at the next turn.
      provider.release();
      const next = await completedTurn(home, { sessionId: "killed" });
      expect(next.ok, next.stdout + next.stderr).toBe(true);
      expect(existsSync(path)).toBe(false);
    });

    test("a reused pid without a start time blocks the session", async () => {
      const { home, provider } = await setUp();
      const before = await completedTurn(home, { sessionId: "blocked" });
      expect(before.ok, before.stdout + before.stderr).toBe(true);

      const impostor = await titledProcess(home, "openclaw");
      const createdAt = new Date(Date.now() - 600_000).toISOString();
      const payload = { pid: impostor.pid, createdAt, maxHoldMs: 1_020_000 };
      const path = await plantLock(home, { sessionId: "blocked", payload });
      // Only shortens the host's own wait, 60 s.
      const env = { OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS: "3000" };
      const blocked = await completedTurn(home, { sessionId: "blocked", env });
      expect(blocked.ok).toBe(false);
      expect(blocked.stdout + blocked.stderr).toContain("session file locked (timeout 3000ms)");
      expect(blocked.stdout + blocked.stderr).toContain(`pid=${impostor.pid}`);
      expect(provider.requests).toHaveLength(1);
      expect(readLock(path)).toEqual(payload);

      await impostor.kill();
      const after = await completedTurn(home, { sessionId: "blocked", env });
      expect(after.ok, after.stdout + after.stderr).toBe(true);
    });

    test("plants locks of any shape", async () => {
      const { home } = await setUp();
      const pid = await deadPid();
      expect(isRunning(pid)).toBe(false);
      const payload = { pid, createdAt: new Date().toISOString() };
      const options = {
        agent: "ops",
        sessionId: "shape",
        payload,
        transcript: true,
        ageMs: 3_600_000,
      };
      const path = await plantLock(home, options);
      expect(readLock(path)).toEqual(payload);
      expect(existsSync(transcriptPath(home, "ops", "shape"))).toBe(true);
      await expect(plantLock(home, options)).rejects.toThrow("EEXIST");
      expect(readLock(await plantLock(home, { sessionId: "empty", raw: "" }))).toBeUndefined();
    });
  });
});

async function entries(home: Home): Promise<unknown> {
  const { plugins } = (await home.readConfig()) as { plugins?: { entries?: unknown } };
  return plugins?.entries;
}

async function writePlugin(home: Home): Promise<string> {
  const folder = join(home.dir, "probe");
  const manifest = {
    name: "openclaw-probe",
    version: "0.0.1",
    type: "module",
    peerDependencies: { openclaw: "*" },
    // Without this npm installs the peer itself, and 2026.5.22 then refuses the plugin.
    peerDependenciesMeta: { openclaw: { optional: true } },
    openclaw: {
      extensions: ["./index.js"],
      compat: { pluginApi: ">=2026.4.0" },
      build: { openclawVersion: "2026.9.6" },
      install: { minHostVersion: ">=2026.4.0" },
    },
  };
  const plugin = {
    id: "openclaw-probe",
    name: "Probe",
    version: "0.0.1",
    description: "Does nothing.",
    configSchema: { type: "object", additionalProperties: false, properties: {} },
    activation: { onStartup: true },
  };
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "openclaw.plugin.json"), JSON.stringify(plugin));
  const code = 'export default { id: "openclaw-probe", name: "Probe", description: "", register() {} };\n';
  await writeFile(join(folder, "index.js"), code);
  return folder;
}
