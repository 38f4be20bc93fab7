/**
 * A real gateway at work in a PID namespace of its own, as in a container that shares state dir and port: whatever its
 * locks and leases look like from elsewhere, none of them is touched.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { readDatabaseCopy } from "../../src/facts/sqlite-copy.ts";
import { type Gateway, startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { expectDoctorDestroys } from "./harness/host-doctor.ts";
import { ensureHost, type HostVersion } from "./harness/hosts.ts";
import { type Finished, until } from "./harness/processes.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { type HeldTurn, heldTurn } from "./harness/turn.ts";
import { BIN, NO_NOTES, quarantined, withPlugin } from "./harness/vitals.ts";

// Making a PID namespace needs root here; elsewhere the table of verdicts is covered by unit tests alone.
const asRoot = test.skipIf(process.getuid?.() !== 0);
const NEW_NAMESPACE = ["--pid", "--fork", "--kill-child", "--mount-proc"];
const TIME_LIMIT_MS = 600_000;
const OWN = `openclaw-${process.getuid?.()}`;
/** In a container a gateway is seldom the first process; here it is about the fortieth. */
const AS_A_LATER_PROCESS =
  'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do true & wait; true & wait; true & wait; done; "$@" & wait';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** A place to run our commands from. */
interface Place {
  run(program: string, args: readonly string[]): Promise<Finished>;
  /** Where to run instead, as it is said here: the holder's number is wrong but it is seen, or it is not seen at all. */
  readonly where: string;
}

/** A second PID namespace, older than the gateway, in which more process ids were given out than the gateway's. */
async function enterSecondNamespace(home: Home): Promise<Place> {
  const script = "i=0; while [ $i -lt 200 ]; do true & wait; i=$((i+1)); done; echo ready; exec sleep 3600";
  const running = await home.spawnFile("unshare", [...NEW_NAMESPACE, "sh", "-c", script]);
  await until(() => running.stdout().includes("ready"), 60_000, "the second namespace is there");
  const first = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8").trim();
  return {
    where: "Run openclaw-vitals where the gateway runs: in its container",
    async run(program, args) {
      const inside = ["--target", first, "--pid", "--mount", program, ...args];
      return await (await home.spawnFile("nsenter", inside, { timeoutMs: 120_000 })).finished;
    },
  };
}

async function setUp(version: HostVersion, prepare = async (home: Home) => home) {
  const provider = await startProvider();
  opened.push(provider);
  const home = await createHome(await ensureHost(version), { provider });
  opened.push({ close: home.dispose });
  await prepare(home);
  const second = await enterSecondNamespace(home);
  const first: Place = {
    where: "Run openclaw-vitals in the container that holds it.",
    run: async (program, args) => await (await home.spawnFile(program, args, { timeoutMs: 120_000 })).finished,
  };
  const start = ["sh", "-c", AS_A_LATER_PROCESS, "sh", home.host.node, home.host.entry];
  const inside: Home = {
    ...home,
    spawn: async (args, run) => await home.spawnFile("unshare", [...NEW_NAMESPACE, ...start, ...args], run),
  };
  const gateway = await startGateway(inside);
  return { provider, home, gateway, places: { first, second } };
}

/** What a lock file is, and what it says. */
const fileState = (path: string) => ({ path, ino: statSync(path).ino, text: readFileSync(path, "utf8") });

/** The gateway's locks, and on 2026.9.6 the keys of its leases, which are renewed all the time. */
async function belongings(home: Home, { lock, path }: HeldTurn) {
  const old = home.host.version === "2026.5.22";
  const dir = old ? join(home.env["TMPDIR"] as string, OWN) : join(home.stateDir, "tmp", OWN);
  const gatewayLocks = readdirSync(dir).filter((name) => /^gateway\..*\.lock$/.test(name));
  const locks = [...gatewayLocks.map((name) => join(dir, name)), ...(lock === undefined ? [] : [path])];
  const read = await readDatabaseCopy(join(home.stateDir, "state", "openclaw.sqlite"), (db) => [
    ...db.prepare("SELECT scope, owner, created_at FROM state_leases").all(),
    ...db.prepare("SELECT lease_id, owner_pid, opened_at FROM agent_database_leases").all(),
  ]);
  const leases = !old && read.status === "read" ? read.value.map((row) => JSON.stringify(row)) : [];
  return { locks: locks.map(fileState), leases };
}

type Belongings = Awaited<ReturnType<typeof belongings>>;

/** Everything there was is still there, as it was; a working gateway may have taken more. */
function expectUntouched(now: Belongings, before: Belongings): void {
  expect(now.locks).toEqual(before.locks);
  expect(now.leases).toEqual(expect.arrayContaining(before.leases));
}

/** Our command from a place, for this host, with every consent given. */
async function vitals({ run }: Place, home: Home, ...command: readonly string[]): Promise<Finished> {
  return await run(home.host.node, [BIN, ...command, "--host-version", home.host.version, ...NO_NOTES]);
}

async function repairFrom(place: Place, home: Home) {
  return JSON.parse((await vitals(place, home, "fix", "--yes", "--force", "--json")).stdout);
}

/** A turn of the gateway is held: whatever is asked of us anywhere, nothing moves, and it is said where to go. */
async function expectKept(home: Home, held: HeldTurn, places: readonly Place[]): Promise<void> {
  const before = await belongings(home, held);
  const [locks, leases] = home.host.version === "2026.5.22" ? [2, 0] : [2, 2];
  expect(before.locks).toHaveLength(locks);
  expect(before.leases.length).toBeGreaterThanOrEqual(leases);
  for (const place of places) {
    const { findings } = JSON.parse((await vitals(place, home, "check", "--json")).stdout);
    expect(findings).toHaveLength(locks);
    for (const finding of findings)
      expect(finding).toMatchObject({ verdict: "unknown", fix: null, fixHint: expect.stringContaining(place.where) });
    const shown = await vitals(place, home, "check", "--only", "gateway-lock");
    expect(shown.stdout).toContain("None of them can be repaired from here.");
    expect(shown.stdout).toContain(place.where);
    const fix = await repairFrom(place, home);
    expect(fix.repairs).toEqual([]);
    expect(new Set(fix.remaining.map(({ verdict }: { verdict: string }) => verdict))).toEqual(new Set(["unknown"]));
    expectUntouched(await belongings(home, held), before);
  }
  expect(quarantined(home)).toEqual([]);
}

async function expectCompletes(held: HeldTurn, provider: Provider): Promise<void> {
  provider.setReply("done after all");
  provider.release();
  const turn = await held.turn.finished;
  expect(turn.code, turn.stderr).toBe(0);
  expect(turn.stdout).toContain("done after all");
}

/** What kept the locks was the gateway at work: once it is dead, the same locks are judged and moved from there. */
async function expectHealedOnceDead(home: Home, gateway: Gateway, place: Place, locks: number): Promise<void> {
  await gateway.kill("SIGKILL");
  const fix = await repairFrom(place, home);
  expect(fix.repairs).toHaveLength(locks);
  for (const repair of fix.repairs) expect(repair).toMatchObject({ status: "repaired" });
  expect(quarantined(home)).toHaveLength(locks);
}

asRoot(
  "2026.5.22: the lock of a turn and of the gateway",
  async () => {
    const { provider, home, gateway, places } = await setUp("2026.5.22");
    const held = await heldTurn(home, provider, { sessionId: "kept" }, gateway);
    await expectKept(home, held, [places.first, places.second]);
    await expectCompletes(held, provider);

    // The control: the host's own doctor, from outside, destroys the lock of a running turn.
    const lost = await heldTurn(home, provider, { sessionId: "lost" }, gateway);
    await expectDoctorDestroys(home, lost, provider);

    await expectHealedOnceDead(home, gateway, places.second, 1);
  },
  TIME_LIMIT_MS,
);

asRoot(
  "2026.9.6: the locks and leases of the gateway, also when its doctor runs elsewhere",
  async () => {
    const { provider, home, gateway, places } = await setUp("2026.9.6", withPlugin);
    const held = await heldTurn(home, provider, { sessionId: "kept" }, gateway);
    await expectKept(home, held, [places.first, places.second]);
    const before = await belongings(home, held);
    for (const { run } of [places.first, places.second]) {
      const doctor = await run(home.host.node, [home.host.entry, "doctor", "--fix", "--non-interactive"]);
      expect(doctor.code, doctor.stdout).toBe(1);
      expect(doctor.stdout + doctor.stderr).toContain("could not enter maintenance");
      expectUntouched(await belongings(home, held), before);
    }
    await expectCompletes(held, provider);

    await expectHealedOnceDead(home, gateway, places.second, 2);
  },
  TIME_LIMIT_MS,
);
