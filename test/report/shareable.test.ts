/** Nothing of a state but numbers, versions and words of ours leaves in what is made to be passed on. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DiagnosisRun, runChecks } from "../../src/engine/diagnose.ts";
import { renderShared, type SharedFormat } from "../../src/report/formats.ts";
import type { Redactor } from "../../src/report/redact.ts";
import { summaryLine } from "../../src/report/summary-line.ts";
import { type CliRun, cli } from "../cli/terminal.ts";
import { tempDir } from "../facts/sandbox.ts";
import { foundIn, namedProcess, PLANTED, type PlantedState, plantedState } from "./planted.ts";

const FORMATS: readonly SharedFormat[] = ["sarif", "markdown", "prometheus"];
const HOST = ["--host-version", "2026.5.22"];
/** What would leave if nothing were redacted. */
const OFF: Redactor = { learn: () => {}, path: (file) => file, text: (text) => text, value: (value) => value };

const root = mkdtempSync(path.join(os.tmpdir(), "vitals-planted-"));
let live: Awaited<ReturnType<typeof namedProcess>> | undefined;
let state: PlantedState;
let diagnosed: DiagnosisRun;
let files: Record<string, string>;

beforeAll(async () => {
  live = await namedProcess();
  state = plantedState(root, live.pid);
  diagnosed = await runChecks({ stateDir: state.stateDir, env: state.env, hostVersion: "2026.5.22" });
  files = await zipped();
}, 60_000);

afterAll(() => {
  live?.stop();
  rmSync(root, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<CliRun> {
  return await cli([...args, "--state-dir", state.stateDir, ...HOST], state.env);
}

/** Writes a report into a zip and reads it back, by name of its files. */
async function zipped(): Promise<Record<string, string>> {
  const file = path.join(root, "report.zip");
  const { code, stderr } = await run("report", "--output", file);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return Object.fromEntries(
    Object.entries(unzipSync(readFileSync(file))).map(([name, bytes]) => [name, Buffer.from(bytes).toString("utf8")]),
  );
}

test("each thing that was planted is recognised, whole or in part", () => {
  for (const [kind, secret] of Object.entries(PLANTED)) expect(foundIn(`a ${secret} b`), kind).toContain(kind);
  expect(foundIn("agent-1 whatsapp 4242 2026.5.22 gateway")).toEqual([]);
});

describe("what is made to be passed on", () => {
  test.each(FORMATS)("format %s", async (format) => {
    const stdout = await renderShared(diagnosed, format);
    expect(stdout).toMatch(/stale-lock[\s\S]*retry-ceiling|retry-ceiling[\s\S]*stale-lock/);
    expect(foundIn(stdout)).toEqual([]);
  });

  test("each file of a report, with its name", () => {
    expect(Object.keys(files).sort()).toEqual(["diagnosis.json", "journal.json", "report.md", "vital-signs.json"]);
    for (const [name, text] of Object.entries(files)) expect(foundIn(`${name}\n${text}`), name).toEqual([]);
  });

  test("the line for the host's log", () => {
    expect(foundIn(summaryLine(diagnosed.diagnosis))).toEqual([]);
  });

  test("what fix says of it", async () => {
    const own = plantedState(tempDir());
    const { stdout } = await cli(
      ["fix", "--yes", "--format", "markdown", "--state-dir", own.stateDir, ...HOST],
      own.env,
    );
    expect(stdout).toContain("| repaired | `stale-lock` |");
    expect(foundIn(stdout)).toEqual([]);
  });
});

test("control: without redaction these tests would see it", async () => {
  const leaks = foundIn(await renderShared(diagnosed, "markdown", OFF));
  const names = Object.keys(PLANTED).filter(
    (kind) =>
      (process.platform === "linux" ? /^process$/ : /^$/).test(kind) ||
      /^(agent|session|channel|account|include|job$|folder|user)/.test(kind),
  );
  expect(leaks).toEqual(expect.arrayContaining(names));
  expect(foundIn(await renderShared(diagnosed, "sarif", OFF))).toEqual(expect.arrayContaining(names));
});

describe("a maintainer can still tell what is what", () => {
  test("each lock has names of its own, the same in all parts of the report", () => {
    const { findings } = JSON.parse(files["diagnosis.json"] ?? "") as {
      findings: { id: string; checkId: string; path: string; target: string; message: string }[];
    };
    const locks = findings.filter(({ checkId }) => checkId === "vitals/stale-lock");
    const dead = locks.filter(({ message }) => / is gone\.$/.test(message));
    expect(dead).toHaveLength(state.locks.length);
    expect(new Set(dead.map(({ path }) => path)).size).toBe(state.locks.length);
    for (const { path: file, target, message, id } of dead) {
      const [, agent, session] = /^agents\/(agent-\d+)\/sessions\/(session-\d+)\.jsonl\.lock$/.exec(file) ?? [];
      expect(target).toBe(`agent ${agent}, session ${session}`);
      expect(message).toMatch(new RegExp(`^Session ${session} in agent \`${agent}\` cannot run: process \\d+, which`));
      expect(files["report.md"]).toContain(id);
      expect(files["report.md"]).toContain(file);
    }
    const [repaired] = JSON.parse(files["journal.json"] ?? "") as { path: string }[];
    const same = diagnosed.diagnosis.findings.find(({ path: file }) => file === state.locks[0]?.file);
    expect(repaired?.path).toBe(findings.find(({ id }) => id === same?.id)?.path);
  });

  test("no sentence of a finding is masked but for the names in it", async () => {
    const stdout = await renderShared(diagnosed, "markdown");
    const masked = stdout.split("\n").filter((line) => line.includes("[masked]") || line.includes("\\[masked\\]"));
    // The name of somebody else's process is all there is to hide.
    expect(masked.filter((line) => !line.startsWith("- process with this pid: `[masked]`"))).toEqual([]);
    if (process.platform === "linux") expect(masked).toHaveLength(1);
  });
});
