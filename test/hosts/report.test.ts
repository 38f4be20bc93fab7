/** A bug report of a real host with its gateway at work, and the host's own export in it. */
import { randomUUID } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, describe, expect, test } from "vitest";
import { startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { deadPid, plantLock } from "./harness/plant.ts";
import { vitals, vitalsJson } from "./harness/vitals.ts";

const AGENT = "klabautermann";
const opened: { close(): Promise<void> }[] = [];

afterAll(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** A PATH on which the host's own command is found. */
function pathWithHost(home: Home): string {
  const command = join(home.dir, "openclaw");
  writeFileSync(command, `#!/bin/sh\nexec "${home.host.node}" "${home.host.entry}" "$@"\n`);
  chmodSync(command, 0o755);
  return `${home.dir}:${home.env["PATH"]}`;
}

async function plantDead(home: Home, sessionId: string): Promise<void> {
  const payload = { pid: await deadPid(), createdAt: new Date().toISOString() };
  await plantLock(home, { agent: AGENT, sessionId, payload, transcript: true });
}

/** Text files of a zip by name. */
function entries(zip: Uint8Array): Record<string, string> {
  const files = Object.entries(unzipSync(zip));
  return Object.fromEntries(files.map(([name, bytes]) => [name, Buffer.from(bytes).toString("utf8")]));
}

describe.concurrent.each(HOST_VERSIONS)("openclaw %s", (version) => {
  test("report --with-diagnostics beside a running gateway", { timeout: 900_000 }, async () => {
    const home = await createHome(await ensureHost(version));
    opened.push({ close: home.dispose });
    const [repaired, locked] = [randomUUID(), randomUUID()];
    const flags = ["--host-version", version];
    await plantDead(home, repaired);
    expect((await vitalsJson(home, ["fix", "--only", "stale-lock", ...flags])).document.repairs).toMatchObject([
      { status: "repaired" },
    ]);
    await startGateway(home, { until: "/readyz" });

    const file = join(home.dir, "report.zip");
    // While it still starts, 2026.5.22 takes such a lock away itself: then once more.
    for (let round = 0, seen = false; round < 5 && !seen; round += 1) {
      await plantDead(home, locked).catch((error: NodeJS.ErrnoException) => expect(error.code).toBe("EEXIST"));
      const made = await vitals(home, ["report", "--output", file, "--force", "--with-diagnostics", ...flags], {
        timeoutMs: 300_000,
        env: { PATH: pathWithHost(home) },
      });
      expect(made, made.stderr).toMatchObject({ code: 0, stdout: `Wrote ${file}\n`, stderr: "" });
      seen = entries(readFileSync(file))["diagnosis.json"]?.includes("vitals/stale-lock") ?? false;
    }
    const { "openclaw-own-diagnostics/openclaw-diagnostics.zip": _bytes, ...own } = entries(readFileSync(file));
    expect(Object.keys(own).sort()).toEqual([
      "diagnosis.json",
      "journal.json",
      "openclaw-own-diagnostics/README.txt",
      "report.md",
      "vital-signs.json",
    ]);
    const text = JSON.stringify(own);
    for (const secret of [AGENT, repaired, locked, home.dir, home.gatewayToken, hostname()])
      expect(text, secret).not.toContain(secret);
    expect(own["report.md"]).toContain(`### OpenClaw version\n\n${version} (--host-version)`);
    expect(own["report.md"]).toMatch(/- gateway: running\n- \/healthz: (?:answered 200|silent) after \d+ ms\n/);

    // The lock that was repaired and the one that stands are of one agent, and of two sessions.
    const { findings } = JSON.parse(own["diagnosis.json"] ?? "");
    const lock = findings.find(({ checkId }: { checkId: string }) => checkId === "vitals/stale-lock");
    const [entry] = JSON.parse(own["journal.json"] ?? "");
    const place = /^agents\/(agent-\d)\/sessions\/(session-\d)\.jsonl\.lock$/;
    const [, agent, session] = place.exec(lock.path) ?? [];
    expect(place.exec(entry.path)?.[1]).toBe(agent);
    expect(place.exec(entry.path)?.[2]).not.toBe(session);
    expect(lock.target).toBe(`agent ${agent}, session ${session}`);

    const zip = unzipSync(readFileSync(file))["openclaw-own-diagnostics/openclaw-diagnostics.zip"];
    expect(Object.keys(unzipSync(zip ?? new Uint8Array())).some((name) => name.endsWith(".json"))).toBe(true);

    const metrics = await vitals(home, ["--format", "prometheus", ...flags]);
    expect(metrics.stdout).toMatch(/^openclaw_vitals_locks\{kind="gateway",verdict="held"\} [1-9]/m);
    // On a busy machine it may be late, which is an answer, too.
    expect(metrics.stdout).toMatch(/^openclaw_vitals_gateway_answers [01]$/m);
    expect(metrics.stdout).toMatch(/^openclaw_vitals_gateway_resident_memory_bytes [1-9]\d{7,}$/m);
    expect(metrics.stdout).not.toContain(AGENT);
  });
});
