/**
 * The repair of leases on a real 2026.9.6: the host fails, is repaired while it is down, works, and undo is exact.
 * Long because one database and one gateway serve all cases; another file would start them again.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Gateway, gatewayTurn, startGateway } from "./harness/gateway.ts";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { isRunning, type Running, until } from "./harness/processes.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { completedTurn, heldTurn } from "./harness/turn.ts";
import { quarantined, vitalsJson, withPlugin } from "./harness/vitals.ts";

type Row = Record<string, unknown>;

let provider: Provider;
let home: Home;
let program: Running;
let programStartedAt: number;

beforeAll(async () => {
  provider = await startProvider();
  home = await createHome(await ensureHost("2026.9.6"), { provider });
  await (await startGateway(home)).stop(); // makes the database
  expect((await completedTurn(home, { sessionId: "zero" })).ok).toBe(true); // and the agent's
  program = await home.spawnFile("sleep", ["3600"]); // no OpenClaw, and nothing of ours to stop
  programStartedAt = Date.now();
});
afterEach(() => provider.release());
afterAll(async () => {
  await home.dispose();
  await provider.close();
});

/** Works on the database; while a host has it open, as one more of its processes would. */
function edit<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(home.stateDir, "state", "openclaw.sqlite"), { timeout: 10_000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function rows(): Row[] {
  return edit((db) =>
    ["state_leases", "agent_database_leases"].flatMap((table) => {
      const all = db.prepare(`SELECT rowid AS at, * FROM ${table} ORDER BY at`);
      all.setReadBigInts(true);
      return all.all();
    }),
  ).map(({ at: _at, ...row }) => row);
}

const only = ["--only", "stranded-lease", "--host-version", "2026.9.6"];
const fix = async (...more: readonly string[]) => (await vitalsJson(home, ["fix", ...more, ...only])).document;

/** A lease that names a process which is no OpenClaw. Made before that process began, or after. */
const STATES = [
  {
    name: "an agent's lease, of a younger process",
    verdict: "gone",
    madeAgoMs: 3_600_000,
    table: "agent_database_leases",
    refuses: /An agent database is in use/,
  },
  {
    name: "an agent's lease, of an older process",
    verdict: "unknown",
    madeAgoMs: 40_000,
    table: "agent_database_leases",
    refuses: /An agent database is in use/,
  },
  {
    name: "a gateway's lease, of a younger process",
    verdict: "gone",
    madeAgoMs: 90_000_000,
    table: "state_leases",
    refuses: /Another Gateway owner lease is still active/,
  },
] as const;

function plant({ table, madeAgoMs }: { table: string; madeAgoMs: number }, id = "left-behind"): void {
  const made = Date.now() - madeAgoMs;
  edit((db) => {
    if (table === "agent_database_leases") {
      const database = join(home.stateDir, "agents", "main", "agent", "openclaw-agent.sqlite");
      db.prepare("INSERT INTO agent_database_leases VALUES (?, 'main', ?, ?, NULL, ?)").run(
        id,
        database,
        program.pid,
        made,
      );
      return;
    }
    const owner = { pid: program.pid, host: hostname(), startedAt: null };
    const payload = JSON.stringify({ owner, port: home.gatewayPort, mode: "foreground", supervisor: null });
    db.prepare("INSERT INTO state_leases VALUES ('gateway-owner', 'global', ?, ?, ?, ?, ?, ?)").run(
      id,
      Date.now() + 290_000,
      Date.now() - 60_000,
      payload,
      made,
      made,
    );
  });
}

const planted = (): Row[] =>
  rows().filter((row) => row["lease_id"] === "left-behind" || row["owner"] === "left-behind");

describe.each(STATES)("$name", (state) => {
  // However quick the tests before were: this lease is to be younger than the program.
  beforeAll(async () => {
    if (state.verdict === "unknown")
      await until(() => Date.now() - programStartedAt > state.madeAgoMs + 5_000, 120_000, "the program is old enough");
  });

  test("stops the host; is removed with a yes; then the host starts and a turn completes", async () => {
    plant(state);
    const before = planted();
    expect(before).toHaveLength(1);
    await expect(startGateway(home)).rejects.toThrow(state.refuses);

    const asked = await fix();
    expect(asked).toMatchObject({
      ok: false,
      run: null,
      repairs: [{ status: "skipped", reason: "it needs a yes: run again with --yes" }],
      remaining: [{ verdict: state.verdict }],
    });
    expect(planted()).toEqual(before);

    const fixed = await fix("--yes");
    expect(fixed).toMatchObject({ ok: true, repairs: [{ status: "repaired" }], remaining: [] });
    expect(planted()).toEqual([]);
    expect(isRunning(program.pid)).toBe(true);
    expect(JSON.stringify(fixed)).not.toContain(hostname());
    expect(readFileSync(join(home.stateDir, "vitals", "journal.jsonl"), "utf8")).not.toContain(hostname());

    const gateway = await startGateway(home);
    const turn = await gatewayTurn(home, gateway, { sessionId: `after-${state.table}` });
    expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
    await gateway.stop();
  });

  test("comes back with undo, as it was, and stops the host as before", async () => {
    edit((db) => db.exec("DELETE FROM state_leases; DELETE FROM agent_database_leases"));
    plant(state);
    const before = planted();
    const { run } = await fix("--yes");
    expect(planted()).toEqual([]);
    const undone = (await vitalsJson(home, ["undo", run])).document;
    expect(undone).toMatchObject({ ok: true, undone: [{ status: "restored" }] });
    expect(planted()).toEqual(before);
    await expect(startGateway(home)).rejects.toThrow(state.refuses);
    expect(await fix("--yes")).toMatchObject({ ok: true, repairs: [{ status: "repaired" }] });
  });
});

describe("while a gateway runs", () => {
  let gateway: Gateway;
  const DIED = { table: "agent_database_leases", madeAgoMs: 3_600_000 };
  beforeAll(async () => {
    gateway = await startGateway(home);
    plant(DIED);
  });
  afterAll(async () => {
    await gateway.kill();
    edit((db) => db.exec("DELETE FROM state_leases; DELETE FROM agent_database_leases"));
  });

  /** With a yes, and nothing but what says so is in the way. */
  async function expectRefused(reason: RegExp): Promise<void> {
    const owners = () => rows().map(({ lease_id, owner, scope }) => [lease_id, owner, scope]);
    const [before, kept] = [owners(), quarantined(home).length];
    expect(before.length).toBeGreaterThan(1);
    const refused = await fix("--yes");
    expect(refused).toMatchObject({
      ok: false,
      repairs: [{ status: "skipped", reason: expect.stringMatching(reason) }],
    });
    expect(owners()).toEqual(before);
    expect(quarantined(home)).toHaveLength(kept);
  }

  test("nothing is removed, its own leases least of all", async () => {
    await expectRefused(new RegExp(`^process ${gateway.pid} has the database open: stop OpenClaw first$`));
    expect((await gateway.get("/healthz")).status).toBe(200);
  });

  test("nor in the middle of a turn, which completes", async () => {
    const { turn } = await heldTurn(home, provider, { sessionId: "held" }, gateway);
    await expectRefused(/has the database open/);
    provider.release();
    const done = await turn.finished;
    expect(done.code, done.stdout + done.stderr).toBe(0);
  });

  test("nor from a place from where it cannot be seen: SQLite's own lock says that it is there", async () => {
    // As from another container: no process, lock file or port is asked, only the database.
    const before = rows().length;
    const { removeRow } = await import("../../src/engine/row-removal.ts");
    const { hashRow, readRow } = await import("../../src/facts/sqlite.ts");
    const file = join(home.stateDir, "state", "openclaw.sqlite");
    const key = { lease_id: "left-behind" };
    const row = edit((db) => readRow(db, "agent_database_leases", key));
    const judged = { file, table: "agent_database_leases", key, rowHash: hashRow(row ?? {}) };
    const outcome = removeRow({ row: judged, backup: join(home.dir, "backup.sqlite"), claims: null }, () => {});
    expect(outcome).toEqual({ status: "skipped", reason: `${file} is in use: stop OpenClaw first` });
    expect(rows()).toHaveLength(before);
  });

  test("attempts without end stop neither its turns nor its renewals", async () => {
    const { withDatabaseAlone, IN_USE } = await import("../../src/engine/database-alone.ts");
    const file = join(home.stateDir, "state", "openclaw.sqlite");
    let attempts = 0;
    let working = true;
    const rival = (async () => {
      while (working) {
        expect(withDatabaseAlone(file, () => "alone")).toBe(IN_USE);
        attempts += 1;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    try {
      for (const sessionId of ["rival-1", "rival-2"]) {
        const turn = await gatewayTurn(home, gateway, { sessionId });
        expect(turn.ok, turn.stdout + turn.stderr).toBe(true);
      }
    } finally {
      working = false;
      await rival;
    }
    expect(attempts).toBeGreaterThan(500);
    expect(gateway.output()).not.toMatch(/SQLITE_BUSY|database is locked/);
    expect((await gateway.get("/healthz")).status).toBe(200);
  });

  test("once it is stopped, the repair goes through", async () => {
    await gateway.stop();
    expect(await fix("--yes")).toMatchObject({ ok: true, repairs: [{ status: "repaired" }] });
    gateway = await startGateway(home);
    expect((await gatewayTurn(home, gateway, { sessionId: "last" })).ok).toBe(true);
  });
});

test("a turn without a gateway has the database open too: nothing is removed under it", async () => {
  plant({ table: "agent_database_leases", madeAgoMs: 3_600_000 });
  const { turn } = await heldTurn(home, provider, { sessionId: "local-held" });
  expect((await fix("--yes")).repairs).toMatchObject([
    { status: "skipped", reason: expect.stringMatching(/has the database open: stop OpenClaw first$/) },
  ]);
  provider.release();
  const done = await turn.finished;
  expect(done.code, done.stdout + done.stderr).toBe(0);
  expect(planted()).toHaveLength(1);
  expect((await fix("--yes")).ok).toBe(true);
});

test("inside `openclaw vitals` it says where to run it, and changes nothing", async () => {
  await withPlugin(home);
  plant({ table: "agent_database_leases", madeAgoMs: 3_600_000 });
  const before = planted();
  const inside = await home.run(["vitals", "fix", "--yes", "--only", "stranded-lease", "--json"]);
  expect(JSON.parse(inside.stdout)).toMatchObject({
    ok: false,
    run: null,
    repairs: [{ status: "skipped", reason: expect.stringContaining("run `openclaw-vitals fix --yes`") }],
  });
  expect(planted()).toEqual(before);
});
