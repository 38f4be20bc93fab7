/** A lock in use is never touched: 50 repairs run beside a real turn, and a control that does lose it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { expectDoctorDestroys } from "./harness/host-doctor.ts";
import { ensureHost, HOST_VERSIONS } from "./harness/hosts.ts";
import { deadPid, plantLock } from "./harness/plant.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { type HeldTurn, heldTurn } from "./harness/turn.ts";
import { vitalsJson } from "./harness/vitals.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function setUp(version: (typeof HOST_VERSIONS)[number]) {
  const provider = await startProvider();
  opened.push(provider);
  const home = await createHome(await ensureHost(version), { provider });
  opened.push({ close: home.dispose });
  return { home, provider };
}

/** Repairs 50 times beside the turn; a dead lock planted next to it shows each time that the repair really works. */
async function repairBeside(home: Home, { path, lock }: HeldTurn): Promise<void> {
  const before = lock === undefined ? undefined : statSync(path, { bigint: true });
  for (let round = 0; round < 50; round += 1) {
    const payload = { pid: await deadPid(), createdAt: new Date().toISOString() };
    const dead = await plantLock(home, { sessionId: `dead-${round}`, payload });
    const fix = await vitalsJson(home, ["fix", "--non-interactive", "--host-version", home.host.version]);
    expect(fix.document.repairs).toMatchObject([{ status: "repaired", path: dead }]);
  }
  if (before === undefined) return;
  expect(readFileSync(path, "utf8")).toContain(`"pid": ${lock?.pid}`);
  expect(statSync(path, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
}

async function expectCompletes(held: HeldTurn, provider: Provider): Promise<void> {
  provider.setReply("done after all");
  provider.release();
  const turn = await held.turn.finished;
  expect(turn.code, turn.stderr).toBe(0);
  expect(turn.stdout).toContain("done after all");
}

describe.each(HOST_VERSIONS)("a running turn of openclaw %s", (version) => {
  test("`agent --local` keeps its lock through 50 fix runs and completes", async () => {
    const { home, provider } = await setUp(version);
    const held = await heldTurn(home, provider, { sessionId: "local-turn" });
    await repairBeside(home, held);
    await expectCompletes(held, provider);
    expect(existsSync(held.path), "released by its owner").toBe(false);
  });

  test("a turn in the gateway keeps its lock through 50 fix runs and completes", async () => {
    const { home, provider } = await setUp(version);
    const gateway = await startGateway(home);
    const held = await heldTurn(home, provider, { sessionId: "gateway-turn" }, gateway);
    if (held.lock !== undefined) expect(held.lock.pid).toBe(gateway.pid);
    await repairBeside(home, held);
    await expectCompletes(held, provider);
  });
});

test("control: 2026.5.22's own doctor destroys the lock of a running `agent --local`, and this test sees it", async () => {
  const { home, provider } = await setUp("2026.5.22");
  const held = await heldTurn(home, provider, { sessionId: "lost" });
  await expectDoctorDestroys(home, held, provider);
});
