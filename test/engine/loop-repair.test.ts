/** When a gateway is restarted for its event loop, and what proves that it helped. */
import { mkdirSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import fix from "../../fixes/event-loop-delay.ts";
import { answersAgain, stillBlocked } from "../../src/engine/loop-repair.ts";
import { defaultPolicy } from "../../src/engine/policy.ts";
import type { Finding } from "../../src/engine/types.ts";
import { type Facts, gatherFacts } from "../../src/facts/facts.ts";
import type { GatewayProbe } from "../../src/facts/vital-signs.ts";
import { put, tempDir } from "../facts/sandbox.ts";
import { answered, probe, silent, watch } from "./loop-scenes.ts";

function facts(parts: Partial<Facts> = {}): Facts {
  const stateDir = path.join(tempDir(), ".openclaw");
  mkdirSync(stateDir);
  put(path.join(stateDir, "openclaw.json"), "{}");
  return { ...gatherFacts({ stateDir, hostVersion: "2026.5.22", env: {} }), ...parts };
}

const blocked = probe({ health: silent(), ready: silent() });

test.each<[string, GatewayProbe | null, readonly number[], true | RegExp]>([
  ["blocked as before", blocked, [-1_200], true],
  ["late again and again", probe({ health: answered(1_400) }), [1_400, 1_400, 1_400], true],
  ["free again", probe(), [], /^it answers again$/],
  ["free again in the second look", blocked, [900, 3, 3], /^it answers again$/],
  ["late once", probe({ health: answered(1_400) }), [3, 3, 3], /^it answers again$/],
  [
    "started meanwhile",
    probe({ health: silent(), ready: silent(), ageMs: 20_000 }),
    [-1_200],
    /^it has just been started$/,
  ],
  ["gone", null, [], /^no gateway is there any more/],
])("a gateway is looked at again right before: %s", async (_, seen, waits, outcome) => {
  const liveWatch = async () => watch(waits);
  const still = await stillBlocked(facts({ gatewayProbe: async () => seen, liveWatch }), defaultPolicy);
  if (outcome === true) expect(still).toBe(true);
  else expect(still).toMatchObject({ status: "skipped", reason: expect.stringMatching(outcome) });
});

async function listen(answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

test("three answers in a row prove that it answers; one in between that does not come starts them anew", async () => {
  let asked = 0;
  const port = await listen((_, response) => {
    asked += 1;
    if (asked !== 3) response.end("{}");
  });
  const outcome = await answersAgain(port, 300, { withinMs: 60_000, pauseMs: 1 });
  expect(outcome).toMatchObject({
    status: "repaired",
    changes: [expect.stringMatching(/^it answers again, within \d+ ms$/)],
  });
  expect(asked).toBe(6);
});

test("without them the restart has not helped", async () => {
  const port = await listen(() => {});
  expect(await answersAgain(port, 50, { withinMs: 120, pauseMs: 1 })).toEqual({
    status: "failed",
    reason: "it still does not answer within 50 ms; see its log",
  });
});

test("a finding about the config is repaired there, one about the gateway at the gateway", async () => {
  const finding = {
    checkId: "vitals/event-loop-delay",
    id: "x",
    severity: "error",
    evidence: [],
  } as unknown as Finding;
  const about = facts({ gatewayProbe: async () => null, unseenGateway: async () => null });
  expect(await fix.plan(finding, about, defaultPolicy)).toMatchObject({ skip: expect.stringContaining("no gateway") });
  const config = await fix.plan({ ...finding, ocPath: "agents.defaults.maxConcurrent" }, about, defaultPolicy);
  expect(config).not.toEqual(await fix.plan(finding, about, defaultPolicy));
  expect(config).toHaveProperty("skip");
});
