/** A gateway made small whose recorded memory grows: from the sampler's file to the restart and its proof. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";
import { readLife, readRss } from "../../src/facts/gateway.ts";
import { getJson } from "../../src/facts/loopback.ts";
import { lifeLine, sampleLine, vitalRingPath } from "../../src/facts/vital-ring.ts";
import { FAKE_HOST, startFakeGateway } from "../engine/fake-gateway.ts";
import { makeSandbox, onLinux } from "../engine/sandbox.ts";

const MB = 1_048_576;

/** A gateway that has grown by 60 MB a minute for the last 12 minutes, as its sampler's file says. */
async function leaking(how: string, { supervised = false, stuck = false } = {}) {
  const sandbox = makeSandbox();
  const { stateDir } = sandbox;
  const session = path.join(sandbox.sessions(), "stuck.jsonl.lock");
  mkdirSync(path.dirname(session), { recursive: true });
  writeFileSync(session.replace(".lock", ""), "{}\n");
  const lockPath = path.join(stateDir, "tmp", `openclaw-${os.userInfo().uid}`, "gateway.state.lock");
  const gateway = await startFakeGateway({ lockPath, supervised, sessionLocks: stuck ? [session] : [] });
  await getJson(gateway.port, "/leak", 10_000);
  const now = Date.now();
  const rssNow = readRss(gateway.pid) ?? 0;
  const life = { id: "a", ...gateway, startedAtMs: now - 15 * 60_000, hostVersion: "2026.9.6" };
  const samples = Array.from({ length: 72 }, (_, i) => ({
    atMs: now - (72 - i) * 10_000,
    rssBytes: 1000 * MB + rssNow - (72 - i) * 10 * MB,
    spanMs: 10_000,
    maxDelayMs: 1,
    p99DelayMs: 1,
    utilization: 0,
    heapBytes: 50 * MB,
    externalBytes: 0,
  }));
  const ring = vitalRingPath(stateDir);
  mkdirSync(path.dirname(ring), { recursive: true, mode: 0o700 });
  writeFileSync(ring, [lifeLine(life), ...samples.map((sample) => sampleLine("a", sample))].join(""), { mode: 0o600 });
  const bin = path.join(path.dirname(stateDir), "bin");
  mkdirSync(bin);
  writeFileSync(path.join(bin, "openclaw"), `#!/bin/sh\nexec "${process.execPath}" "${FAKE_HOST}" "$@"\n`);
  chmodSync(path.join(bin, "openclaw"), 0o755);
  const options: RepairOptions = {
    stateDir,
    hostVersion: "2026.9.6",
    only: ["rss-growth"],
    env: {
      HOME: path.dirname(stateDir),
      PATH: bin,
      OPENCLAW_GATEWAY_PORT: String(gateway.port),
      FAKE_SERVICE: how,
      FAKE_REQUEST: how,
    },
  };
  return { gateway, options };
}

describe.runIf(onLinux)("a gateway that leaks", () => {
  test("is restarted only with --force, and a new process that needs less proves it", async () => {
    const { gateway, options } = await leaking("exit", { supervised: true });
    const asked = await repair({ ...options, yes: true });
    expect(asked.repairs).toMatchObject([{ status: "skipped", risk: "disruptive", target: "gateway" }]);
    expect(asked.repairs[0]?.reason).toContain("--force");
    expect(asked.repairs[0]?.effects[0]?.action).toContain("interrupts no turn that holds a lock");
    expect(readLife(gateway.lockPath)).toMatchObject({ pid: gateway.pid });

    const { repairs, remaining, ok } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "repaired" }]);
    const [restarted = "", memory = ""] = repairs[0]?.changes ?? [];
    expect(restarted).toMatch(new RegExp(`process ${gateway.pid} is now process \\d+$`));
    expect(memory).toMatch(/^memory: \d+ MiB before and \d+ MiB \d+ s after$/);
    expect(ok).toBe(true);
    expect(remaining, "the new one has not been seen for long enough").toMatchObject([{ severity: "info", fix: null }]);
  });

  test("and restarts within its process is not mended, and the way that mends it is said", async () => {
    const { gateway, options } = await leaking("within");
    const { repairs, remaining, ok } = await repair({ ...options, force: true });
    expect(repairs).toMatchObject([{ status: "failed" }]);
    expect(repairs[0]?.reason).toContain(
      `within process ${gateway.pid}, so its memory was not freed; to restart it for good: `,
    );
    expect(ok).toBe(false);
    expect(remaining).toMatchObject([{ checkId: "vitals/rss-growth", severity: "warning" }]);
  });

  test("is restarted once where a stuck turn asks for it as well", async () => {
    const { gateway, options } = await leaking("exit", { supervised: true, stuck: true });
    const { repairs } = await repair({ ...options, only: ["stale-lock", "rss-growth"], force: true });
    const byCheck = new Map(repairs.map((repair) => [repair.checkId, repair]));
    expect(byCheck.get("vitals/stale-lock")).toMatchObject({ status: "repaired" });
    expect(byCheck.get("vitals/rss-growth")).toMatchObject({ status: "repaired" });
    const changes = repairs.flatMap((repair) => repair.changes);
    const restarts = changes.filter((change) => change.includes(`process ${gateway.pid} is now process`));
    expect(changes.filter((change) => change.startsWith("restarted the gateway"))).toHaveLength(1);
    expect(restarts.length, changes.join("; ")).toBe(2);
  });
});
