/** A state dir of a host that keeps its state in a database, with a lease that blocks it. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { packageFile } from "../../src/package.ts";
import { makeSandbox, startHolder } from "./sandbox.ts";

const SCHEMA = readFileSync(packageFile("test/fixtures/stranded-lease/2026.9.6.sql"), "utf8");

export type Row = Record<string, unknown>;

/** A free port, so that nothing of this machine is taken for the gateway. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The database is that of a killed host: nobody has it open, and its log was not moved into it. */
export async function makeLeaseHost() {
  const sandbox = makeSandbox();
  const port = await freePort();
  sandbox.writeConfig({ gateway: { port } });
  const dir = path.join(sandbox.stateDir, "state");
  const file = path.join(dir, "openclaw.sqlite");
  const agentFile = path.join(sandbox.stateDir, "agents", "coder", "agent", "openclaw-agent.sqlite");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  mkdirSync(path.dirname(agentFile), { recursive: true, mode: 0o700 });
  const options = { ...sandbox.options, hostVersion: "2026.9.6", only: ["stranded-lease"], yes: true };

  function edit<T>(work: (db: DatabaseSync) => T, database = file): T {
    const db = new DatabaseSync(database);
    try {
      return work(db);
    } finally {
      db.close();
    }
  }
  edit((db) => db.exec(SCHEMA));
  edit((db) => db.exec("PRAGMA journal_mode = WAL; CREATE TABLE notes (text TEXT)"), agentFile);

  return {
    ...sandbox,
    options,
    port,
    file,
    agentFile,
    edit,
    /** Opened as by a host at work; closed with the test. */
    open(database = file): DatabaseSync {
      const db = new DatabaseSync(database);
      onTestFinished(() => {
        if (db.isOpen) db.close();
      });
      db.prepare("SELECT count(*) FROM sqlite_master").get();
      return db;
    },
    /** A lease on the agent's database that names a process which is no OpenClaw. */
    async plant(id = "it's one"): Promise<{ id: string; pid: number }> {
      const { pid } = await startHolder("postgres");
      edit((db) => {
        const insert = db.prepare("INSERT INTO agent_database_leases VALUES (?, 'coder', ?, ?, NULL, ?)");
        insert.run(id, agentFile, pid, Date.now() - 3_600_000);
      });
      return { id, pid };
    },
    /** Every row of both tables, in order. */
    rows(database = file): Row[] {
      return edit(
        (db) => [
          ...db.prepare("SELECT * FROM state_leases ORDER BY scope, lease_key").all(),
          ...db.prepare("SELECT * FROM agent_database_leases ORDER BY lease_id").all(),
        ],
        database,
      );
    },
    isSound: (): boolean => edit((db) => db.prepare("PRAGMA integrity_check").get()?.["integrity_check"] === "ok"),
    /** Backups in the quarantine. */
    backups(): string[] {
      const root = path.join(sandbox.stateDir, "vitals", "quarantine");
      return readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name));
    },
  };
}

export type LeaseHost = Awaited<ReturnType<typeof makeLeaseHost>>;
