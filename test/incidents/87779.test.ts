/**
 * #87779: session locks go stale although the gateway lives and works: it let go of the session, its lock stayed. Agents
 * look "stuck but alive", and an operator's cron job that removed locks older than five minutes was the work-around,
 * blind to whether somebody works behind them.
 *
 * The lock is planted as such a run leaves it: the gateway's own pid and start time, six minutes old, and nobody has it
 * open. 2026.5.22's gateway takes such a lock back by itself at its next turn on that session; every other process, e.g.
 * the command line's own runs, keeps failing on it.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { gatewayTurn, startGateway } from "../hosts/harness/gateway.ts";
import { createHome } from "../hosts/harness/home.ts";
import { ensureHost } from "../hosts/harness/hosts.ts";
import { plantLock } from "../hosts/harness/plant.ts";
import { procStat } from "../hosts/harness/processes.ts";
import { startProvider } from "../hosts/harness/provider.ts";
import { completedTurn, heldTurn } from "../hosts/harness/turn.ts";
import { quarantined, vitalsJson } from "../hosts/harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const SESSION = "87779aaa-59a8-4c83-8f0e-0f3a59983aaa";
const WORKING = "87779bbb-59a8-4c83-8f0e-0f3a59983aaa";
const LOOK = ["--only", "stale-lock,lock-without-transcript"];
const MINUTE = 60_000;

describe("#87779: a lock goes stale while its gateway lives", () => {
  test("the leaked one goes with a yes and comes back with undo; a working one beside it stays", {
    timeout: 15 * MINUTE,
  }, async () => {
    const provider = await startProvider();
    opened.push(provider);
    const home = await createHome(await ensureHost("2026.5.22"), {
      provider,
      env: { OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS: "5000" },
    });
    opened.push({ close: home.dispose });
    const gateway = await startGateway(home);
    const first = await gatewayTurn(home, gateway, { sessionId: SESSION });
    expect(first.ok, first.stderr).toBe(true);
    const payload = {
      pid: gateway.pid,
      createdAt: new Date(Date.now() - 6 * MINUTE).toISOString(),
      maxHoldMs: 1_020_000,
      starttime: procStat(gateway.pid)?.startTicks,
    };
    const path = await plantLock(home, { sessionId: SESSION, payload, ageMs: 6 * MINUTE });
    const text = readFileSync(path, "utf8");

    const asked = provider.requests.length;
    const locked = await completedTurn(home, { sessionId: SESSION });
    expect(locked.ok).toBe(false);
    expect(locked.stdout + locked.stderr).toContain(`session file locked (timeout 5000ms): pid=${gateway.pid} `);
    expect(provider.requests.length, "the model is not asked").toBe(asked);

    const doctor = await home.run(["doctor", "--fix", "--non-interactive"], {
      env: { OPENCLAW_DISABLE_BUNDLED_PLUGINS: "1" },
    });
    expect(doctor.stdout, "control: the host's own doctor has nothing against it").not.toContain("[removed]");
    expect(readFileSync(path, "utf8")).toBe(text);

    provider.hold("this one works");
    const working = await heldTurn(home, provider, { sessionId: WORKING, message: "this one works" }, gateway);
    expect(working.lock?.pid, "the same process").toBe(gateway.pid);
    const before = statSync(working.path, { bigint: true });
    const seen = await vitalsJson(home, ["check", ...LOOK]);
    expect(seen.document.findings).toMatchObject([
      { checkId: "vitals/stale-lock", verdict: "leaked", severity: "error", path, fix: { risk: "confirm" } },
    ]);
    const asks = await vitalsJson(home, ["fix", "--non-interactive", ...LOOK]);
    expect(asks.document.repairs).toMatchObject([{ status: "skipped", path }]);
    expect(asks.document.repairs[0].reason).toContain("--yes");
    expect(readFileSync(path, "utf8")).toBe(text);

    const fixed = await vitalsJson(home, ["fix", "--yes", ...LOOK]);
    expect(fixed).toMatchObject({ code: 0, document: { repairs: [{ status: "repaired", path }], remaining: [] } });
    expect(existsSync(path)).toBe(false);
    expect(quarantined(home).map((kept) => kept.text)).toEqual([text]);
    expect(statSync(working.path, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
    const alive = await completedTurn(home, { sessionId: SESSION });
    expect(alive.ok, alive.stdout + alive.stderr).toBe(true);
    expect(statSync(working.path, { bigint: true }), "still at it").toMatchObject({ ino: before.ino });

    const undo = await vitalsJson(home, ["undo"]);
    expect(undo.document.undone).toMatchObject([{ status: "restored", path }]);
    expect(readFileSync(path, "utf8")).toBe(text);
    provider.setReply("done after all");
    provider.release();
    const worked = await working.turn.finished;
    expect(worked.stdout, worked.stderr).toContain("done after all");
  });
});
