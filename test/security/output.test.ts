/** Names that somebody chose, in what is shown: text, and nothing that a terminal, a page or a log would act on. */
import { chmodSync, chownSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { type Paint, toJson } from "../../src/cli/terminal.ts";
import type { PlannedRepair } from "../../src/engine/apply.ts";
import { findEntry } from "../../src/engine/catalogue.ts";
import { healRound } from "../../src/host/heal-round.ts";
import { hostCheck } from "../../src/host/health-checks.ts";
import { renderPlan } from "../../src/report/guided.ts";
import { createRedactor } from "../../src/report/redact.ts";
import { cli } from "../cli/terminal.ts";
import { asRoot, onLinux } from "../engine/sandbox.ts";
import { deadPid, payload, put, tempDir } from "../facts/sandbox.ts";
import { mkfifo, NASTY, sparse } from "./hostile-state.ts";

const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029]/u;
const none: Paint = (_style, text) => text;

test("JSON escapes what it would leave as it is, and means the same", () => {
  const document = { [NASTY.join("")]: [...NASTY, "\u{e0041}", "\u{1f600}"], __proto__: null };
  const text = toJson(document);
  expect(text).not.toMatch(HIDDEN);
  expect(JSON.parse(text)).toEqual({ ...document });
});

test("a remedy that tells names of a file", async () => {
  const stateDir = tempDir();
  const samples = [1, 2, 3];
  const measure = { id: "startup", unit: "ms", source: "x", samples, machine: samples, atRest: true };
  const host = { version: NASTY.join("") };
  const baseline = { schemaVersion: 1, name: null, at: "2026-11-21T16:30:05.123Z", host, machine: {} };
  const file = path.join(stateDir, "vitals", "baselines", "2026-11-21T16-30-05-123Z-2026.9.6.json");
  put(file, JSON.stringify({ ...baseline, measures: [measure], notMeasured: [] }));
  const { code, stderr } = await cli(["baseline", "compare", "none", "--state-dir", stateDir]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("There are: ")]);
  expect(stderr.trimEnd()).not.toMatch(HIDDEN);
});

test("what a plan is about", () => {
  const effects = [{ kind: "file", action: "move", target: `/x/${NASTY.join("")}`, dryRunSafe: true }];
  const planned = { finding: { id: "f", target: NASTY[0] }, repair: { risk: "safe", effects, diffs: [] } };
  const text = renderPlan("Head", [planned as unknown as PlannedRepair], "/state", none);
  expect(text.replaceAll("\n", "")).not.toMatch(HIDDEN);
});

test.skipIf(!onLinux)("the notes of the host's doctor", async () => {
  const stateDir = tempDir();
  const names = NASTY.slice(0, 7).map((name) => name.replaceAll("/", ""));
  for (const [n, name] of names.entries()) {
    const dir = path.join(stateDir, "agents", `${n}${name}`, "sessions");
    put(path.join(dir, `${name}.jsonl`));
    put(path.join(dir, `${name}.jsonl.lock`), payload(deadPid()));
  }
  const cfg = { meta: { lastTouchedVersion: "2026.5.22" } };
  const env = { OPENCLAW_STATE_DIR: stateDir, PATH: "", OPENCLAW_GATEWAY_PORT: "1" };
  const ctx = { cfg, configPath: path.join(stateDir, "openclaw.json"), env };
  const command = { repairs: true, data: false, nonInteractive: true, yes: false, force: false };
  const check = hostCheck(findEntry("stale-lock"), command);
  const findings = await check.detect(ctx);
  expect(findings).toHaveLength(names.length);
  const dry = await check.repair({ ...ctx, dryRun: true }, findings);
  const done = await check.repair(ctx, findings);
  expect(done.status).toBe("repaired");
  const texts: string[] = [];
  JSON.stringify([findings, dry, done], (_key, value: unknown) => {
    if (typeof value === "string") texts.push(value);
    return value;
  });
  expect(texts.length).toBeGreaterThan(50);
  expect(texts.filter((text) => HIDDEN.test(text))).toEqual([]);
});

test("a line in the gateway's log about a policy", async () => {
  const stateDir = tempDir();
  put(path.join(stateDir, "openclaw.json"), "{}");
  put(path.join(stateDir, "vitals.config.json"), JSON.stringify({ [NASTY.join("")]: 1 }));
  const { notes } = await healRound({ env: { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_PORT: "1" } });
  expect(notes.map(({ line }) => line)).toMatchObject([expect.stringContaining("policy is not valid")]);
  expect(notes.filter(({ line }) => HIDDEN.test(line))).toEqual([]);
});

test("a name that is too long for a pattern", () => {
  const redactor = createRedactor("/state");
  const name = "k ".repeat(100_000);
  redactor.learn("agent", name);
  expect(redactor.text(`Session of agent ${name} is locked.`)).toBe("Session of agent agent-1 is locked.");
});

test.skipIf(!onLinux)("a policy that is a FIFO, a device, another's or everybody's, or leads out", async () => {
  const root = tempDir();
  const secret = put(path.join(root, "secret.json"), '{"QZXKVJWQZ":1}');
  const cases: Record<string, (file: string) => void> = {
    "not a regular file": (file) => mkfifo([file]),
    "leads out": (file) => symlinkSync(secret, file),
    "by every user": (file) => chmodSync(put(file, "{}"), 0o666),
    ...(asRoot ? { "another user": (file: string) => chownSync(put(file, "{}"), 54_321, 0) } : {}),
    "too large": sparse,
  };
  for (const [why, make] of Object.entries(cases)) {
    const stateDir = path.join(root, why);
    mkdirSync(stateDir);
    make(path.join(stateDir, "vitals.config.json"));
    const { code, stderr } = await cli(["policy", "--state-dir", stateDir]);
    expect([code, stderr], why).toEqual([2, expect.stringContaining(why)]);
    expect(stderr).not.toContain("QZXKVJWQZ");
  }
  const named = await cli(["policy", "--state-dir", path.join(root, "leads out"), "--policy", secret]);
  expect(named.stderr).toContain("unknown key");
});
