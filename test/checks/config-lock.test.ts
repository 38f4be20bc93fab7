/** Long because locks of the config and of OAuth tokens, with every file name that only looks like one. */
import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/engine/diagnose.ts";
import { repair } from "../../src/engine/repair.ts";
import {
  deadProcess,
  identityOf,
  makeSandbox,
  onLinux,
  quarantined,
  recorded,
  type Sandbox,
  setAge,
  startHolder,
  temporaryFolder,
} from "../engine/sandbox.ts";
import { unhurried } from "../quick.ts";

const HOUR = 3_600_000;
// Where nobody can see who has a file open, moving an empty lock takes a yes.
const windows = process.platform === "win32";
const OLD = { hostVersion: "2026.5.22" };
const NEW = { hostVersion: "2026.9.6" };
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

/** Writes a lock an hour old, below the state dir. */
function put(sandbox: Sandbox, name: string, content: string | object, ageMs = HOUR): string {
  const file = path.join(sandbox.stateDir, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
  setAge(file, ageMs);
  return file;
}

const CONFIG = "openclaw.json.lock";

async function look(sandbox: Sandbox, options: Parameters<typeof diagnose>[0] = {}) {
  return (await diagnose({ ...sandbox.options, only: ["config-lock"], ...options })).findings;
}

async function only(sandbox: Sandbox, options: Parameters<typeof diagnose>[0] = {}) {
  const findings = await look(sandbox, options);
  expect(findings.map((finding) => finding.message)).toHaveLength(1);
  const [finding] = findings;
  if (finding === undefined) throw new Error("unreachable");
  return finding;
}

describe("nothing to say", () => {
  test("no lock at all, and none of other things", async () => {
    const sandbox = makeSandbox();
    sandbox.writeConfig({});
    for (const name of ["openclaw.json.lock.sqlite", "state/openclaw.sqlite", "locks/oauth-refresh/notes.txt"])
      put(sandbox, name, "");
    for (const options of [OLD, NEW]) expect(await look(sandbox, options)).toEqual([]);
  });

  test.each(["", "{", '{"pid":0}'])("fresh, content %j", async (content) => {
    const sandbox = makeSandbox();
    put(sandbox, CONFIG, content, 0);
    expect(await look(sandbox)).toEqual([]);
  });

  test("written to between two looks", async () => {
    const sandbox = makeSandbox();
    const file = put(sandbox, CONFIG, "");
    const later = setInterval(() => utimesSync(file, new Date(0), new Date(Math.random() * 1e9)), 20);
    try {
      expect(await unhurried(() => look(sandbox))).toEqual([]);
    } finally {
      clearInterval(later);
    }
  });

  test.runIf(onLinux)("held by a live writer, as long as it likes", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder("openclaw-config");
    const file = path.join(sandbox.stateDir, CONFIG);
    const payload = { pid: holder.pid, createdAt: new Date(holder.readyAt).toISOString() };
    await holder.take(file, payload);
    setAge(file, HOUR);
    expect(await look(sandbox)).toEqual([]);
    writeFileSync(file, JSON.stringify({ ...payload, starttime: holder.starttime, createdAt: ago(HOUR) }));
    setAge(file, HOUR);
    expect(await look(sandbox)).toEqual([]);
  });

  test.runIf(onLinux)("no payload yet, but somebody has it open", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder("openclaw-config");
    const file = path.join(sandbox.stateDir, CONFIG);
    await holder.take(file, { pid: holder.pid });
    writeFileSync(file, "");
    setAge(file, HOUR);
    expect(await look(sandbox)).toEqual([]);
  });
});

describe("a lock nobody holds", () => {
  test.each([
    ["empty", ""],
    ["half written", '{"pid": 42'],
    ["no owner in it", "{}"],
    ["pid 0", '{"pid":0}'],
    ["text", "locked by hand\n"],
  ])("%s and old: every config write fails", async (_name, content) => {
    const sandbox = makeSandbox();
    const file = put(sandbox, CONFIG, content);
    for (const options of [OLD, NEW]) {
      expect(await only(sandbox, options)).toMatchObject({
        checkId: "vitals/config-lock",
        severity: "error",
        verdict: "gone",
        path: file,
        target: "openclaw.json",
        message: "Every change of the config fails: its lock names no owner and has not changed since.",
        fix: { id: "config-lock", risk: windows ? "confirm" : "safe" },
      });
    }
  });

  test.runIf(onLinux)("a live process that is not OpenClaw and started later: gone, and safe to move", async () => {
    const sandbox = makeSandbox();
    const other = await startHolder("postgres");
    put(sandbox, CONFIG, recorded("config-lock/2026.5.22", { pid: other.pid, createdAt: ago(HOUR) }));
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ severity: "error", verdict: "gone", confidence: "proven", fix: { risk: "safe" } });
    expect(finding.message).toContain(`fails: its lock names process ${other.pid}, but that number belongs to another`);
  });

  test.runIf(onLinux)("the same, but it has the lock open (a program that embeds OpenClaw): held", async () => {
    const sandbox = makeSandbox();
    const other = await startHolder("my-embedding");
    const file = path.join(sandbox.stateDir, CONFIG);
    await other.take(file, recorded("config-lock/2026.5.22", { pid: other.pid, createdAt: ago(HOUR) }));
    setAge(file, HOUR);
    expect(await look(sandbox)).toEqual([]);
  });

  test.runIf(onLinux)("a live process that is not OpenClaw and started before: kept and reported", async () => {
    const sandbox = makeSandbox();
    const other = await startHolder("postgres");
    put(sandbox, CONFIG, { pid: other.pid, createdAt: ago(0) });
    const finding = await only(sandbox);
    expect(finding).toMatchObject({ severity: "warning", verdict: "unknown", fix: null });
    expect(finding.message).toMatch(/^Changes of the config may all fail: its lock names process \d+, which runs/);
  });

  test.runIf(onLinux)("let go of by a live OpenClaw: moved only with a yes", async () => {
    const sandbox = makeSandbox();
    const holder = await startHolder("openclaw-gateway");
    const file = path.join(sandbox.stateDir, CONFIG);
    await holder.take(file, { pid: holder.pid, createdAt: ago(0) });
    await holder.letGo(file);
    setAge(file, HOUR);
    expect(await only(sandbox)).toMatchObject({ severity: "error", verdict: "leaked", fix: { risk: "confirm" } });
  });
});

describe("a lock the host takes back by itself", () => {
  test("a dead owner is only told of, and moved all the same", async () => {
    const sandbox = makeSandbox();
    const { pid } = await deadProcess();
    const file = put(sandbox, CONFIG, recorded("config-lock/2026.5.22", { pid }));
    for (const options of [OLD, NEW]) {
      expect(await only(sandbox, options)).toMatchObject({
        severity: "info",
        verdict: "gone",
        message: `Process ${pid} died while it changed the config and left its lock, which OpenClaw takes back by itself when it needs it next.`,
        fix: { risk: "safe" },
      });
    }
    const before = identityOf(file);
    const { repairs, ok } = await repair({ ...sandbox.options, only: ["config-lock"] });
    expect(repairs).toMatchObject([{ status: "repaired", path: file }]);
    expect(ok).toBe(true);
    expect(identityOf(quarantined(sandbox.stateDir)[0] as string)).toEqual(before);
  });

  test("as 2026.9.6 writes it, with its token of white space", async () => {
    const sandbox = makeSandbox();
    const recordedLock = fileURLToPath(new URL("../fixtures/config-lock/2026.9.6.lock", import.meta.url));
    const { pid } = await deadProcess();
    put(sandbox, CONFIG, readFileSync(recordedLock, "utf8").replace("4242", String(pid)));
    const finding = await only(sandbox, NEW);
    expect(finding).toMatchObject({ severity: "info", verdict: "gone", confidence: "proven" });
    expect(finding.evidence).toContainEqual({ what: "pid in the lock", value: pid, source: "lock payload" });
  });

  test.runIf(onLinux)("another start time: 2026.9.6 takes it back, 2026.5.22 does not look at it", async () => {
    const sandbox = makeSandbox();
    const other = await startHolder("postgres");
    put(sandbox, CONFIG, { pid: other.pid, createdAt: ago(HOUR), starttime: other.starttime - 1 });
    expect(await only(sandbox, OLD)).toMatchObject({ severity: "error", verdict: "gone" });
    expect(await only(sandbox, NEW)).toMatchObject({ severity: "info", verdict: "gone" });
  });

  test("not for a sign-in: there the host refuses", async () => {
    const sandbox = makeSandbox();
    const { pid } = await deadProcess();
    put(sandbox, "locks/provider-auth-persistence/lock-00ff.lock", { pid, createdAt: ago(HOUR) });
    const finding = await only(sandbox, NEW);
    expect(finding).toMatchObject({ severity: "error", target: "sign-in, lock-00ff.lock" });
    expect(finding.message).toBe(
      `Every new sign-in to one model account fails: process ${pid}, which holds its lock, is gone.`,
    );
  });
});

describe("where locks are looked for", () => {
  test("OAuth tokens, as either version names them, and the accounts of each agent", async () => {
    const sandbox = makeSandbox();
    put(sandbox, `locks/oauth-refresh/sha256-${"0".repeat(64)}.lock`, "");
    put(sandbox, "locks/oauth-refresh/lock-00ff.lock", "");
    put(sandbox, "agents/coder/agent/auth-profiles.json.lock", "");
    put(sandbox, "agents/main/agent/openclaw-agent.sqlite.lock", "");
    expect((await look(sandbox)).map(({ message }) => message.split(":")[0])).toEqual([
      "Agent `coder` cannot change or renew its model accounts",
      "Agent `main` cannot change or renew its model accounts",
      "One model account cannot renew its OAuth token and stops working when that expires",
      "One model account cannot renew its OAuth token and stops working when that expires",
    ]);
  });

  test("a config elsewhere, reached through a link to its folder", async () => {
    const sandbox = makeSandbox();
    const elsewhere = temporaryFolder();
    const real = path.join(elsewhere, "real");
    mkdirSync(real);
    writeFileSync(path.join(real, "my.json"), "{}");
    symlinkSync(real, path.join(elsewhere, "linked"));
    const file = path.join(real, "my.json.lock");
    writeFileSync(file, "");
    setAge(file, HOUR);
    const configPath = path.join(elsewhere, "linked", "my.json");
    expect(await only(sandbox, { configPath })).toMatchObject({ path: file, target: "my.json" });
    const env = { OPENCLAW_UPDATE_IN_PROGRESS: "1" };
    expect(await look(sandbox, { configPath, env }), "an update looks at nothing outside").toEqual([]);
  });

  test("included files, on hosts that lock them", async () => {
    const sandbox = makeSandbox();
    sandbox.writeConfig({ agents: { $include: "./parts/agents.json5" } });
    put(sandbox, "parts/agents.json5", '{ defaults: { $include: "deep.json5" } }');
    put(sandbox, "parts/deep.json5", "{}");
    const file = put(sandbox, "parts/agents.json5.lock", "");
    put(sandbox, "parts/deep.json5.lock", "");
    put(sandbox, "parts/unrelated.json5.lock", "");
    expect(await look(sandbox, OLD)).toEqual([]);
    const findings = await look(sandbox, NEW);
    expect(findings.map(({ target }) => target)).toEqual(["agents.json5", "deep.json5"]);
    expect(findings[0]).toMatchObject({
      path: file,
      message:
        "Every change of the included config file agents.json5 fails: its lock names no owner and has not changed since.",
    });
  });

  test("a link, a folder: reported, never moved", async () => {
    for (const make of [(file: string) => symlinkSync("nowhere", file), (file: string) => mkdirSync(file)]) {
      const sandbox = makeSandbox();
      make(path.join(sandbox.stateDir, CONFIG));
      const finding = await only(sandbox);
      expect(finding).toMatchObject({ severity: "warning", verdict: "unknown", fix: null });
      expect(finding.message).toMatch(/^Changes of the config may all fail: a (symbolic link|directory) stands where/);
    }
  });
});

describe("a guard left behind", () => {
  function guard(sandbox: Sandbox, name = CONFIG, ageMs = HOUR): string {
    const dir = path.join(sandbox.stateDir, `${name}.reclaim`);
    mkdirSync(dir, { recursive: true });
    setAge(dir, ageMs);
    return dir;
  }

  test("reported on hosts that respect it, with or without its lock; the lock then stays", async () => {
    const sandbox = makeSandbox();
    const dir = guard(sandbox);
    expect(await look(sandbox, OLD)).toEqual([]);
    expect(await only(sandbox, NEW)).toMatchObject({
      severity: "error",
      path: dir,
      message:
        "Every change of the config fails: a process that was taking back its lock died and left its guard behind.",
      fix: null,
    });
    const file = put(sandbox, CONFIG, "");
    const { repairs, remaining } = await repair({ ...sandbox.options, ...NEW, only: ["config-lock"], yes: true });
    expect(repairs).toMatchObject([{ status: "skipped", path: file, reason: expect.stringContaining("reclaiming") }]);
    expect(remaining).toHaveLength(2);
  });

  test("a fresh one belongs to a host at work", async () => {
    const sandbox = makeSandbox();
    guard(sandbox, "locks/oauth-refresh/lock-00ff.lock", 0);
    expect(await look(sandbox, NEW)).toEqual([]);
    guard(sandbox, "locks/oauth-refresh/lock-00aa.lock");
    expect(await only(sandbox, NEW)).toMatchObject({ target: "OAuth token, lock-00aa.lock" });
  });
});
