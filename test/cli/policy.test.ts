/**
 * What the policy changes for those who run the command, and how they are told.
 * Long because what each command says of one and the same policy stands together.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { catalogue, findEntry } from "../../src/engine/catalogue.ts";
import { hostCheck } from "../../src/host/health-checks.ts";
import { diagnose, repair } from "../../src/index.ts";
import { brokenState, put, tempDir } from "../facts/sandbox.ts";
import { cli, cliJson } from "./terminal.ts";

const HOST = ["--host-version", "2026.4.15"];
const YEAR_AHEAD = new Date(Date.now() + 300 * 86_400_000).toISOString().slice(0, 10);

/** A state with one dead lock and this policy, as arguments. */
function broken(policy: object) {
  const { stateDir, locks } = brokenState();
  put(path.join(stateDir, "vitals.config.json"), JSON.stringify(policy));
  return { stateDir, lock: locks[0] as string, at: ["--state-dir", stateDir, ...HOST] };
}

/** A run without limit: its repair needs a yes. */
const ENDLESS = '{ "agents": { "defaults": { "timeoutSeconds": 0 } } }\n';

const severity = (severity: string) => ({ checks: { "stale-lock": { severity } } });

describe("severity", () => {
  test.each([
    ["warning", "warning", 1],
    ["info", "info", 0],
    ["default", "error", 1],
  ])("%s: the finding has it and the exit code follows", async (word, expected, code) => {
    const { at } = broken(severity(word));
    const run = await cliJson(["check", ...at]);
    expect(run).toMatchObject({ code, document: { ok: code === 0, findings: [{ severity: expected }] } });
    expect((await cliJson(["check", "--severity-min", "error", ...at])).code).toBe(expected === "error" ? 1 : 0);
  });

  test("notes that need no action stay notes", async () => {
    const stateDir = path.join(tempDir(), ".openclaw");
    put(path.join(stateDir, "openclaw.json"), ENDLESS);
    const at = ["--state-dir", stateDir, "--only", "unbounded-timeout", "--host-version", "2026.5.22"];
    const severities = async () =>
      (await cliJson(["check", ...at])).document.findings.map((one: { severity: string }) => one.severity);
    const before = await severities();
    expect(before).toContain("info");
    put(path.join(stateDir, "vitals.config.yaml"), "checks: { unbounded-timeout: { severity: error } }");
    expect((await severities()).filter((one: string) => one === "info")).toEqual(
      before.filter((one: string) => one === "info"),
    );
  });

  test("off: the check does not run, is counted as skipped, and nothing of it is repaired", async () => {
    const { at, lock } = broken(severity("off"));
    const { code, document } = await cliJson(["check", ...at]);
    const on = await cliJson([
      "check",
      ...at,
      "--only",
      catalogue()
        .map(({ id }) => id)
        .join(),
    ]);
    expect({ code, findings: document.findings }).toEqual({ code: 0, findings: [] });
    expect(document.checksSkipped - on.document.checksSkipped).toBe(1);
    expect(Object.keys(document.timings)).not.toContain("stale-lock");
    expect((await cliJson(["fix", ...at])).document).toMatchObject({ ok: true, repairs: [] });
    expect(existsSync(lock)).toBe(true);
  });

  test("the flag --only wins over off, the host's doctor does not", async () => {
    const { stateDir, at } = broken(severity("off"));
    expect((await cliJson(["check", "--only", "stale-lock", ...at])).document.findings).toHaveLength(1);
    const command = { repairs: true, data: false, nonInteractive: true, yes: false, force: false };
    const ctx = {
      cfg: { meta: { lastTouchedVersion: "2026.5.22" } },
      configPath: path.join(stateDir, "openclaw.json"),
      env: { OPENCLAW_STATE_DIR: stateDir, PATH: "" },
    };
    const check = hostCheck(findEntry("stale-lock"), command, "r");
    expect(await check.detect(ctx)).toEqual([]);
    expect(await check.repair(ctx, [])).toMatchObject({ status: "skipped", changes: [] });
  });
});

describe("silence", () => {
  const reason = "waits for the update of Tuesday";
  const silence = (id: string, until: string) => ({ silence: [{ id, reason, until }] });

  /** The id of the finding of a broken state, and that state with the silence of it. */
  async function silenced(until: string) {
    const made = broken({});
    const { findings } = (await cliJson(["check", ...made.at])).document;
    put(path.join(made.stateDir, "vitals.config.json"), JSON.stringify(silence(findings[0].id, until)));
    return { ...made, id: findings[0].id as string };
  }

  test("until its day it does not count, is not repaired, and is listed", async () => {
    const { at, id, lock } = await silenced(YEAR_AHEAD);
    const listed = [{ id, checkId: "vitals/stale-lock", severity: "error", silence: { reason, until: YEAR_AHEAD } }];
    const check = await cliJson(["check", ...at]);
    expect(check).toMatchObject({ code: 0, document: { ok: true, findings: [], silenced: listed } });
    const fix = await cliJson(["fix", "--yes", "--force", ...at]);
    expect(fix).toMatchObject({ code: 0, document: { ok: true, repairs: [], remaining: [], silenced: listed } });
    expect(existsSync(lock)).toBe(true);
    const line = "1 finding silenced by the policy: `openclaw-vitals policy` says which and why.\n";
    expect((await cli(["check", ...at])).stdout).toMatch(new RegExp(`\n\nNothing found\\.\n${line}$`));
    expect((await cli(["fix", ...at])).stdout).toBe(`Nothing to repair.\n${line}`);
    expect((await cli(["policy", ...at])).stdout).toContain(
      `silenced  finding ${id} until ${YEAR_AHEAD}, vitals.config.json\n  ${reason}\n`,
    );
  });

  test("after its day it counts, with a note, and is repaired", async () => {
    const { at, id, lock } = await silenced("2026-01-31");
    const check = await cliJson(["check", ...at]);
    expect(check.code).toBe(1);
    expect(check.document).toMatchObject({ ok: false, silenced: [], findings: [{ id }, { severity: "info" }] });
    expect(check.document.findings[1].message).toContain("ended with 2026-01-31");
    const { stdout } = await cli(["check", "--only", "stale-lock", ...at]);
    expect(stdout).toContain(`The silence of finding ${id} ended with 2026-01-31`);
    expect((await cli(["policy", ...at])).stdout).toContain(`ended  finding ${id} until 2026-01-31`);
    expect(await cliJson(["fix", ...at])).toMatchObject({ code: 0, document: { repairs: [{ status: "repaired" }] } });
    expect(existsSync(lock)).toBe(false);
  });

  test("what is below the severity asked for is not listed either", async () => {
    const { at } = await silenced(YEAR_AHEAD);
    const ranked = await cliJson(["check", "--severity-min", "error", ...at]);
    expect(ranked.document.silenced).toHaveLength(1);
    const { stateDir, at: other } = broken({ ...severity("warning"), silence: [] });
    const [{ id }] = (await cliJson(["check", ...other])).document.findings;
    put(
      path.join(stateDir, "vitals.config.json"),
      JSON.stringify({ ...severity("warning"), ...silence(id, YEAR_AHEAD) }),
    );
    expect((await cliJson(["check", "--severity-min", "error", ...other])).document.silenced).toEqual([]);
  });
});

describe("what runs unasked", () => {
  const allow = (...risks: string[]) => ({ repair: { allow: risks } });
  const options = (stateDir: string) => ({
    stateDir,
    hostVersion: "2026.4.15",
    env: {},
    only: ["stale-lock", "unbounded-timeout"],
  });
  /** A dead lock, and a run without limit. */
  function endless(policy: object): string {
    const { stateDir } = broken(policy);
    put(path.join(stateDir, "openclaw.json"), ENDLESS);
    return stateDir;
  }
  const done = (repairs: readonly { status: string; risk: string; reason?: string }[]) =>
    repairs.map(({ status, risk, reason }) => [risk, status, ...(reason === undefined ? [] : [reason])]);
  const UNASKED = "the policy lets nothing run unasked, so it needs a yes: run again with --yes";
  const YES = "it needs a yes: run again with --yes";

  test.each([
    [
      "by default",
      {},
      {},
      [
        ["confirm", "skipped", YES],
        ["safe", "repaired"],
      ],
    ],
    [
      "with confirm",
      allow("safe", "confirm"),
      {},
      [
        ["confirm", "repaired"],
        ["safe", "repaired"],
      ],
    ],
    [
      "with nothing",
      allow(),
      {},
      [
        ["confirm", "skipped", YES],
        ["safe", "skipped", UNASKED],
      ],
    ],
    [
      "with nothing, but --yes",
      allow(),
      { yes: true },
      [
        ["confirm", "repaired"],
        ["safe", "repaired"],
      ],
    ],
    [
      "with nothing, but --force",
      allow(),
      { force: true },
      [
        ["confirm", "skipped", YES],
        ["safe", "skipped", UNASKED],
      ],
    ],
  ] as const)("%s", async (_name, policy, flags, expected) => {
    const stateDir = endless(policy);
    const { repairs } = await repair({ ...options(stateDir), ...flags });
    expect(done(repairs).sort()).toEqual(expected.map((one) => [...one]));
  });

  test("in an update a policy allows no more than usual, and may allow less", async () => {
    const env = { OPENCLAW_UPDATE_IN_PROGRESS: "1" };
    const more = await repair({ ...options(endless(allow("safe", "confirm"))), env });
    expect(done(more.repairs)).toEqual(
      expect.arrayContaining([
        ["confirm", "skipped", "not during an update"],
        ["safe", "repaired"],
      ]),
    );
    const less = await repair({ ...options(endless(allow())), env });
    expect(done(less.repairs)).toContainEqual(["safe", "skipped", UNASKED]);
  });

  test("whoever asks is told what would run unasked", async () => {
    for (const [policy, expected] of [
      [{}, ["safe"]],
      [allow("confirm"), ["confirm"]],
    ] as const) {
      const seen: string[] = [];
      await repair({
        ...options(endless(policy)),
        async consent(planned, allowed) {
          seen.push(...[...allowed].map(({ repair: { risk } }) => risk));
          expect(planned.length).toBeGreaterThan(allowed.size);
          return new Set();
        },
      });
      expect([...new Set(seen)]).toEqual(expected);
    }
  });
});

describe("openclaw-vitals policy", () => {
  test("every key with its value and where that comes from", async () => {
    const { stateDir, at } = broken({ locks: { soleOwner: true }, checks: { "host-hazard": { severity: "off" } } });
    put(
      path.join(stateDir, "openclaw.json"),
      JSON.stringify({ plugins: { entries: { vitals: { config: { retries: { ceiling: 40 }, autoHeal: "off" } } } } }),
    );
    const file = path.join(stateDir, "vitals.config.json");
    const { code, document } = await cliJson(["policy", "--yes", ...at]);
    expect({ code, problems: document.problems, silences: document.silences }).toEqual({
      code: 0,
      problems: [],
      silences: [],
    });
    const row = (key: string) => document.values.find((one: { key: string }) => one.key === key);
    expect(row("locks.soleOwner")).toEqual({ key: "locks.soleOwner", value: true, source: "file", where: file });
    expect(row("locks.graceSeconds")).toMatchObject({ value: 30, source: "default", where: null });
    expect(row("retries.ceiling")).toMatchObject({
      value: 40,
      source: "plugin-config",
      where: "plugins.entries.vitals.config",
    });
    expect(row("repair.allow")).toMatchObject({ value: ["safe", "confirm"], source: "flag", where: "--yes" });
    expect(row("checks.stale-lock.severity")).toMatchObject({ value: "default", source: "default" });
    const { stdout } = await cli(["policy", "--yes", ...at]);
    expect(stdout.split("\n").map((line) => line.trimEnd().replace(/ {2,}/g, "  "))).toEqual([
      `Policy for ${stateDir}`,
      "",
      "checks.<other>.severity  default  default",
      "checks.host-hazard.severity  off  vitals.config.json",
      "repair.allow  safe, confirm  --yes",
      "autoHeal  off  plugins.entries.vitals.config (openclaw.json)",
      "locks.graceSeconds  30  default",
      "locks.soleOwner  true  vitals.config.json",
      "retries.ceiling  40  plugins.entries.vitals.config (openclaw.json)",
      "timeouts.subagentSeconds  3600  default",
      "loop.maxDelayMs  1000  default",
      "memory.slopeMBPerMinute  20  default",
      "restart.cooldownMinutes  10  default",
      "",
    ]);
  });

  test("a wrong one is an error with place and remedy; a config that cannot be read is said", async () => {
    const { stateDir, at } = broken({ autoHeal: "always" });
    const wrong = await cliJson(["policy", ...at]);
    const file = path.join(stateDir, "vitals.config.json");
    expect(wrong).toMatchObject({
      code: 2,
      document: {
        ok: false,
        error: { message: `${file}: "autoHeal" cannot be "always".`, remedy: 'Allowed: "off", "report", "fix".' },
      },
    });
    put(file, "{}");
    put(path.join(stateDir, "openclaw.json"), "{ broken");
    expect((await cliJson(["policy", ...at])).document.problems).toMatchObject([expect.stringContaining("line 1")]);
    expect((await cli(["policy", ...at])).stdout).toMatch(/\nNot read: .*openclaw\.json/);
  });
});

test("diagnose and repair of the API tell what is silenced", async () => {
  const { stateDir } = broken({ silence: [{ check: "stale-lock", reason: "known", until: YEAR_AHEAD }] });
  const { silenced, ok } = await diagnose({ stateDir, hostVersion: "2026.4.15", env: {} });
  expect({ ok, silenced: silenced.length }).toEqual({ ok: true, silenced: 1 });
});
