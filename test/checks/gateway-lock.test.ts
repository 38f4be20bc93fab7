/** Long because three kinds of lock files in both eras, each with what it must not be taken for. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
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
  setAge,
  startHolder,
  temporaryFolder,
} from "../engine/sandbox.ts";
import { unhurried } from "../quick.ts";

const HOUR = 3_600_000;
// Where nobody can see who has a file open, moving an empty lock takes a yes.
const windows = process.platform === "win32";
const OWN = process.getuid === undefined ? "openclaw" : `openclaw-${process.getuid()}`;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

/** A lock as that host left it, with these fields in place of its own; undefined removes one. */
function recorded(name: string, replace: object): string {
  const file = fileURLToPath(new URL(`../fixtures/gateway-lock/${name}`, import.meta.url));
  const [, json = "", padding = ""] = /^(\{.*\})(\s*)$/s.exec(readFileSync(file, "utf8")) ?? [];
  return JSON.stringify({ ...JSON.parse(json), ...replace }, null, 2) + padding;
}

/** An installation of one era, with its own folder for temporary files. */
function install(hostVersion: "2026.5.22" | "2026.9.6", configPath?: string) {
  const sandbox = makeSandbox();
  const temporary = temporaryFolder();
  const config = configPath ?? path.join(sandbox.stateDir, "openclaw.json");
  writeFileSync(config, "{}");
  const hashed = `gateway.${createHash("sha256").update(config).digest("hex").slice(0, 8)}.lock`;
  const old = hostVersion === "2026.5.22";
  const dir = path.join(old ? temporary : path.join(sandbox.stateDir, "tmp"), OWN);
  mkdirSync(dir, { recursive: true });
  const env = { TMPDIR: temporary, TEMP: temporary };
  const options = { ...sandbox.options, only: ["gateway-lock"], hostVersion, env, configPath: config };
  return { sandbox, temporary, dir, options, file: path.join(dir, old ? hashed : "gateway.state.lock"), hashed };
}
type Installed = ReturnType<typeof install>;

function put(file: string, content: string | object, ageMs = HOUR): string {
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  setAge(file, ageMs);
  return file;
}

async function look({ options }: Pick<Installed, "options">, more: object = {}) {
  return (await diagnose({ ...options, ...more })).findings;
}

async function only(installed: Installed) {
  const findings = await look(installed);
  expect(findings.map((finding) => finding.message)).toHaveLength(1);
  const [finding] = findings;
  if (finding === undefined) throw new Error("unreachable");
  return finding;
}

const ERAS = ["2026.5.22", "2026.9.6"] as const;
const LEFT_BY = { "2026.5.22": "2026.5.22.json", "2026.9.6": "2026.9.6.lock" } as const;

describe.each(ERAS)("on %s", (version) => {
  test("nothing to say without locks, and about kernel locks and those of other installations", async () => {
    const here = install(version);
    for (const name of ["gateway.state.lock.sqlite", "gateway.state.lock.sqlite-wal", "gateway.00000000.lock"])
      put(path.join(here.dir, name), "");
    expect(await look(here)).toEqual([]);
  });

  test("a fresh lock without a payload belongs to a host at work", async () => {
    const here = install(version);
    put(here.file, "", 0);
    expect(await look(here)).toEqual([]);
  });

  test("an old one is taken back by the host: told of, and moved all the same", async () => {
    for (const content of ["", '{"pid": 42', "{}", '{"pid":0}']) {
      const here = install(version);
      put(here.file, content);
      expect(await only(here)).toMatchObject({
        checkId: "vitals/gateway-lock",
        severity: "info",
        verdict: "gone",
        path: here.file,
        target: `gateway, ${path.basename(here.file)}`,
        message: "A gateway lock that names no owner is left over; OpenClaw takes it back by itself at the next start.",
        fix: { id: "gateway-lock", risk: windows ? "confirm" : "safe" },
      });
    }
  });

  test("a killed gateway's lock, as it leaves it", async () => {
    const here = install(version);
    const { pid, starttime } = await deadProcess();
    put(here.file, recorded(LEFT_BY[version], { pid, startTime: starttime }));
    expect(await only(here)).toMatchObject({
      severity: "info",
      verdict: "gone",
      confidence: "proven",
      message: `Process ${pid} ended without removing its gateway lock; OpenClaw takes it back by itself at the next start.`,
      fix: { risk: "safe" },
    });
    const before = identityOf(here.file);
    const { repairs, ok } = await repair(here.options);
    expect(repairs).toMatchObject([{ status: "repaired", path: here.file }]);
    expect(ok).toBe(true);
    expect(existsSync(here.file)).toBe(false);
    expect(quarantined(here.sandbox.stateDir).map(identityOf)).toEqual([before]);
  });

  test.runIf(onLinux)("a running gateway's lock: no finding, with its descriptor open or not", async () => {
    const here = install(version);
    const gateway = await startHolder("openclaw-gateway");
    await gateway.take(here.file, { pid: gateway.pid, createdAt: new Date(gateway.readyAt).toISOString() });
    setAge(here.file, HOUR);
    expect(await look(here)).toEqual([]);
    const before = put(here.file, recorded(LEFT_BY[version], { pid: gateway.pid, startTime: gateway.starttime }));
    const content = readFileSync(before, "utf8");
    expect(await look(here)).toEqual([]);
    await gateway.letGo(here.file);
    expect(await look(here)).toEqual([]);
    expect((await repair({ ...here.options, yes: true })).repairs).toEqual([]);
    expect(readFileSync(here.file, "utf8")).toBe(content);
  });

  test.runIf(onLinux)("its start time tells a recycled number apart, spelt as gateways do", async () => {
    const here = install(version);
    const other = await startHolder("openclaw-gateway");
    const createdAt = new Date(other.readyAt).toISOString(); // by the clock alone it could be the owner
    put(here.file, recorded(LEFT_BY[version], { pid: other.pid, createdAt, startTime: other.starttime - 1 }));
    expect(await only(here)).toMatchObject({ severity: "info", verdict: "gone", fix: { risk: "safe" } });
  });

  test("a folder in its place: no gateway starts; reported only", async () => {
    const here = install(version);
    mkdirSync(here.file);
    expect(await only(here)).toMatchObject({
      severity: "error",
      verdict: "unknown",
      message: "The gateway cannot start: a directory stands where its lock should be.",
      fix: null,
    });
  });

  test("a link in its place: reported, never followed", async () => {
    const here = install(version);
    symlinkSync(put(path.join(here.dir, "elsewhere"), ""), here.file);
    const severity = version === "2026.9.6" ? "error" : "warning";
    expect(await only(here)).toMatchObject({ severity, verdict: "unknown", fix: null });
  });

  test("a config given through a link to its folder: the host hashes the path as it got it", async () => {
    const outside = temporaryFolder();
    mkdirSync(path.join(outside, "real"));
    symlinkSync(path.join(outside, "real"), path.join(outside, "linked"));
    const here = install(version, path.join(outside, "linked", "my.json"));
    const file = put(path.join(here.dir, here.hashed), "");
    expect(await only(here)).toMatchObject({ path: file, severity: "info" });
  });
});

describe("a number that another gateway has now, in a lock without a start time", () => {
  const reused = async (installed: Installed, title: string) => {
    const other = await startHolder(title);
    const left = recorded("2026.9.6.lock", { pid: other.pid, createdAt: ago(HOUR), startTime: undefined });
    put(installed.file, left);
    return other;
  };

  test.runIf(onLinux)("2026.9.6 takes it for the owner and does not start: safe to move", async () => {
    const here = install("2026.9.6");
    const { pid } = await reused(here, "openclaw-gateway");
    const finding = await only(here);
    expect(finding).toMatchObject({ severity: "error", verdict: "gone", confidence: "proven", fix: { risk: "safe" } });
    expect(finding.message).toContain(`The gateway cannot start: its lock names process ${pid}, but that number`);
    expect((await repair(here.options)).repairs).toMatchObject([{ status: "repaired", path: here.file }]);
  });

  test.runIf(onLinux)("2026.5.22 asks its port first; a program that is no gateway deceives neither", async () => {
    for (const [version, title] of [["2026.5.22", "openclaw-gateway"] as const, ["2026.9.6", "postgres"] as const]) {
      const here = install(version);
      await reused(here, title);
      expect(await only(here)).toMatchObject({ severity: "info", verdict: "gone", fix: { risk: "safe" } });
    }
  });
});

describe("a guard left behind", () => {
  const guard = (installed: Installed, ageMs = HOUR): string => {
    const dir = `${installed.file}.reclaim`;
    mkdirSync(dir, { recursive: true });
    setAge(dir, ageMs);
    return dir;
  };

  test("reported on hosts that respect it, with or without its lock; the lock then stays", async () => {
    const old = install("2026.5.22");
    guard(old);
    expect(await look(old)).toEqual([]);
    const here = install("2026.9.6");
    const dir = guard(here);
    expect(await only(here)).toMatchObject({
      severity: "error",
      path: dir,
      message: "The gateway cannot start: a process that was taking back its lock died and left its guard behind.",
      fixHint: `Stop OpenClaw; if the guard is still there then, remove it: \`rmdir ${dir}\`.`,
      fix: null,
    });
    put(here.file, "");
    const { repairs } = await repair({ ...here.options, yes: true });
    expect(repairs).toMatchObject([{ status: "skipped", path: here.file, reason: expect.stringContaining("reclaim") }]);
    expect(existsSync(dir)).toBe(true);
  });

  test("a fresh one belongs to a host at work", async () => {
    const here = install("2026.9.6");
    guard(here, 0);
    expect(await look(here)).toEqual([]);
  });
});

describe("two gateways on one state dir", () => {
  test.runIf(onLinux)("the one that lost its lock has it open still", async () => {
    const here = install("2026.5.22");
    const [first, second] = [await startHolder("openclaw"), await startHolder("openclaw")];
    await first.take(here.file, { pid: first.pid, createdAt: new Date(first.readyAt).toISOString() });
    rmSync(here.file);
    expect(await only(here)).toMatchObject({
      severity: "error",
      confidence: "proven",
      message: `A gateway (process ${first.pid}) runs without its lock, so a second one can start on the same state dir.`,
      fix: null,
    });
    await second.take(here.file, { pid: second.pid, createdAt: new Date(second.readyAt).toISOString() });
    expect(await only(here)).toMatchObject({
      message: `Two gateways run on the same state dir: process ${second.pid} took the lock away from process ${first.pid}.`,
      fix: null,
    });
    await first.kill();
    expect(await look(here)).toEqual([]);
  });
});

test("an update looks at nothing outside the state dir", async () => {
  for (const version of ERAS) {
    const here = install(version);
    put(here.file, "");
    const env = { ...here.options.env, OPENCLAW_UPDATE_IN_PROGRESS: "1" };
    expect(await look(here, { env })).toHaveLength(version === "2026.9.6" ? 1 : 0);
  }
});

test("written to between two looks: somebody is at work", async () => {
  const here = install("2026.9.6");
  put(here.file, "");
  const later = setInterval(() => utimesSync(here.file, new Date(0), new Date(Math.random() * 1e9)), 20);
  try {
    expect(await unhurried(() => look(here))).toEqual([]);
  } finally {
    clearInterval(later);
  }
});
