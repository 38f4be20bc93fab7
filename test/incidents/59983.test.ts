/**
 * #59983: the first run of a group session dies, its lock stays with no transcript beside it, and the gateway
 * drops every later message of that channel without a word.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { answeredTurn, gatewayTurn, startGateway } from "../hosts/harness/gateway.ts";
import { createHome } from "../hosts/harness/home.ts";
import { ensureHost } from "../hosts/harness/hosts.ts";
import { recyclePid } from "../hosts/harness/plant.ts";
import { until } from "../hosts/harness/processes.ts";
import { startProvider } from "../hosts/harness/provider.ts";
import { heldTurn, transcriptPath } from "../hosts/harness/turn.ts";
import { NO_NOTES, quarantined, vitalsJson, withPlugin } from "../hosts/harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const CHECK = ["check", "--host-version", "2026.5.22", ...NO_NOTES];
const SESSION = "0d1f6a2e-59a8-4c83-8f0e-0f3a59983aaa";

describe("#59983: a lock without a transcript leaves a channel dead", () => {
  test("a first turn at work is no finding; killed, it is found, and the doctor brings the channel back", async () => {
    const provider = await startProvider();
    opened.push(provider);
    const home = await createHome(await ensureHost("2026.5.22"), { provider });
    opened.push({ close: home.dispose });
    await withPlugin(home);
    const { turn, path } = await heldTurn(home, provider, { sessionId: SESSION });
    expect(existsSync(transcriptPath(home, "main", SESSION)), "no transcript before the first reply").toBe(false);
    const working = await vitalsJson(home, CHECK);
    expect(working).toMatchObject({ code: 0, document: { ok: true, findings: [] } });

    await turn.kill("SIGKILL");
    provider.release();
    expect(existsSync(path)).toBe(true);
    expect(existsSync(transcriptPath(home, "main", SESSION))).toBe(false);
    const dead = await vitalsJson(home, CHECK);
    expect(dead.code).toBe(1);
    expect(dead.document.findings, "reported once, by the check it belongs to").toHaveLength(1);
    expect(dead.document.findings).toMatchObject([
      { checkId: "vitals/lock-without-transcript", verdict: "gone", path },
    ]);

    // As on the reporter's macOS: no start time in the lock, and the pid is another OpenClaw process by now.
    await recyclePid(home, path);
    const gateway = await startGateway(home, { env: { OPENCLAW_SESSION_WRITE_LOCK_ACQUIRE_TIMEOUT_MS: "5000" } });
    const asked = provider.requests.length;
    const dropped = await gatewayTurn(home, gateway, { sessionId: SESSION, message: "anybody there?" });
    expect(provider.requests.length, "the message never reaches the model").toBe(asked);
    expect(JSON.stringify(dropped.stdout)).not.toContain("a reply at last");
    expect(existsSync(path)).toBe(true);

    const doctor = await home.run(["doctor", "--fix", "--non-interactive"]);
    expect(doctor.stdout, doctor.stderr).toContain("Vitals: moved");
    expect(existsSync(path)).toBe(false);
    expect(quarantined(home)).toHaveLength(1);
    provider.setReply("a reply at last");
    await answeredTurn(home, gateway, { sessionId: SESSION, message: "and now?" }, "a reply at last");
    // Slow hosts give the channel a new session after the dropped message; its transcript is written after the answer.
    const isAnswered = (name: string): boolean =>
      /^[0-9a-f-]+\.jsonl$/.test(name) && readFileSync(join(dirname(path), name), "utf8").includes("a reply at last");
    await until(() => readdirSync(dirname(path)).some(isAnswered), 60_000, "a transcript holds the answer");
  });
});
