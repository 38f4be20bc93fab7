/**
 * A state dir as somebody would make it who means harm, and a place beside it that must stay as it is.
 * Long because every kind of entry that can be put in the way of a reader is made here.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished } from "vitest";
import { packageFile } from "../../src/package.ts";
import { asRoot, setAge } from "../engine/sandbox.ts";
import { deadPid, inventory, payload, put, tempDir } from "../facts/sandbox.ts";

/** Stands in whatever lies outside; letters that are in no word of ours. */
export const MARKER = "QZXKVJWQZ";
/** Another user than the one who runs the tests, where that can be had: then links lead to what is not his. */
const STRANGER = 54_321;

const ESC = "\u001b";
/** Parts of names that are commands to a terminal, a page, a shell, a log or a reader's eye. */
export const NASTY: readonly string[] = [
  `${ESC}[2J${ESC}[1;31mred`,
  `${ESC}]0;title\u0007`,
  `${ESC}]8;;http:${"\u2215".repeat(2)}x.invalid${ESC}\\link${ESC}]8;;${ESC}\\`,
  "\u009b31mc1\u0085next",
  "two\nlines\r\nand ::error file=x::injected",
  "\u202egnp.exe\u2066\u2069",
  "\u200b\u2028\u2029\ufeff\u00ad",
  '\'; touch x; $(id) `id` "quoted"',
  "[a](javascript:x) <img src=x onerror=1> | cell | @somebody ![b](c)",
  "-rf",
  "{agentId} $HOME %s %n",
  "\u007f\b\b\b",
];

export type Era = "jsonl" | "sqlite";
export const VERSION: Readonly<Record<Era, string>> = { jsonl: "2026.5.22", sqlite: "2026.9.6" };

export interface HostileState {
  readonly stateDir: string;
  readonly outside: string;
  /** What was planted under `vitals`: none of ours. */
  readonly planted: ReadonlySet<string>;
  /** Fails when anything outside was changed, added or removed. */
  expectOutsideUntouched(at: string): void;
}

export interface HostileOptions {
  readonly era?: Era;
  /** Puts something else in its place, after everything is there and before it is a stranger's. */
  readonly then?: (made: { readonly stateDir: string; readonly outside: string }) => void;
}

/** What lies outside: secrets, a session with a dead lock, a config, a policy, a database. */
function plantOutside(outside: string): void {
  const file = (name: string, text: string): string => put(path.join(outside, name), text);
  const secret = { [`${MARKER}key`]: MARKER, agents: { defaults: { runRetries: { min: 99, max: 99 } } } };
  file("secret.json", JSON.stringify(secret));
  file("secret.txt", `${MARKER}\n`.repeat(20));
  file("policy.json", JSON.stringify({ [MARKER]: 1 }));
  file("jobs.json", JSON.stringify([{ id: MARKER, payload: { kind: "agentTurn", timeoutSeconds: 0 } }]));
  const time = new Date().toISOString();
  const message = `liveness warning: eventLoopDelayMaxMs=99999 ${MARKER}`;
  file("gateway.log", `${JSON.stringify({ message, time, [MARKER]: 1 })}\n`);
  file("ring.jsonl", `${JSON.stringify({ v: 1, life: MARKER, pid: 1, ticks: 1, at: Date.now(), host: MARKER })}\n`);
  file("payload.json", payload(deadPid(), { note: MARKER }));
  // Whoever may not see them must not learn their names either.
  const name = asRoot ? MARKER : "session";
  file(`agent/sessions/${name}.jsonl`, MARKER);
  if (asRoot) file(`agent/sessions/${name}.jsonl.lock`, payload(deadPid(), { note: MARKER }));
  file("agent/agent/auth-profiles.json", JSON.stringify({ profiles: { [MARKER]: { type: "token" } } }));
  const db = new DatabaseSync(path.join(outside, "outside.sqlite"));
  db.exec(readFileSync(packageFile("test/fixtures/stranded-lease/2026.9.6.sql"), "utf8"));
  db.prepare("INSERT INTO agent_database_leases VALUES (?, ?, ?, ?, NULL, ?)").run(MARKER, MARKER, MARKER, 1, 1);
  db.close();
  for (const entry of readdirSync(outside)) chmodSync(path.join(outside, entry), entry === "agent" ? 0o700 : 0o600);
}

/** Makes all of it. Removed after the test. */
export async function hostileState({ era = "jsonl", then }: HostileOptions = {}): Promise<HostileState> {
  const root = tempDir();
  const [stateDir, outside] = [path.join(root, "state"), path.join(root, "outside")];
  mkdirSync(outside, { mode: 0o700 });
  plantOutside(outside);
  const at = (...parts: string[]): string => path.join(stateDir, ...parts);
  const link = (target: string, ...parts: string[]): void => {
    mkdirSync(path.dirname(at(...parts)), { recursive: true });
    symlinkSync(target, at(...parts));
  };
  const secret = path.join(outside, "secret.txt");

  plantSessions({ at, link, outside });
  plantConfigs({ at, link, outside });
  plantOwnFolder({ at, link, outside });
  if (era === "sqlite") plantDatabase(at("state", "openclaw.sqlite"), outside);
  link(secret, "state", "link.sqlite");
  mkfifo([
    at("agents", "coder", "sessions", "fifo.jsonl.lock"),
    at("agents", "fifo"),
    at("agents", "pipes", "sessions"),
    at("agents", "pipes", "agent", "auth-profiles.json"),
    at("cron", "jobs.json"),
    at("vitals", "baselines", "2026-11-21T16-30-06-123Z-2026.9.6.json"),
    at("logs", "stability", "openclaw-stability-1.json"),
  ]);
  await listen(at("agents", "coder", "sessions", "socket.jsonl.lock"));
  then?.({ stateDir, outside });
  const planted = new Set(readdirSync(at("vitals"), { recursive: true, encoding: "utf8" }));
  if (asRoot) giveAway(stateDir);
  const before = outsideNow(outside);
  return {
    stateDir,
    outside,
    planted,
    expectOutsideUntouched: (when) => expect(outsideNow(outside), when).toEqual(before),
  };
}

interface Site {
  readonly at: (...parts: string[]) => string;
  readonly link: (target: string, ...parts: string[]) => void;
  readonly outside: string;
}

function plantSessions({ at, link, outside }: Site): void {
  const dead = payload(deadPid());
  const lock = (agent: string, session: string | Buffer, text: string): void => {
    const dir = at("agents", agent, "sessions");
    mkdirSync(dir, { recursive: true });
    const name = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(session), Buffer.from(".jsonl.lock")]);
    writeFileSync(name, text, { flag: "wx" });
  };
  const clean = (name: string): string => name.replaceAll("/", "\u2215");
  for (const [n, name] of NASTY.entries()) {
    lock("coder", `${n}${clean(name)}`, dead);
    lock(`a${n}${clean(name)}`, "one", dead);
    put(at("agents", "coder", "sessions", `${n}${clean(name)}.jsonl`), "{}\n");
    put(at("locks", "oauth-refresh", `${n}${clean(name)}.lock`), "");
    setAge(at("locks", "oauth-refresh", `${n}${clean(name)}.lock`), 3_600_000);
  }
  lock("coder", "n".repeat(255 - ".jsonl.lock".length), dead);
  lock("coder", Buffer.from([0x6e, 0xff, 0xfe, 0x80]), dead);
  const polluting = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"pid":${deadPid()}}`;
  const nested = `{"pid":${"[".repeat(8000)}`;
  for (const [name, text] of Object.entries({ polluting, nested, huge: `{"pid":1,"x":"${"x".repeat(20_000)}"}` })) {
    lock("coder", name, text);
    setAge(at("agents", "coder", "sessions", `${name}.jsonl.lock`), 3_600_000);
  }
  sparse(at("agents", "coder", "sessions", "sparse.jsonl.lock"));
  linkSync(path.join(outside, "payload.json"), at("agents", "coder", "sessions", "hard.jsonl.lock"));
  mkdirSync(at("agents", "coder", "sessions", "folder.jsonl.lock"));
  const sessions = ["agents", "coder", "sessions"];
  link(path.join(outside, "payload.json"), ...sessions, "link.jsonl.lock");
  link(path.join(outside, "secret.txt"), ...sessions, "link.jsonl");
  link("/dev/zero", ...sessions, "zero.jsonl.lock");
  link("/dev/tty", ...sessions, "tty.jsonl.lock");
  link("self.jsonl.lock", ...sessions, "self.jsonl.lock");
  link(path.join(outside, "agent"), "agents", "whole");
  link(path.join(outside, "agent", "sessions"), "agents", "sessions-of", "sessions");
  link(path.join(outside, "agent", "agent"), "agents", "accounts-of", "agent");
  link("..", "agents", "up");
  link("../agents", "agents", "around");
  link("itself", "agents", "itself");
}

function plantConfigs({ at, link, outside }: Site): void {
  const numbers = { min: 99, max: 99 };
  const list = NASTY.map((name) => ({ id: name, runRetries: numbers })).concat({ id: "../../..", runRetries: numbers });
  const accounts = Object.fromEntries(NASTY.map((name) => [name, { retry: { attempts: 99 } }]));
  const config = {
    meta: { lastTouchedVersion: `2026.5.22${ESC}[2J` },
    agents: { defaults: { runRetries: numbers, timeoutSeconds: 0 }, list },
    channels: { telegram: { accounts, retry: { attempts: 99 } } },
    gateway: { port: 1 },
    logging: { file: path.join(outside, "gateway.log") },
  };
  const keys = '"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "k": 1, "k": 2';
  put(at("openclaw.json"), `{ ${keys}, ${JSON.stringify(config).slice(1)}`);
  put(at("cron", "runs", "x"), "");
  link(path.join(outside, "secret.txt"), ".env");
  put(at("agents", "main", "agent", "auth-profiles.json"), '{"profiles":{"__proto__":{"type":"token"}}}');
  link(path.join(outside, "agent", "agent", "auth-profiles.json"), "agents", "coder", "agent", "auth-profiles.json");
  link(path.join(outside, "payload.json"), "openclaw.json.lock");
  link(path.join(outside, "payload.json"), "locks", "oauth-refresh", "link.lock");
  link(path.join(outside, "ring.jsonl"), "logs", "stability", "openclaw-stability-2.json");
}

/** `vitals` was there before us. */
function plantOwnFolder({ at, link, outside }: Site): void {
  mkdirSync(at("vitals", "quarantine", "20261121T000000Z-abcdef"), { recursive: true, mode: 0o777 });
  chmodSync(at("vitals"), 0o777);
  chmodSync(at("vitals", "quarantine"), 0o777);
  writeFileSync(at("vitals", "journal.jsonl"), `${hostileEntries(at(), outside).join("\n")}\n`, { mode: 0o666 });
  chmodSync(at("vitals", "journal.jsonl"), 0o666);
  link(path.join(outside, "ring.jsonl"), "vitals", "vital-signs.jsonl");
  const machine = {};
  const samples = [1, 2, 3];
  const measure = { id: "start", unit: "ms", source: ESC, samples, machine: samples, atRest: true };
  const hostile = {
    schemaVersion: 1,
    name: null,
    at: `2026-11-21T16:30:05.123Z`,
    host: { version: NASTY[0] },
    machine,
  };
  const text = JSON.stringify({ ...hostile, measures: [measure], notMeasured: [{ id: NASTY[0], why: NASTY[4] }] });
  put(at("vitals", "baselines", "2026-11-21T16-30-05-123Z-2026.9.6.json"), text);
  put(at("vitals", "baselines", "two\nlines.json"), text);
  link(path.join(outside, "secret.json"), "vitals", "baselines", "2026-11-21T16-30-07-123Z-2026.9.6.json");
  link(path.join(outside, "secret.json"), "vitals", "journal.1-00000000.jsonl");
}

/** Lines of a journal that would have a repair, or its undo, do something elsewhere. */
export function hostileEntries(stateDir: string, outside: string): string[] {
  const kept = put(path.join(stateDir, "vitals", "quarantine", "20261121T000000Z-abcdef", "1-x"), "evil\n");
  const move = { ...{ v: 1, at: "2026-11-21T00:00:00.000Z", checkId: "vitals/stale-lock", fixId: "stale-lock" } };
  const file = { dev: "1", ino: "1", size: 5, mtimeNs: "1", sha256: "0".repeat(64) };
  const out = (name: string): string => path.join(outside, name);
  const places = [
    { from: out("new.jsonl.lock"), to: kept }, // what is kept goes out
    { from: path.join(stateDir, "in.jsonl.lock"), to: out("secret.txt") }, // what is out comes in
    { from: out("other.jsonl.lock"), to: out("secret.txt") },
    { from: out("other.jsonl.lock"), to: out(".vitals-r-1-x.quarantined") },
    { from: path.join(stateDir, "agents", "whole", "new.jsonl.lock"), to: kept },
    { from: path.join(stateDir, "agents", "..", "..", "outside", "new.lock"), to: kept },
    { from: path.join(stateDir, "x.lock"), to: `${stateDir}/vitals/../../outside/secret.txt` },
  ];
  const phases = ["intent", "moved", "stuck", "kept", "undone"];
  const lines: object[] = places.flatMap((place, index) =>
    phases.map((phase) => ({ ...move, run: `r${index}-${phase}`, n: 1, findingId: "f", file, phase, ...place })),
  );
  const change = { ...move, n: 1, findingId: "f" };
  for (const phase of ["intent", "done", "kept", "undone"]) {
    const more = { ...change, phase, to: kept };
    lines.push(
      { ...more, run: `c-${phase}`, kind: "config", from: out("secret.json"), detail: { before: "a", after: "b" } },
      { ...more, run: `../../../${phase}`, kind: "config", from: path.join(stateDir, "x"), detail: {} },
      {
        ...{ ...more, run: `d-${phase}`, kind: "row", from: out("outside.sqlite") },
        detail: { table: "agent_database_leases", rowHash: "0", "key:lease_id": MARKER },
      },
      { ...more, run: `j-${phase}`, kind: "cron", from: "/x", detail: { job: "x; touch /tmp/x", option: "--y" } },
      { ...more, run: `t-${phase}`, kind: "restart", from: out("payload.json"), detail: {} },
    );
  }
  for (const nasty of NASTY)
    lines.push(
      { ...move, run: nasty, n: 1, findingId: nasty, file, phase: nasty, from: `/${nasty}`, to: kept },
      { ...move, run: "n", n: lines.length, findingId: nasty, file, phase: "kept", from: `/${nasty}`, to: kept },
      {
        ...change,
        run: "m",
        checkId: nasty,
        phase: "kept",
        kind: nasty,
        detail: {},
        from: "/x",
        to: kept,
        reason: nasty,
      },
    );
  const polluting = '{"v":1,"__proto__":{"polluted":true},"run":"p","n":1,"from":"/x","to":"/y","constructor":1}';
  return [...lines.map((line) => JSON.stringify(line)), polluting, "[".repeat(2_000), "\u0000"];
}

/** Leases and jobs that name what they should not. */
function plantDatabase(file: string, outside: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  db.exec(readFileSync(packageFile("test/fixtures/stranded-lease/2026.9.6.sql"), "utf8"));
  const lease = db.prepare("INSERT OR REPLACE INTO agent_database_leases VALUES (?, ?, ?, ?, NULL, ?)");
  const old = Date.now() - 7_200_000;
  // The pid of whoever runs the tests: alive, and no OpenClaw.
  for (const name of NASTY) lease.run(name, name, path.join(outside, "outside.sqlite"), process.ppid, old);
  db.exec("CREATE TABLE IF NOT EXISTS cron_jobs (job_id, enabled, payload_kind, job_json, store_key, sort_order)");
  const columns = "(job_id, enabled, payload_kind, job_json, store_key, sort_order)";
  const job = db.prepare(`INSERT INTO cron_jobs ${columns} VALUES (?, 1, 'agentTurn', ?, 'x', 1)`);
  for (const id of [...NASTY, "--help"]) job.run(id, '{"payload":{"timeoutSeconds":0}}');
  db.close();
}

/** A file of two gigabytes that takes no room. */
export function sparse(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const fd = openSync(file, "w");
  ftruncateSync(fd, 2 ** 31);
  closeSync(fd);
}

export function mkfifo(files: readonly string[]): void {
  for (const file of files) mkdirSync(path.dirname(file), { recursive: true });
  const { status, stderr } = spawnSync("mkfifo", ["--", ...files], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/** A socket; its path has room for 107 bytes only. */
async function listen(file: string): Promise<void> {
  const server = createServer();
  const cwd = process.cwd();
  process.chdir(path.dirname(file));
  try {
    await new Promise<void>((resolve) => server.listen(path.basename(file), resolve));
  } finally {
    process.chdir(cwd);
  }
  onTestFinished(() => void server.close());
}

/** To another user, as if that one had made it. */
function giveAway(dir: string): void {
  const encoding = "buffer" as const;
  lchownSync(dir, STRANGER, STRANGER);
  const walk = (folder: Buffer): void => {
    for (const name of readdirSync(folder, { encoding })) {
      const file = Buffer.concat([folder, Buffer.from("/"), name]);
      const stat = lstatSync(file);
      if (stat.nlink === 1 || stat.isDirectory()) lchownSync(file as unknown as string, STRANGER, STRANGER);
      if (stat.isDirectory()) walk(file);
    }
  };
  walk(Buffer.from(dir));
}

function outsideNow(outside: string): string[] {
  const names = readdirSync(outside, { recursive: true, encoding: "utf8" });
  const links = names.map((name) => `${name} ${lstatSync(path.join(outside, name)).nlink}`);
  return [...inventory(outside), ...links.sort()];
}
