/** Long because the rows of both tables are planted here, in every state a killed host leaves them. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { diagnose } from "../../src/index.ts";
import { packageFile } from "../../src/package.ts";
import { deadProcess, makeSandbox, onLinux, startHolder, temporaryFolder } from "../engine/sandbox.ts";
import { inventory } from "../facts/sandbox.ts";

const SCHEMA = readFileSync(packageFile("test/fixtures/stranded-lease/2026.9.6.sql"), "utf8");

/** A state dir with the database of a killed gateway, open in this process as in a running host. */
function makeHost() {
  const sandbox = makeSandbox();
  const dir = path.join(sandbox.stateDir, "state");
  const file = path.join(dir, "openclaw.sqlite");
  return {
    ...sandbox,
    file,
    open(): DatabaseSync {
      mkdirSync(dir, { recursive: true });
      const db = new DatabaseSync(file);
      db.exec(SCHEMA);
      onTestFinished(() => {
        if (db.isOpen) db.close();
      });
      return db;
    },
    async look(hostVersion = "2026.9.6") {
      return await diagnose({ ...sandbox.options, hostVersion, only: ["stranded-lease"] });
    },
  };
}

interface StateRow {
  scope?: string;
  payload?: unknown;
  expiresIn?: number | null;
  renewedAgo?: number;
}

function stateLease(
  db: DatabaseSync,
  { scope = "gateway-owner", payload, expiresIn = 200_000, renewedAgo = 100_000 }: StateRow,
) {
  const now = Date.now();
  db.prepare("INSERT OR REPLACE INTO state_leases VALUES (?, 'global', 'owner', ?, ?, ?, ?, ?)").run(
    scope,
    expiresIn === null ? null : now + expiresIn,
    now - renewedAgo,
    payload === undefined ? null : typeof payload === "string" ? payload : JSON.stringify(payload),
    now - renewedAgo,
    now - renewedAgo,
  );
}

function agentLease(db: DatabaseSync, pid: number, startTime: number | null, openedAgo: number) {
  db.prepare("INSERT INTO agent_database_leases VALUES ('it''s one', 'coder', 'x', ?, ?, ?)").run(
    pid,
    startTime,
    Date.now() - openedAgo,
  );
}

const gateway = (pid: number, host: string, startedAt: number | null) => ({
  owner: { pid, host, startedAt },
  port: 18789,
  mode: "foreground",
  supervisor: null,
});

describe("no finding", () => {
  test("the rows a killed gateway left: the host takes them back", async () => {
    const host = makeHost();
    const db = host.open();
    const { pid } = await deadProcess();
    stateLease(db, { payload: gateway(pid, os.hostname(), 7), renewedAgo: 1000 });
    agentLease(db, pid, null, 1000);
    expect((await host.look()).findings).toEqual([]);
  });

  test("leases that have ended, and scopes that stop nobody", async () => {
    const host = makeHost();
    const db = host.open();
    stateLease(db, { payload: gateway(7, "elsewhere", 7), expiresIn: -1 });
    stateLease(db, { scope: "core:agent-database-maintenance", expiresIn: -1 });
    stateLease(db, { scope: "skill-upload" });
    expect((await host.look()).findings).toEqual([]);
  });

  test.runIf(onLinux)("a running gateway's", async () => {
    const host = makeHost();
    const db = host.open();
    const holder = await startHolder("openclaw-gateway");
    stateLease(db, { payload: gateway(holder.pid, os.hostname(), holder.starttime) });
    agentLease(db, holder.pid, null, 1000);
    expect((await host.look()).findings).toEqual([]);
  });

  test("no database, and one that an older host does not have", async () => {
    const host = makeHost();
    expect((await host.look()).findings).toEqual([]);
    stateLease(host.open(), { payload: gateway(7, "elsewhere", 7) });
    expect(await host.look("2026.5.22")).toMatchObject({ findings: [], checksRun: 0 });
  });
});

describe("a gateway's lease", () => {
  test("of another host: warning, with the time it ends, and without the other's name", async () => {
    const host = makeHost();
    stateLease(host.open(), { payload: gateway(process.pid, "db-07.internal", 7), expiresIn: 200_000 });
    const { ok, findings } = await host.look();
    expect(ok).toBe(false);
    expect(findings).toMatchObject([
      {
        severity: "warning",
        verdict: "unknown",
        confidence: "unknown",
        target: "gateway",
        path: host.file,
        fix: null,
        message: expect.stringMatching(
          /^The gateway cannot start for the next (199|200) s: the lease belongs to another host or container\.$/,
        ),
        fixHint: expect.stringMatching(
          /^If an OpenClaw on another host .* Else wait: it ends by itself at 20\d\d-.*Z\.$/,
        ),
      },
    ]);
    const text = JSON.stringify(findings);
    expect(text).not.toContain("db-07");
    expect(text).toContain('{"what":"made on this host","value":false,"source":"state_leases"}');
    expect(text).not.toContain("process with this pid");
  });

  test("of another host that renewed it just now: info, a gateway is at work there", async () => {
    const host = makeHost();
    stateLease(host.open(), { payload: gateway(7, "elsewhere", 7), renewedAgo: 20_000 });
    expect(await host.look()).toMatchObject({ ok: true, findings: [{ severity: "info", verdict: "unknown" }] });
  });

  test.each(["nonsense", "[]", '{"owner":{"pid":"7","host":"x"}}', undefined])(
    "with the payload %j",
    async (payload) => {
      const host = makeHost();
      stateLease(host.open(), { payload });
      expect((await host.look()).findings).toMatchObject([
        { severity: "warning", message: expect.stringContaining("does not say which process holds it") },
      ]);
    },
  );

  test("that never ends has a command for its row, and the command works", async () => {
    const host = makeHost();
    const db = host.open();
    stateLease(db, { payload: "nonsense", expiresIn: null });
    const { findings } = await host.look();
    expect(findings[0]?.message).toMatch(/^The gateway cannot start: /);
    run(db, findings[0]?.fixHint);
    expect((await host.look()).findings).toEqual([]);
  });

  test("the fingerprint stays while it is renewed, and is another's of the next lease", async () => {
    const host = makeHost();
    const db = host.open();
    stateLease(db, { payload: gateway(7, "elsewhere", 7) });
    const id = async () => (await host.look()).findings[0]?.id;
    const first = await id();
    db.exec("UPDATE state_leases SET expires_at = expires_at + 1000, heartbeat_at = heartbeat_at + 1000");
    expect(await id()).toBe(first);
    db.exec("UPDATE state_leases SET created_at = created_at + 1");
    expect(await id()).not.toBe(first);
  });
});

test("a migration's lease of another host", async () => {
  const host = makeHost();
  stateLease(host.open(), {
    scope: "startup-migrations",
    payload: { version: "2026.9.6", ...gateway(7, "elsewhere", 7) },
  });
  expect((await host.look()).findings).toMatchObject([
    { target: "state migration", message: expect.stringMatching(/^After an update, .* the gateway cannot start for/) },
  ]);
});

test.each([
  [10_000, "info", "It was renewed just now: let a running"],
  [50_000, "warning", "Let a running"],
])("a maintenance lease renewed %i ms ago: %s", async (renewedAgo, severity, hint) => {
  const host = makeHost();
  stateLease(host.open(), { scope: "core:agent-database-maintenance", expiresIn: 9_000, renewedAgo });
  expect((await host.look()).findings).toMatchObject([
    {
      severity,
      target: "agent databases",
      message: expect.stringMatching(/^No agent can run and `openclaw doctor --fix` refuses to for the next [89] s: /),
      fixHint: expect.stringContaining(hint),
    },
  ]);
});

describe.runIf(onLinux)("an agent's lease without a start time", () => {
  test("whose number a younger process has: gone, can be repaired, and says what else helps", async () => {
    const host = makeHost();
    const holder = await startHolder("postgres");
    agentLease(host.open(), holder.pid, null, 3_600_000);
    expect((await host.look()).findings).toMatchObject([
      {
        severity: "error",
        verdict: "gone",
        confidence: "likely",
        target: "agent coder",
        fix: { id: "stranded-lease", risk: "confirm" },
        message: `Neither the gateway nor \`openclaw doctor --fix\` can start: the lease on the database of agent \`coder\` names process ${holder.pid}, which started after the lease was made and is not OpenClaw.`,
        fixHint: `If process ${holder.pid} is not needed, stop it; OpenClaw then takes the lease back. Else stop OpenClaw and run \`openclaw-vitals fix\`.`,
      },
    ]);
  });

  test("that names no process: the command in the finding removes exactly this row", async () => {
    const host = makeHost();
    const db = host.open();
    agentLease(db, 0, null, 3_600_000);
    const { findings } = await host.look();
    expect(findings).toMatchObject([{ severity: "warning", verdict: "unknown", fix: null }]);
    const before = count(db);
    db.exec("UPDATE agent_database_leases SET opened_at = opened_at + 1 WHERE agent_id = 'coder'");
    run(db, findings[0]?.fixHint);
    expect(count(db), "a row that changed stays").toBe(before);
    run(db, (await host.look()).findings[0]?.fixHint);
    expect(count(db)).toBe(before - 1);
    expect((await host.look()).findings).toEqual([]);
  });

  test("whose process is older than the lease: unknown", async () => {
    const host = makeHost();
    const holder = await startHolder("postgres");
    agentLease(host.open(), holder.pid, null, -60_000);
    expect((await host.look()).findings).toMatchObject([{ severity: "warning", verdict: "unknown" }]);
  });
});

test("nothing is written by looking, and no copy is left", async () => {
  const host = makeHost();
  stateLease(host.open(), { payload: gateway(7, "elsewhere", 7) });
  const before = inventory(host.stateDir);
  const temporary = temporaryFolder();
  vi.stubEnv("TMPDIR", temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect((await host.look()).findings).toHaveLength(1);
  expect(inventory(host.stateDir)).toEqual(before);
  expect(readdirSync(temporary)).toEqual([]);
});

function count(db: DatabaseSync): number {
  return Number(db.prepare("SELECT count(*) AS n FROM agent_database_leases").get()?.["n"]);
}

/** Runs the statement a finding tells the user to run. */
function run(db: DatabaseSync, hint: string | undefined): void {
  const sql = /`sqlite3 openclaw\.sqlite "(DELETE [^"]+)"`$/.exec(hint ?? "")?.[1];
  expect(sql, hint).toBeDefined();
  db.exec(sql ?? "");
}
