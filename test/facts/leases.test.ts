import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { gatherFacts } from "../../src/facts/facts.ts";
import { packageFile } from "../../src/package.ts";
import { hasPermissions, moduleUrl, put, runUnprivileged, tempDir } from "./sandbox.ts";

const SCHEMA = readFileSync(packageFile("test/fixtures/stranded-lease/2026.9.6.sql"), "utf8");

function stateDir(sql?: string): { dir: string; file: string; db?: DatabaseSync } {
  const dir = tempDir();
  const file = path.join(dir, "state", "openclaw.sqlite");
  mkdirSync(path.dirname(file));
  if (sql === undefined) return { dir, file };
  const db = new DatabaseSync(file);
  onTestFinished(() => db.close());
  db.exec(sql);
  return { dir, file, db };
}

async function read(dir: string, hostVersion = "2026.9.6") {
  const facts = gatherFacts({ stateDir: dir, hostVersion, env: {} });
  return { ...(await facts.leases()), noted: facts.problems() };
}

test("reads what is still in the write-ahead log of a database that is in use", async () => {
  const { dir, file } = stateDir(SCHEMA);
  expect(statSync(`${file}-wal`).size, "nothing was moved into the database yet").toBeGreaterThan(0);
  const { leases, problems } = await read(dir);
  expect(problems).toEqual([]);
  expect(leases).toMatchObject([
    {
      table: "state_leases",
      name: "gateway-owner",
      agent: null,
      owner: { pid: 4194300, startTime: 482517, sameHost: false },
      createdAtMs: 1795259324757,
      expiresAtMs: 1795259624983,
      heartbeatAtMs: 1795259324983,
      process: null,
    },
    { table: "agent_database_leases", agent: "main", owner: { pid: 4194300, startTime: 482517, sameHost: null } },
    { table: "agent_database_leases", agent: "main", expiresAtMs: null, heartbeatAtMs: null },
  ]);
  expect(JSON.stringify(leases)).not.toContain("recorded");
});

test("is asked once, and not at all on a host without such a database", async () => {
  const { dir } = stateDir(SCHEMA);
  const facts = gatherFacts({ stateDir: dir, hostVersion: "2026.9.6", env: {} });
  expect(await facts.leases()).toBe(await facts.leases());
  expect((await read(dir, "2026.7.35")).leases).toEqual([]);
  expect(await read(tempDir())).toMatchObject({ leases: [], noted: [] });
});

describe("what cannot be read is said, not thrown", () => {
  test.each<[string, (file: string) => void, RegExp]>([
    ["no database", (file) => writeFileSync(file, "x".repeat(8192)), /cannot be read \(file is not a database\)/],
    ["empty", (file) => writeFileSync(file, ""), /cannot be read \(no such table: state_leases\)/],
    ["a folder", (file) => mkdirSync(file), /is not a regular file/],
    [
      "too large",
      (file) => {
        writeFileSync(file, "");
        truncateSync(file, 300_000_000);
      },
      /is larger than 256 MiB/,
    ],
  ])("%s", async (_name, make, sentence) => {
    const { dir, file } = stateDir();
    make(file);
    const { leases, noted } = await read(dir);
    expect(leases).toEqual([]);
    expect(noted).toEqual([expect.stringMatching(sentence)]);
    expect(noted[0]).toMatch(/, its leases were not looked at$/);
  });

  test.each([
    ["a missing table", "DROP TABLE agent_database_leases", /no such table: agent_database_leases/],
    ["another layout", "ALTER TABLE state_leases RENAME COLUMN heartbeat_at TO beat", /no such column: heartbeat_at/],
    ["a number out of range", "UPDATE state_leases SET expires_at = 9223372036854775807", /ERR_OUT_OF_RANGE/],
  ])("%s", async (_name, change, sentence) => {
    const { dir } = stateDir(`${SCHEMA}${change};`);
    const { leases, noted } = await read(dir);
    expect(leases).toEqual([]);
    expect(noted).toEqual([expect.stringMatching(sentence)]);
  });

  test.skipIf(!hasPermissions)("closed to us", async () => {
    const { dir, file, db } = stateDir(SCHEMA);
    db?.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    chmodSync(dir, 0o755);
    chmodSync(path.dirname(file), 0);
    const { stdout, stderr } = await runUnprivileged(
      `import { gatherFacts } from ${JSON.stringify(moduleUrl("src/facts/facts.ts"))};
       const facts = gatherFacts({ stateDir: process.argv[1], hostVersion: "2026.9.6", env: {} });
       await facts.leases();
       console.log(JSON.stringify(facts.problems()));`,
      [dir],
    );
    chmodSync(path.dirname(file), 0o755);
    expect(stdout, stderr).toMatch(/cannot be read \(EACCES\), its leases were not looked at/);
  });
});

test.runIf(process.platform === "linux")(
  "the host's own locks on the file survive when we run in its process",
  async () => {
    const { dir, file, db } = stateDir(SCHEMA);
    db?.prepare("SELECT count(*) FROM state_leases").get();
    const own = () =>
      readFileSync("/proc/locks", "utf8")
        .split("\n")
        .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${statSync(file).ino} `))
        .map((line) => line.replace(/^\d+: /, "")); // its number changes with the locks of others
    const before = own();
    expect(before.length, "the connection holds a lock on the database").toBeGreaterThan(0);
    expect((await read(dir)).leases).toHaveLength(3);
    expect(own()).toEqual(before);
  },
);

test("Node's warning that SQLite is experimental is kept back", () => {
  const { dir } = stateDir(SCHEMA);
  const code = `import { gatherFacts } from ${JSON.stringify(moduleUrl("src/facts/facts.ts"))};
    const facts = gatherFacts({ stateDir: process.argv[2], hostVersion: "2026.9.6", env: {} });
    console.log((await facts.leases()).leases.length);
    process.emitWarning("still heard");`;
  put(path.join(dir, "run.mjs"), code);
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(dir, "run.mjs"), dir], { encoding: "utf8" });
  expect(stdout).toBe("3\n");
  expect(stderr).not.toContain("SQLite");
  expect(stderr).toContain("still heard");
});
