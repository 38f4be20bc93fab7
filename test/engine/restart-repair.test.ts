/** The one restart all checks share, from the plan to what is reported, with a gateway made small. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { defaultPolicy } from "../../src/engine/policy.ts";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { RESTART_LIMITS, type RestartLimits } from "../../src/engine/restart.ts";
import { planRestart, type RestartRequest } from "../../src/engine/restart-repair.ts";
import type { Finding } from "../../src/engine/types.ts";
import { gatherFacts } from "../../src/facts/facts.ts";
import { readLife } from "../../src/facts/gateway.ts";
import { getJson } from "../../src/facts/loopback.ts";
import { FAKE_HOST, startFakeGateway } from "./fake-gateway.ts";
import { makeSandbox, onLinux } from "./sandbox.ts";

const LIMITS: RestartLimits = { ...RESTART_LIMITS, nothingMs: 100, pollMs: 20, settleMs: 50, settledWithinMs: 1000 };
const FINDING = { id: "f", evidence: [] } as unknown as Finding;

/** A gateway and the plan to restart it, by a host's command that does `how`. */
async function made(how: string, change: Partial<RestartRequest> = {}, supervised = false) {
  const { stateDir } = makeSandbox();
  const lockPath = path.join(stateDir, "tmp", `openclaw-${os.userInfo().uid}`, "gateway.state.lock");
  const gateway = await startFakeGateway({ lockPath, supervised });
  const bin = path.join(path.dirname(stateDir), "bin");
  mkdirSync(bin);
  writeFileSync(path.join(bin, "openclaw"), `#!/bin/sh\nexec "${process.execPath}" "${FAKE_HOST}" "$@"\n`);
  chmodSync(path.join(bin, "openclaw"), 0o755);
  const env = {
    HOME: path.dirname(stateDir),
    PATH: bin,
    FAKE_SERVICE: how,
    FAKE_REQUEST: how,
    OPENCLAW_GATEWAY_PORT: String(gateway.port),
  };
  const facts = gatherFacts({ stateDir, hostVersion: "2026.9.6", env });
  const request: RestartRequest = {
    finding: FINDING,
    facts,
    policy: defaultPolicy,
    gateway: await facts.gateway(30),
    frees: "loop",
    interrupts: "ends all that runs",
    needed: async () => true,
    limits: LIMITS,
    ...change,
  };
  const apply = async () => {
    const plan = await planRestart(request);
    if ("skip" in plan) return plan;
    const quarantine = openQuarantine(stateDir, "r");
    try {
      return await plan.apply({ run: "r", fixId: "x", checkId: "vitals/x", findingId: "f", quarantine });
    } finally {
      quarantine.close();
    }
  };
  const phases = () => readJournal(stateDir).map(({ phase }) => phase);
  return { stateDir, gateway, request, apply, phases, port: gateway.port };
}

describe.runIf(onLinux)("a restart", () => {
  test("for the loop needs no new process, and no word of the check that asked for it", async () => {
    const { apply, gateway, phases } = await made("within");
    const outcome = await apply();
    expect(outcome).toEqual({
      status: "repaired",
      changes: [expect.stringMatching(`^restarted the gateway in \\d+ s, within process ${gateway.pid}`)],
    });
    expect(phases()).toEqual(["intent", "done"]);
  });

  test("for memory that stays within its process has failed, and was warned of", async () => {
    const { apply, request, gateway, phases } = await made("within", { frees: "memory" });
    const plan = await planRestart(request);
    expect("effects" in plan && plan.effects[0]?.action).toMatch(
      /which ends all that runs; no service manager is seen to run it, and one that restarts within its process frees/,
    );
    expect(await apply()).toEqual({
      status: "failed",
      reason: expect.stringMatching(
        `within process ${gateway.pid}, so its memory was not freed; to restart it for good: `,
      ),
    });
    expect(phases(), "but it did happen").toEqual(["intent", "done"]);
    expect(await apply(), "and is not tried again at once").toEqual({
      skip: expect.stringContaining("less than 10 min"),
    });
  });

  test("for memory is proven by a new process that needs less", async () => {
    const { apply, gateway, port, stateDir } = await made("exit", { frees: "memory" }, true);
    await getJson(port, "/leak", 10_000);
    const outcome = await apply();
    expect(outcome).toMatchObject({ status: "repaired" });
    const [restarted = "", memory = ""] = "changes" in outcome ? outcome.changes : [];
    expect(restarted).toMatch(/^restarted the gateway in \d+ s: process \d+ is now process \d+$/);
    const [, before, after] = /^memory: (\d+) MiB before and (\d+) MiB \d+ s after$/.exec(memory) ?? [];
    expect(Number(before) - Number(after)).toBeGreaterThan(100);
    expect(readLife(gateway.lockPath)?.pid).not.toBe(gateway.pid);
    const folder = path.join(stateDir, "vitals", "quarantine", "r");
    const [kept = ""] = readdirSync(folder);
    expect(JSON.parse(readFileSync(path.join(folder, kept), "utf8"))).toMatchObject({ frees: "memory", v: 2 });
  });

  test("of a gateway that answers nobody is tried, ends in time, and is reported as none", async () => {
    const { apply, gateway, phases } = await made("failed", { limits: { ...LIMITS, answerMs: 200 } });
    process.kill(gateway.pid, "SIGSTOP");
    try {
      expect(await apply()).toEqual({
        status: "failed",
        reason: expect.stringMatching(
          /the gateway runs on as before \(it does not answer: .*look again later\); to restart/,
        ),
      });
    } finally {
      process.kill(gateway.pid, "SIGCONT");
    }
    expect(phases()).toEqual(["intent", "kept"]);
    expect(readLife(gateway.lockPath)).toMatchObject({ createdAtMs: gateway.createdAtMs });
  });

  test("is none when the check finds that nothing is left to restart for", async () => {
    const needed = async () => ({ status: "skipped", reason: "it answers again" }) as const;
    const { apply, gateway, phases } = await made("within", { needed });
    expect(await apply()).toEqual({ status: "skipped", reason: "it answers again" });
    expect(phases()).toEqual([]);
    expect(readLife(gateway.lockPath)).toMatchObject({ createdAtMs: gateway.createdAtMs });
  });

  test("of no gateway is said to be none", async () => {
    const { apply } = await made("within", { gateway: null });
    // One runs, so its lock is held; the caller says that it is not the one.
    expect(await apply()).toEqual({ skip: expect.stringContaining("start it with its service") });
  });
});
