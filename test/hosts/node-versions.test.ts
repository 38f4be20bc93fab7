/** The packed package, installed for production as users do, under every line of Node that it says it runs under. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageFile } from "../../src/package.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost, HOST_VERSIONS, type HostVersion } from "./harness/hosts.ts";
import { packProject } from "./harness/install.ts";
import { ensureNode, NODE_VERSIONS, OLD_NODE_VERSIONS } from "./harness/nodes.ts";
import { installProduction } from "./harness/packages.ts";
import { deadPid, plantLock } from "./harness/plant.ts";
import type { Running } from "./harness/processes.ts";
import { hasTmux, openTerminal } from "./harness/terminal.ts";

const PLANTED_AT = Date.now() - 3 * 86_400_000;
const NODES: Record<string, string> = {};
const homes = {} as Record<HostVersion, Home>;
let program: Running;
let dead: number;
let bin: string;

beforeAll(async () => {
  for (const version of [...NODE_VERSIONS, ...OLD_NODE_VERSIONS]) NODES[version] = await ensureNode(version);
  for (const version of HOST_VERSIONS) homes[version] = await createHome(await ensureHost(version));
  const home = homes["2026.5.22"];
  const folder = join(home.dir, "installed");
  await mkdir(folder);
  await installProduction(folder, await packProject(), { ...process.env, ...home.env });
  bin = join(folder, "node_modules/openclaw-vitals/dist/src/cli/bin.js");
  program = await homes["2026.9.6"].spawnFile("sleep", ["3600"]); // no OpenClaw, and nothing of ours to stop
  dead = await deadPid();
}, 300_000);
afterAll(async () => {
  for (const home of Object.values(homes)) await home.dispose();
});

/** The same state each time: what a finding is known by holds paths and processes. */
async function plant(home: Home): Promise<void> {
  const kept = join(home.dir, "openclaw.json");
  if (!existsSync(kept)) {
    await home.patchConfig({ agents: { defaults: { runRetries: { min: 64, max: 160 } } } });
    await copyFile(home.configPath, kept);
  }
  await rm(home.stateDir, { recursive: true });
  await mkdir(join(home.stateDir, "state"), { recursive: true, mode: 0o700 });
  await copyFile(kept, home.configPath);
  const payload = { pid: dead, createdAt: new Date(PLANTED_AT).toISOString(), maxHoldMs: 1_020_000 };
  const ageMs = Date.now() - PLANTED_AT;
  await plantLock(home, { sessionId: "one", payload, transcript: true, ageMs });
  await plantLock(home, { sessionId: "two", payload, ageMs });
  if (home.host.version === "2026.9.6") plantLease(home);
}

/** A lease that blocks the host: it names a process which is not one. */
function plantLease(home: Home): void {
  const db = new DatabaseSync(join(home.stateDir, "state", "openclaw.sqlite"));
  db.exec(readFileSync(packageFile("test/fixtures/stranded-lease/2026.9.6.sql"), "utf8"));
  db.exec("DELETE FROM state_leases; DELETE FROM agent_database_leases");
  const agent = join(home.stateDir, "agents", "main", "agent", "openclaw-agent.sqlite");
  db.prepare("INSERT INTO agent_database_leases VALUES ('one', 'main', ?, ?, NULL, ?)").run(
    agent,
    program.pid,
    PLANTED_AT,
  );
  db.close();
}

async function run(home: Home, node: string, args: readonly string[], env: Record<string, string> = {}) {
  const running = await home.spawnFile(NODES[node] as string, [bin, ...args], { env, timeoutMs: 120_000 });
  const { code, stdout, stderr } = await running.finished;
  return { code, stdout, stderr };
}

/** Runs the command, which must succeed and say nothing on stderr, such as a warning of Node's. */
async function quietly(home: Home, node: string, args: readonly string[], expected = 0): Promise<string> {
  const { code, stdout, stderr } = await run(home, node, [...args, "--host-version", home.host.version]);
  expect({ args, code, stderr }, stdout).toEqual({ args, code: expected, stderr: "" });
  return stdout;
}

/** What a finding says that does not depend on when it is said. */
function lasting({ id, checkId, severity, path, verdict, confidence, fix, evidence }: Record<string, unknown>) {
  const what = (evidence as { what: string }[]).map((one) => one.what);
  return { id, checkId, severity, path, verdict, confidence, fix, what };
}

/** Everything a person does on a broken install, in turn. */
async function everything(home: Home, node: string) {
  await plant(home);
  const checked = JSON.parse(await quietly(home, node, ["check", "--json"], 1));
  const fixed = JSON.parse(await quietly(home, node, ["fix", "--yes", "--json"]));
  const history = await quietly(home, node, ["history"]);
  const undone = JSON.parse(await quietly(home, node, ["undo", "--yes", "--json"]));
  const again = JSON.parse(await quietly(home, node, ["check", "--json"], 1));
  const demo = await quietly(home, node, ["demo"]);
  const zip = join(home.stateDir, "x.zip");
  await quietly(home, node, ["report", "--output", zip]);
  const policy = await quietly(home, node, ["policy"]);
  const help = await quietly(home, node, ["--help"]);
  return {
    findings: checked.findings.map(lasting),
    again: again.findings.map(lasting),
    repairs: fixed.repairs.map(({ checkId, target, status }: Record<string, unknown>) => ({ checkId, target, status })),
    remaining: fixed.remaining.map(lasting),
    runs: history.split("\n").length,
    undone: undone.undone.map(({ status }: { status: string }) => status),
    demo: demo.split("\n").length,
    zip: readFileSync(zip).subarray(0, 4).toString("latin1"),
    policy,
    help,
  };
}

describe.each(HOST_VERSIONS)("on a state of %s", (version) => {
  test("everything works, without a warning, and comes to the same under each Node", async () => {
    const [oldest, ...others] = NODE_VERSIONS;
    const expected = await everything(homes[version], oldest);
    const checks = expected.findings.map(({ checkId }: { checkId: string }) => checkId);
    const blocked = version === "2026.9.6" ? "vitals/stranded-lease" : "vitals/lock-without-transcript";
    expect(checks).toEqual(expect.arrayContaining(["vitals/stale-lock", "vitals/retry-ceiling", blocked]));
    expect(new Set(expected.repairs.map(({ status }: { status: string }) => status))).toEqual(new Set(["repaired"]));
    expect(expected.undone).toEqual(expected.repairs.map(() => "restored"));
    expect(expected.again).toEqual(expected.findings);
    expect(expected).toMatchObject({ zip: "PK\u0003\u0004", help: expect.stringContaining("Usage:") });
    for (const node of others) expect(await everything(homes[version], node), `Node ${node}`).toEqual(expected);
  });
});

test.each(NODE_VERSIONS)("Node %s looks at many locks with little memory", async (node) => {
  const home = homes["2026.5.22"];
  const many = join(home.dir, "many", "agents", "main", "sessions");
  if (!existsSync(many)) {
    mkdirSync(many, { recursive: true });
    const text = JSON.stringify({ pid: dead, createdAt: new Date(PLANTED_AT).toISOString() });
    for (let n = 0; n < 20_000; n += 1) writeFileSync(join(many, `s${n}.jsonl.lock`), text);
  }
  const args = ["check", "--only", "stale-lock", "--only", "lock-without-transcript", "--json"];
  const state = ["--state-dir", join(home.dir, "many"), "--host-version", "2026.5.22"];
  const peak = join(home.dir, `peak-${node}`);
  const measured = ["--import", packageFile("bench/programs/peak-memory.mjs"), bin, ...args, ...state];
  const running = await home.spawnFile(NODES[node] as string, measured, { env: { VITALS_BENCH_PEAK: peak } });
  const { code, stdout, stderr } = await running.finished;
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(JSON.parse(stdout).findings).toHaveLength(20_000);
  // A finding in words takes two kilobytes; without any, Node takes some 50 MB.
  expect(Number(readFileSync(peak, "utf8")) / 1_048_576).toBeLessThan(110);
});

test.each(NODE_VERSIONS)("Node %s keeps a baseline of a host that runs under its own", async (node) => {
  const home = homes["2026.5.22"];
  const folder = join(home.dir, "path");
  await mkdir(folder, { recursive: true });
  await symlink(home.host.entry, join(folder, "openclaw")).catch(() => {});
  const PATH = `${folder}:${home.env["PATH"]}`;
  const saved = await run(home, node, ["baseline", "save", node.replaceAll(".", "-"), "--only", "startup"], { PATH });
  expect(saved).toEqual({ code: 0, stderr: "", stdout: expect.stringContaining("2026.5.22") });
});

test.skipIf(!hasTmux).each(NODE_VERSIONS)(
  "Node %s asks on a terminal, and shows no warning (needs tmux)",
  async (node) => {
    const home = homes["2026.5.22"];
    await plant(home);
    const terminal = await openTerminal(home, ["fix", "--only", "stale-lock", "--host-version", "2026.5.22"], {
      program: [NODES[node] as string, bin],
    });
    await terminal.waitFor(/Which of these shall be repaired/, 60_000);
    await terminal.press("Enter");
    await terminal.waitFor(/Do this now\?/, 60_000);
    await terminal.press("Enter");
    expect(await terminal.exited(60_000)).toBe(0);
    const screen = await terminal.screen(true);
    expect(screen).toContain("repaired");
    expect(screen).not.toMatch(/warning/i);
    await terminal.close();
  },
);

describe.each(OLD_NODE_VERSIONS)("Node %s", (node) => {
  test.each([["check"], ["fix", "--yes"], ["--help"]])("%s says which Node it needs", async (...args) => {
    const { code, stdout, stderr } = await run(homes["2026.5.22"], node, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`openclaw-vitals needs Node >=${NODE_VERSIONS[0]}; this is ${node}. `);
  });

  test("with --json, in a document", async () => {
    const { code, stdout } = await run(homes["2026.5.22"], node, ["check", "--json"]);
    expect({ code, document: JSON.parse(stdout) }).toMatchObject({ code: 2, document: { ok: false, findings: [] } });
  });
});
