/**
 * #86014: an embedded run times out, and the gateway keeps the session's write lock: 19 minutes later it was still
 * there, with the gateway's own pid and past its own maxHoldMs of 1 020 000. Each later run waits for it and fails, with
 * every fallback model, and what helped was to restart the container.
 *
 * The run here is stuck in its model and so really holds the lock, descriptor open. Only the waiting is cut short: the
 * lock's `maxHoldMs` is made a second where it stands. The gateway's memory grew by 40 to 160 MB a minute; here
 * a plugin in it takes 300, so that nobody has to watch it for ten minutes.
 */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { answeredTurn, startGateway } from "../hosts/harness/gateway.ts";
import { createHome, type Home } from "../hosts/harness/home.ts";
import { ensureHost } from "../hosts/harness/hosts.ts";
import { withLeaker } from "../hosts/harness/leaker.ts";
import { isRunning, until } from "../hosts/harness/processes.ts";
import { type Provider, startProvider } from "../hosts/harness/provider.ts";
import { completedTurn, type HeldTurn, heldTurn } from "../hosts/harness/turn.ts";
import { quarantined, vitalsJson, withPlugin } from "../hosts/harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const STUCK = "86014aaa-1d06-4f19-a8f7-f055b2fa51af";
const WORKING = "86014bbb-1d06-4f19-a8f7-f055b2fa51af";
const LOOK = ["--only", "stale-lock,lock-without-transcript"];
const MINUTE = 60_000;
/** Host starts, turns and drains, one after the other, on a busy machine. */
const LIMIT = { timeout: 20 * MINUTE };

// Of a developer's own gateway this home must not know: no service has this name.
const NO_SERVICE = { OPENCLAW_SYSTEMD_UNIT: "vitals-test-no-such.service" };

async function setUp() {
  const provider = await startProvider();
  opened.push(provider);
  const model = (id: string) => ({
    id,
    name: id,
    reasoning: false,
    input: ["text"],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 200_000,
    maxTokens: 4096,
  });
  const home = await createHome(await ensureHost("2026.5.22"), {
    provider,
    env: { ...NO_SERVICE, OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS: "5000" },
    config: { agents: { defaults: { model: { primary: "test/test", fallbacks: ["test/second"] } } } },
  });
  // Without that limit 2026.5.22 gives a silent model two minutes, and the turn would be stuck no more.
  await home.patchConfig({
    models: { providers: { test: { timeoutSeconds: 1800, models: [model("test"), model("second")] } } },
  });
  opened.push({ close: home.dispose });
  return { home, provider };
}

/** Lets its time be over, in the file that is open: it may be held for a second. A gateway held nothing before it began. */
function outlive({ path, lock }: HeldTurn): string {
  const text = `${JSON.stringify({ ...lock, maxHoldMs: 1_000 }, null, 2)}\n`;
  writeFileSync(path, text);
  return text;
}

/** An environment in which the home's `openclaw` is on the PATH. */
function withOpenclaw(home: Home): Record<string, string> {
  const bin = join(home.dir, "bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(home.host.entry, join(bin, "openclaw"));
  return { PATH: `${bin}:${home.env["PATH"] ?? ""}` };
}

/** The harm: the model is not even asked, neither the first nor the one to fall back to. */
async function expectLockedOut(home: Home, provider: Provider, pid: number): Promise<void> {
  const asked = provider.requests.length;
  const run = await completedTurn(home, { sessionId: STUCK, message: "anybody there?" });
  expect(run.ok).toBe(false);
  expect(run.stdout + run.stderr).toContain(`session file locked (timeout 5000ms): pid=${pid} `);
  expect(provider.requests.length).toBe(asked);
}

/** The session works again, in the gateway. */
async function expectAnswer(home: Home, provider: Provider): Promise<void> {
  provider.setReply("a reply at last");
  const turn = { sessionId: STUCK, message: "and now?" };
  await answeredTurn(home, { port: home.gatewayPort }, turn, "a reply at last");
}

describe("#86014: the gateway keeps the lock of a run that is over for everybody else", () => {
  test(
    "in the foreground: told from a working turn, left alone, and the remedy said is the one that works",
    LIMIT,
    async () => {
      const { home, provider } = await setUp();
      const gateway = await startGateway(home, { env: { OPENCLAW_SYSTEMD_UNIT: "" } });
      const stuck = await heldTurn(home, provider, { sessionId: STUCK, message: "this one hangs" }, gateway);
      expect(stuck.lock).toMatchObject({ pid: gateway.pid, maxHoldMs: 1_020_000 });
      await expectLockedOut(home, provider, gateway.pid);
      expect(
        (await vitalsJson(home, ["check", ...LOOK])).document.findings,
        "within its time it is no finding",
      ).toEqual([]);

      const text = outlive(stuck);
      const working = await heldTurn(home, provider, { sessionId: WORKING, message: "this one works" }, gateway);
      const before = statSync(working.path, { bigint: true });
      const seen = await vitalsJson(home, ["check", ...LOOK]);
      expect(seen.document.findings).toMatchObject([
        {
          checkId: "vitals/stale-lock",
          verdict: "overdue",
          severity: "error",
          path: stuck.path,
          fix: { risk: "disruptive" },
        },
      ]);
      const plan = await vitalsJson(home, ["fix", "--dry-run", "--force", ...LOOK], { env: withOpenclaw(home) });
      expect(plan.document.repairs[0].effects[0].action).toBe(
        `restart the gateway, process ${gateway.pid}, which ends the stuck turn and interrupts 1 other running turn`,
      );
      const env = { PATH: `${join(home.dir, "bin")}:${home.env["PATH"] ?? ""}` };
      const yes = await vitalsJson(home, ["fix", "--yes", ...LOOK], { env });
      expect(yes.document.repairs).toMatchObject([{ status: "skipped", path: stuck.path }]);
      expect(yes.document.repairs[0].reason).toContain("--force");
      expect(readFileSync(stuck.path, "utf8")).toBe(text);
      expect(statSync(working.path, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
      provider.setReply("done beside it");
      provider.release("this one works");
      const worked = await working.turn.finished;
      expect(worked.stdout, worked.stderr).toContain("done beside it");

      // 2026.5.22 knows no service here, and lets no device restart it that was only let in to run turns.
      const forced = await vitalsJson(home, ["fix", "--force", ...LOOK], { env, timeoutMs: 10 * MINUTE });
      expect(forced.code, JSON.stringify(forced.document)).toBe(1);
      expect(forced.document.repairs).toMatchObject([{ status: "failed", changes: [] }]);
      expect(forced.document.repairs[0].reason).toMatch(/nothing happened; to restart it: \S/);
      expect(isRunning(gateway.pid)).toBe(true);
      expect(readFileSync(stuck.path, "utf8"), "its lock is never taken from it").toBe(text);

      await gateway.stop();
      await stuck.turn.kill();
      provider.release();
      const healed = await vitalsJson(home, ["fix", "--non-interactive", ...LOOK]);
      expect(healed).toMatchObject({ code: 0, document: { remaining: [] } });
      expect(existsSync(stuck.path)).toBe(false);
      await startGateway(home, { env: { OPENCLAW_SYSTEMD_UNIT: "" } });
      await expectAnswer(home, provider);
    },
  );

  test(
    "under a supervisor: `fix --force` restarts it once, proves it, and frees session and memory",
    LIMIT,
    async () => {
      const { home, provider } = await setUp();
      await withPlugin(home);
      const leaker = await withLeaker(home);
      const keeper = fileURLToPath(new URL("../hosts/harness/supervised-gateway.ts", import.meta.url));
      const port = String(home.gatewayPort);
      // With a unit's name in its environment the gateway leaves its restart to the service manager, and ends.
      const run = [keeper, home.host.node, home.host.entry, "gateway", "run", "--port", port];
      await home.spawnFile(home.host.node, run, { env: leaker.env });
      // As an operator's own device is let in: with all rights. A device first seen in a turn gets only those for turns.
      const allowed = async () => (await home.run(["gateway", "call", "update.status", "--json"])).code === 0;
      await until(allowed, 5 * MINUTE, "the gateway is up and knows this device", 1000);
      const stuck = await heldTurn(
        home,
        provider,
        { sessionId: STUCK, message: "this one hangs" },
        { port: home.gatewayPort },
      );
      const pid = stuck.lock?.pid ?? 0;
      await leaker.leak({ mibPerMinute: 300, mostMiB: 1800 });
      await expectLockedOut(home, provider, pid);
      const text = outlive(stuck);

      // Seen by the sampler in the gateway, together with what is stuck in it, and how long it has left.
      const BOTH = ["--only", "stale-lock,lock-without-transcript,rss-growth"];
      let found: { checkId: string; message: string; evidence: { what: string; value: unknown }[] }[] = [];
      await until(
        async () => {
          found = (await vitalsJson(home, ["check", ...BOTH, "--severity-min", "warning"])).document.findings;
          return found.length === 2;
        },
        6 * MINUTE,
        () => `lock and leak are found, but: ${JSON.stringify(found)}`,
        10_000,
      );
      const growth = found.find(({ checkId }) => checkId === "vitals/rss-growth");
      expect(growth?.message).toMatch(
        /has grown by \d+ MiB a minute \(.*\) for .* and goes on: it reaches .*, \d+ MiB, in /,
      );
      const what = "session locks it holds past their limit";
      expect(growth?.evidence).toContainEqual(expect.objectContaining({ what, value: expect.stringMatching(/^1, /) }));

      const env = withOpenclaw(home);
      const fixed = await vitalsJson(home, ["fix", "--force", ...BOTH], { env, timeoutMs: 12 * MINUTE });
      const repairs = fixed.document.repairs as { checkId: string; changes: string[]; path?: string }[];
      const repairOf = (id: string) => repairs.find(({ checkId }) => checkId === `vitals/${id}`);
      expect(repairOf("stale-lock")).toMatchObject({ status: "repaired", risk: "disruptive", path: stuck.path });
      expect(repairOf("rss-growth")).toMatchObject({ status: "repaired", risk: "disruptive" });
      const proof = new RegExp(`process ${pid} is now process \\d+, (\\d+) MiB of memory before and (\\d+) MiB after`);
      const [, before, after] = proof.exec(repairOf("rss-growth")?.changes[0] ?? "") ?? [];
      expect(Number(before) - Number(after), JSON.stringify(repairs)).toBeGreaterThan(200);
      const restarts = repairs
        .flatMap(({ changes }) => changes)
        .filter((text) => text.startsWith("restarted the gateway"));
      expect(restarts, "one restart is enough for both").toHaveLength(1);
      expect(fixed).toMatchObject({ code: 0, document: { ok: true } });
      await leaker.stop();
      await until(() => !isRunning(pid), 30_000, "the old process is gone");
      expect(existsSync(stuck.path) && readFileSync(stuck.path, "utf8") === text).toBe(false);
      const evidence = quarantined(home).find((kept) => kept.path.endsWith("gateway-restart.json"));
      expect(JSON.parse(evidence?.text ?? "{}")).toMatchObject({
        gateway: { pid, port: home.gatewayPort },
      });

      provider.release();
      await expectAnswer(home, provider);
    },
  );
});
