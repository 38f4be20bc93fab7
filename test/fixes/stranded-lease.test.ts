/** Long because everything that may come between the look and the deletion is tried on one database. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { createServer as createPlainServer } from "node:net";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { repair } from "../../src/engine/repair.ts";
import { history, undoRun } from "../../src/engine/undo.ts";
import { type LeaseHost, makeLeaseHost } from "../engine/lease-host.ts";
import { onLinux, startHolder, temporaryFolder } from "../engine/sandbox.ts";
import { inventory } from "../facts/sandbox.ts";

/** One planted lease, and every row as it was before. */
async function planted(): Promise<{ host: LeaseHost; before: ReturnType<LeaseHost["rows"]>; id: string; pid: number }> {
  const host = await makeLeaseHost();
  const lease = await host.plant();
  return { host, before: host.rows(), ...lease };
}

/** A repair that must leave everything as it was: row, journal, no backup. */
async function expectKept(host: LeaseHost, status: "skipped" | "failed", reason: RegExp, more: object = {}) {
  const before = host.rows();
  const { repairs, remaining } = await repair({ ...host.options, ...more });
  expect(repairs).toMatchObject([{ status, reason: expect.stringMatching(reason) }]);
  expect(remaining).toHaveLength(1);
  expect(host.rows()).toEqual(before);
  expect(host.isSound()).toBe(true);
  if (existsSync(path.join(host.stateDir, "vitals", "quarantine"))) expect(host.backups()).toEqual([]);
  expect(history(host.stateDir).flatMap(({ repairs }) => repairs.filter(({ canUndo }) => canUndo))).toEqual([]);
}

describe.runIf(onLinux)("a lease whose number another program has", () => {
  test("stays without a yes, and in a dry run", async () => {
    const { host, before } = await planted();
    expect(await repair({ ...host.options, yes: false })).toMatchObject({
      run: null,
      repairs: [{ status: "skipped", risk: "confirm", reason: "it needs a yes: run again with --yes" }],
    });
    expect(await repair({ ...host.options, dryRun: true })).toMatchObject({
      run: null,
      repairs: [{ status: "planned", effects: [{ kind: "state", target: host.file }] }],
    });
    expect(host.rows()).toEqual(before);
    expect(existsSync(path.join(host.stateDir, "vitals"))).toBe(false);
  });

  test("is removed, this row only, with a private backup; undo puts it back as it was", async () => {
    const { host, before, id } = await planted();
    const { ok, run, repairs, remaining } = await repair(host.options);
    expect({ ok, repairs, remaining }).toMatchObject({ ok: true, repairs: [{ status: "repaired" }], remaining: [] });
    expect(host.rows()).toEqual(before.filter((row) => row["lease_id"] !== id));
    const [backup = "", ...others] = host.backups();
    expect(others).toEqual([]);
    expect(path.basename(backup)).toBe("1-openclaw.sqlite");
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(backup)).mode & 0o777).toBe(0o700);
    expect(host.rows(backup), "the backup is of before").toEqual(before);

    const [past] = history(host.stateDir);
    expect(past?.repairs).toMatchObject([{ kind: "row", state: "done", canUndo: true, path: host.file }]);
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([{ status: "restored", path: host.file }]);
    expect(host.rows()).toEqual(before);
    expect(host.backups(), "no copy of the database is kept for nothing").toEqual([]);
    expect(history(host.stateDir)[0]?.repairs).toMatchObject([{ state: "undone", canUndo: false }]);
    expect((await repair(host.options)).repairs, "and it can be repaired anew").toMatchObject([{ status: "repaired" }]);
  });

  test("the journal tells no value of the row but its key", async () => {
    const { host, pid } = await planted();
    await repair(host.options);
    const text = readFileSync(path.join(host.stateDir, "vitals", "journal.jsonl"), "utf8");
    expect(text).not.toMatch(/owner|"path"|coder/);
    expect(text).not.toContain(String(pid));
    expect(readJournal(host.stateDir).map(({ phase }) => phase)).toEqual(["intent", "done"]);
  });

  test("two of them in one run", async () => {
    const { host } = await planted();
    await host.plant("two");
    const before = host.rows();
    const { run, repairs } = await repair(host.options);
    expect(repairs).toMatchObject([{ status: "repaired" }, { status: "repaired" }]);
    expect(undoRun(host.stateDir, run ?? "", [2])).toMatchObject([{ n: 2, status: "restored" }]);
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([{ n: 1, status: "restored" }]);
    expect(host.rows()).toEqual(before);
  });

  test("columns and types that this version does not know come back as they were", async () => {
    const { host } = await planted();
    host.edit((db) => {
      db.exec("ALTER TABLE agent_database_leases ADD COLUMN note ANY");
      db.prepare("UPDATE agent_database_leases SET note = ? WHERE agent_id = 'coder'").run(
        new Uint8Array([0, 255, 39]),
      );
      db.exec('ALTER TABLE agent_database_leases ADD COLUMN "a ""quoted"" one" INTEGER');
      db.exec(`UPDATE agent_database_leases SET "a ""quoted"" one" = 9007199254740993`);
    });
    const rows = () =>
      host.edit((db) => {
        const all = db.prepare("SELECT rowid, * FROM agent_database_leases ORDER BY lease_id");
        all.setReadBigInts(true);
        return all.all();
      });
    const before = rows();
    const { run } = await repair(host.options);
    expect(rows()).toHaveLength(before.length - 1);
    undoRun(host.stateDir, run ?? "");
    expect(rows()).toEqual(before);
  });
});

describe.runIf(onLinux)("OpenClaw is not down", () => {
  test("its database is open in this process, which keeps its locks", async () => {
    const { host } = await planted();
    const db = host.open();
    await expectKept(host, "skipped", /openclaw\.sqlite is in use: stop OpenClaw first$/);
    db.exec("UPDATE state_leases SET updated_at = 1");
  });

  test("an OpenClaw process has the database open", async () => {
    const { host } = await planted();
    const holder = await startHolder("openclaw-gateway");
    const content = readFileSync(host.file);
    rmSync(host.file);
    await holder.take(host.file, { pid: holder.pid });
    writeFileSync(host.file, content); // into the file it has open
    await expectKept(host, "skipped", new RegExp(`^process ${holder.pid} has the database open: stop OpenClaw first$`));
  });

  test("a gateway's lock is held, or is a folder", async () => {
    const { host } = await planted();
    const holder = await startHolder("openclaw-gateway");
    const lock = path.join(host.stateDir, "tmp", `openclaw-${process.getuid?.()}`, "gateway.state.lock");
    mkdirSync(path.dirname(lock), { recursive: true, mode: 0o700 });
    await holder.take(lock, { pid: holder.pid, createdAt: new Date().toISOString(), starttime: holder.starttime });
    await expectKept(host, "skipped", /^a gateway may be running, its lock .*gateway\.state\.lock is not known/);
    rmSync(lock);
    mkdirSync(lock);
    await expectKept(host, "skipped", /^a gateway may be running/);
  });

  test.each(["127.0.0.1", "::1"])("something listens on its port, %s", async (address) => {
    const { host } = await planted();
    const server = createServer((_request, response) => response.writeHead(404).end("another server"));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(host.port, address, resolve));
    await expectKept(host, "skipped", new RegExp(`^something listens on the gateway's port ${host.port}`));
  });

  test("something takes connections on its port and does not answer, as a stuck gateway does: nothing is planned", async () => {
    const { host, before } = await planted();
    const server = createPlainServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(host.port, "127.0.0.1", resolve));
    expect(await repair(host.options)).toMatchObject({ repairs: [], remaining: [{ verdict: "unknown", fix: null }] });
    expect(host.rows()).toEqual(before);
  });

  test("somebody has the agent's database open, as the row says", async () => {
    const { host } = await planted();
    host.open(host.agentFile);
    await expectKept(host, "skipped", /openclaw-agent\.sqlite is in use: stop OpenClaw first$/);
  });

  test("the row, or a link, leads to a database outside of the state dir, which is not opened", async () => {
    const { host, id } = await planted();
    const outside = path.join(temporaryFolder(), "outside.sqlite");
    host.edit((db) => db.exec("CREATE TABLE notes (text TEXT)"), outside);
    const before = inventory(path.dirname(outside));
    host.edit((db) => db.prepare("UPDATE agent_database_leases SET path = ? WHERE lease_id = ?").run(outside, id));
    await expectKept(host, "skipped", /outside\.sqlite lies outside of the state directory$/);
    expect(inventory(path.dirname(outside))).toEqual(before);

    const moved = path.join(path.dirname(outside), "moved.sqlite");
    const { host: linked } = await planted();
    copyFileSync(linked.file, moved);
    rmSync(linked.file);
    symlinkSync(moved, linked.file);
    const after = inventory(path.dirname(outside));
    const { repairs } = await repair(linked.options);
    expect(repairs).toMatchObject([{ status: "skipped", reason: expect.stringContaining("lies outside of") }]);
    expect(inventory(path.dirname(outside))).toEqual(after);
  });

  test("somebody opens one of them while the backup is made", async () => {
    for (const which of ["file", "agentFile"] as const) {
      const { host } = await planted();
      let db: DatabaseSync | undefined;
      const onStep = (step: string): void => {
        if (step === "lock again") db = host.open(host[which]);
      };
      await expectKept(host, "skipped", /is in use: stop OpenClaw first$/, { onStep });
      expect(db?.isOpen).toBe(true);
    }
  });

  test("inside a host's own process nothing is tried", async () => {
    const { host, before } = await planted();
    const root = path.join(path.dirname(host.stateDir), "openclaw");
    mkdirSync(root);
    writeFileSync(path.join(root, "package.json"), '{"name":"openclaw","version":"2026.9.6"}');
    writeFileSync(path.join(root, "openclaw.mjs"), "");
    const argv = process.argv[1];
    onTestFinished(() => {
      process.argv[1] = argv ?? "";
    });
    process.argv[1] = path.join(root, "openclaw.mjs");
    expect(await repair(host.options)).toMatchObject({
      run: null,
      repairs: [{ status: "skipped", reason: expect.stringContaining("run `openclaw-vitals fix --yes`") }],
    });
    expect(host.rows()).toEqual(before);
  });

  test("undo does not touch a database in use either", async () => {
    const { host, before } = await planted();
    const { run } = await repair(host.options);
    const db = host.open();
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([
      { status: "skipped", reason: expect.stringMatching(/is in use: stop OpenClaw first$/) },
    ]);
    expect(history(host.stateDir)[0]?.repairs).toMatchObject([{ state: "done", canUndo: true }]);
    db.close();
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([{ status: "restored" }]);
    expect(host.rows()).toEqual(before);
  });
});

describe.runIf(onLinux)("somebody else at the row", () => {
  const change = "UPDATE agent_database_leases SET opened_at = opened_at + 1 WHERE agent_id = 'coder'";

  test.each(["make folder", "lock", "back up", "lock again"])("it changes before %s", async (at) => {
    const { host, before } = await planted();
    const onStep = (step: string): void => {
      if (step === at) host.edit((db) => db.exec(change));
    };
    const { repairs } = await repair({ ...host.options, onStep });
    expect(repairs).toMatchObject([{ reason: "it changed since it was judged", status: "skipped" }]);
    host.edit((db) => db.exec(change.replace("+ 1", "- 1")));
    expect(host.rows()).toEqual(before);
    expect(host.backups()).toEqual([]);
  });

  test("any column counts, not only those this version reads", async () => {
    const { host } = await planted();
    host.edit((db) => db.exec("ALTER TABLE agent_database_leases ADD COLUMN note TEXT"));
    const onStep = (step: string): void => {
      if (step === "lock again") host.edit((db) => db.exec("UPDATE agent_database_leases SET note = 'x'"));
    };
    expect((await repair({ ...host.options, onStep })).repairs).toMatchObject([
      { status: "skipped", reason: "it changed since it was judged" },
    ]);
  });

  test("it is gone already", async () => {
    const { host } = await planted();
    const onStep = (step: string): void => {
      if (step === "lock again")
        host.edit((db) => db.exec("DELETE FROM agent_database_leases WHERE agent_id = 'coder'"));
    };
    expect((await repair({ ...host.options, onStep })).repairs).toMatchObject([
      { status: "skipped", reason: "it is gone already" },
    ]);
    expect(host.backups()).toEqual([]);
  });

  test("a trigger that takes more than the row: nothing is removed", async () => {
    const { host } = await planted();
    host.edit((db) =>
      db.exec(
        "CREATE TRIGGER more AFTER DELETE ON agent_database_leases BEGIN UPDATE state_leases SET updated_at = 0; END",
      ),
    );
    await expectKept(host, "skipped", /^more than this row would have been changed$/);
  });

  test("undo never replaces a newer row, and takes no other way", async () => {
    const { host, id } = await planted();
    const { run } = await repair(host.options);
    host.edit((db) => db.prepare("INSERT INTO agent_database_leases VALUES (?, 'coder', 'new', 1, NULL, 1)").run(id));
    const now = host.rows();
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([
      { status: "skipped", reason: "a newer row stands in its place" },
    ]);
    expect(host.rows()).toEqual(now);
    expect(history(host.stateDir)[0]?.repairs).toMatchObject([{ state: "done", canUndo: true }]);
  });

  test("undo of a row that is back already only says so", async () => {
    const { host, before } = await planted();
    const { run } = await repair(host.options);
    const lost = before.find((row) => row["agent_id"] === "coder") ?? {};
    host.edit((db) =>
      db
        .prepare("INSERT INTO agent_database_leases VALUES (?, ?, ?, ?, ?, ?)")
        .run(...(Object.values(lost) as (string | number | null)[])),
    );
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([{ status: "restored" }]);
    expect(host.rows()).toEqual(before);
  });

  test("undo into a table with another layout fails with its reason", async () => {
    const { host } = await planted();
    const { run } = await repair(host.options);
    host.edit((db) => db.exec("ALTER TABLE agent_database_leases RENAME COLUMN opened_at TO since"));
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject([
      { status: "failed", reason: expect.stringMatching(/^it could not be put back: .*opened_at/) },
    ]);
    expect(history(host.stateDir)[0]?.repairs).toMatchObject([{ state: "done", canUndo: true }]);
  });

  test("undo without the backup, or with a foreign one, fails with its reason", async () => {
    const { host } = await planted();
    const { run } = await repair(host.options);
    const [backup = ""] = host.backups();
    const after = host.rows();
    host.edit((db) => db.exec("UPDATE agent_database_leases SET owner_pid = 1"), backup);
    const expected = [{ status: "failed", reason: expect.stringContaining("does not hold the row any more") }];
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject(expected);
    writeFileSync(backup, "no database");
    expect(undoRun(host.stateDir, run ?? "")).toMatchObject(expected);
    expect(host.rows()).toEqual(after);
  });

  test("another fix takes this one for dead: it drops the backup, and the row stays", async () => {
    const { host } = await planted();
    const onStep = (step: string): void => {
      if (step === "lock again") undoRun(host.stateDir, "no such run"); // settles, as every run does first
    };
    await expectKept(host, "failed", /^another run removed the backup$/, { onStep });
  });

  test("two fixes at once: the row is removed once, and comes back once", async () => {
    const { host, before } = await planted();
    const results = await Promise.all([repair(host.options), repair(host.options)]);
    const done = results.filter(({ repairs }) => repairs.some(({ status }) => status === "repaired"));
    expect(done).toHaveLength(1);
    expect(host.backups()).toHaveLength(1);
    undoRun(host.stateDir, done[0]?.run ?? "");
    expect(host.rows()).toEqual(before);
  });
});

describe.runIf(onLinux)("trouble", () => {
  test("no room for a backup", async () => {
    const { host } = await planted();
    const fs = process.getBuiltinModule("node:fs");
    vi.spyOn(fs, "statfsSync").mockReturnValue({ bavail: 1, bsize: 4096, type: 0xef53 } as never);
    process.getBuiltinModule("node:module").syncBuiltinESMExports();
    onTestFinished(() => {
      vi.restoreAllMocks();
      process.getBuiltinModule("node:module").syncBuiltinESMExports();
    });
    await expectKept(host, "failed", /^there is no room for a backup of 1 MiB$/);
  });

  test("something stands where the backup goes", async () => {
    const { host } = await planted();
    let place = "";
    const onStep = (step: string): void => {
      if (step !== "back up") return;
      place = readJournal(host.stateDir).at(-1)?.to ?? "";
      writeFileSync(place, "precious");
    };
    const { repairs } = await repair({ ...host.options, onStep });
    expect(repairs).toMatchObject([{ status: "failed", reason: expect.stringContaining("EEXIST") }]);
    expect(readFileSync(place, "utf8")).toBe("precious");
  });

  test("the database is damaged where the lease is not", async () => {
    const { host } = await planted();
    host.edit((db) => {
      db.exec("CREATE TABLE filler (text TEXT); PRAGMA wal_checkpoint(TRUNCATE)");
      const insert = db.prepare("INSERT INTO filler VALUES (?)");
      for (let n = 0; n < 50; n += 1) insert.run("x".repeat(3000));
    });
    const { size } = statSync(host.file);
    const content = readFileSync(host.file);
    content.fill(0xff, size - 8192, size - 4096);
    writeFileSync(host.file, content);
    const { repairs } = await repair(host.options);
    expect(repairs).toMatchObject([{ status: "failed", reason: expect.stringMatching(/^no backup could be made: /) }]);
    expect(host.backups()).toEqual([]);
    expect(readFileSync(host.file)).toEqual(content);
  });

  test("a writer holds the database", async () => {
    const { host } = await planted();
    const db = host.open();
    db.exec("BEGIN IMMEDIATE; UPDATE state_leases SET updated_at = 2");
    const { repairs } = await repair(host.options);
    expect(repairs).toMatchObject([{ status: "skipped", reason: expect.stringMatching(/is in use/) }]);
    db.exec("ROLLBACK");
    db.close();
    expect((await repair(host.options)).repairs).toMatchObject([{ status: "repaired" }]);
  });

  test("the database is gone, or too large, when the repair begins", async () => {
    for (const [make, reason] of [
      [(file: string) => rmSync(file), /^it is gone already$/],
      [(file: string) => truncateSync(file, 300_000_000), /is larger than 256 MiB/],
    ] as const) {
      const { host } = await planted();
      const consent = async (planned: readonly unknown[]) => {
        make(host.file);
        return new Set(planned);
      };
      const { repairs } = await repair({ ...host.options, consent: consent as never });
      expect(repairs).toMatchObject([{ status: "skipped", reason: expect.stringMatching(reason) }]);
    }
  });

  test("a quarantine that is a file: failed with its reason", async () => {
    const { host } = await planted();
    mkdirSync(path.join(host.stateDir, "vitals"));
    writeFileSync(path.join(host.stateDir, "vitals", "quarantine"), "");
    const before = host.rows();
    const { repairs } = await repair(host.options);
    expect(repairs).toMatchObject([{ status: "failed", reason: expect.stringContaining("is not a directory") }]);
    expect(host.rows()).toEqual(before);
  });
});
