import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type PlatformProbes, portableProcessTable } from "../../src/facts/processes-portable.ts";

const recorded = (name: string): string =>
  readFileSync(new URL(`../fixtures/portable/${name}.txt`, import.meta.url), "utf8");

const NOW = Date.UTC(2026, 4, 22, 10);
const FILE = { dev: "1", ino: "2", path: "/Users/me/.openclaw/agents/a/sessions/-x y.jsonl.lock" };

interface Answers {
  exists?: "yes" | "no" | "foreign";
  /** Milliseconds the process has run; null: pidusage knows none; an error: it failed. */
  elapsed?: number | null | Error;
  ps?: string | Error;
  lsof?: { stdout: string; stderr?: string; exitCode: number | undefined } | Error;
}

/** A platform that answers as recorded, and what it was asked. */
function machine(platform: NodeJS.Platform, { exists = "yes", elapsed = 90_000, ps = "", lsof }: Answers = {}) {
  const asked: string[] = [];
  const probes: PlatformProbes = {
    platform,
    exists: () => exists,
    async usage() {
      if (elapsed instanceof Error) throw elapsed;
      return elapsed === null ? null : { elapsed, timestamp: NOW };
    },
    async run(command, args) {
      asked.push([command, ...args].join(" "));
      const answer = command === "ps" ? ps : lsof;
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error(`spawn ${command} ENOENT`);
      return typeof answer === "string" ? { stdout: answer, exitCode: answer === "" ? 1 : 0 } : answer;
    },
  };
  return { table: portableProcessTable(probes), asked };
}

describe("macOS", () => {
  test("a gateway", async () => {
    const { table, asked } = machine("darwin", { ps: recorded("darwin-ps-gateway") });
    expect(await table.get(4242)).toEqual({
      state: "alive",
      uid: 501,
      foreign: false,
      startTicks: null,
      startedAtMs: NOW - 90_000,
      title: "openclaw-gateway",
      openclaw: true,
    });
    await table.get(4242);
    expect(asked).toEqual(["ps -ww -o uid=,stat=,args= -p 4242"]);
  });

  test.each([
    ["darwin-ps-long", { title: "node", openclaw: true }],
    ["darwin-ps-editor", { title: "vim", openclaw: false }],
    ["darwin-ps-vitals", { title: "node", openclaw: false }],
    ["darwin-ps-nobody", { title: "mDNSResponder", uid: 4294967294, openclaw: false }],
  ])("%s", async (name, expected) => {
    expect(await machine("darwin", { ps: recorded(name) }).table.get(4242)).toMatchObject(expected);
  });

  test("another user's process: kill says EPERM, ps still tells", async () => {
    const { table } = machine("darwin", { exists: "foreign", ps: recorded("darwin-ps-root") });
    expect(await table.get(1)).toMatchObject({ state: "alive", foreign: true, uid: 0, title: "launchd" });
  });

  test("a zombie is absent, nobody is absent", async () => {
    const zombie = machine("darwin", { ps: recorded("darwin-ps-zombie"), elapsed: new Error("No matching pid found") });
    expect(await zombie.table.get(4242)).toEqual({ state: "absent", zombie: true });
    const { table, asked } = machine("darwin", { exists: "no" });
    expect(await table.get(4242)).toEqual({ state: "absent", zombie: false });
    expect(asked).toEqual([]);
  });

  test.each([
    ["", new Error("pidusage ps command exited with code 2")] as const,
    [new Error("spawn ps ENOENT"), null] as const,
  ])("ps %s and pidusage %s: alive, and nothing known of it", async (ps, elapsed) => {
    expect(await machine("darwin", { ps, elapsed }).table.get(4242)).toEqual({
      state: "alive",
      uid: null,
      foreign: false,
      startTicks: null,
      startedAtMs: null,
      title: null,
      openclaw: null,
    });
  });

  test("lsof names who has it open; the path is no flag", async () => {
    const { table, asked } = machine("darwin", { lsof: { stdout: recorded("darwin-lsof-two"), exitCode: 0 } });
    expect(await table.holders(FILE)).toEqual({ pids: [4242, 4343], seen: "own" });
    expect(asked).toEqual([`lsof -w -Fp -- ${FILE.path}`]);
    expect(table.canReadDescriptors(4242)).toBe(true);
  });

  test.each([
    ["exit 1 with nothing: nobody", { stdout: "", exitCode: 1 }, { pids: [], seen: "own" }],
    [
      "exit 1 after a warning, with a pid",
      { stdout: recorded("darwin-lsof-open"), exitCode: 1 },
      { pids: [4242], seen: "own" },
    ],
    ["exit 1 with a complaint", { stdout: "", stderr: "lsof: status error", exitCode: 1 }, { pids: [], seen: "none" }],
    ["stopped by its deadline", { stdout: "", exitCode: undefined }, { pids: [], seen: "none" }],
    ["broken", { stdout: "", exitCode: 2 }, { pids: [], seen: "none" }],
    ["missing", new Error("spawn lsof ENOENT"), { pids: [], seen: "none" }],
  ])("lsof %s", async (_what, lsof, expected) => {
    expect(await machine("darwin", { lsof }).table.holders(FILE)).toEqual(expected);
  });

  test("there are no PID namespaces to distrust", () => {
    expect(machine("darwin").table.namespace()).toEqual({
      trusted: true,
      initial: null,
      startedAtMs: null,
      lastPid: null,
    });
  });
});

describe("Windows", () => {
  test("alive with its start, without title, user or open files; no program is started for them", async () => {
    const { table, asked } = machine("win32");
    expect(await table.get(4242)).toEqual({
      state: "alive",
      uid: null,
      foreign: false,
      startTicks: null,
      startedAtMs: NOW - 90_000,
      title: null,
      openclaw: null,
    });
    expect(await table.holders(FILE)).toEqual({ pids: [], seen: "none" });
    expect(table.canReadDescriptors(4242)).toBe(false);
    expect(asked).toEqual([]);
  });

  test("absent", async () => {
    expect(await machine("win32", { exists: "no" }).table.get(4242)).toEqual({ state: "absent", zombie: false });
  });
});

// The same readers on this machine: what they understand of a real `ps`, `lsof` and pidusage.
describe.skipIf(process.platform === "win32")("the probes of this machine", () => {
  test("this process", async () => {
    const state = await portableProcessTable().get(process.pid);
    if (state.state !== "alive") throw new Error("not alive");
    expect(state).toMatchObject({ uid: process.getuid?.(), foreign: false, openclaw: false });
    expect(Math.abs((state.startedAtMs ?? 0) - performance.timeOrigin)).toBeLessThan(2500);
  });

  test("a pid beyond all pids", async () => {
    expect(await portableProcessTable().get(2 ** 30)).toEqual({ state: "absent", zombie: false });
  });
});
