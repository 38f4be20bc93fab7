/** Long because texts for people are compared whole, line by line. */
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Paint } from "../../src/cli/terminal.ts";
import type { Diagnosis } from "../../src/engine/diagnose.ts";
import type { RepairResult } from "../../src/engine/repair.ts";
import type { Finding, RepairReport } from "../../src/engine/types.ts";
import type { PastRun } from "../../src/engine/undo.ts";
import { renderDiagnosis, renderHistory, renderRepairs, renderUndone, undoQuestion } from "../../src/report/human.ts";

const STATE = path.resolve("/home/me/.openclaw");
const LOCK = path.join(STATE, "agents", "coder", "sessions", "a.jsonl.lock");
const SHOWN = path.join("agents", "coder", "sessions", "a.jsonl.lock");
const EVIL = "x\u001b[31m\ny\u009b";
/** Control characters, but for the line break. */
const RAW = /(?!\n)\p{Cc}/u;

const none: Paint = (_style, text) => text;
const tags: Paint = (style, text) => `<${style}>${text}</>`;

const finding = (more: Partial<Finding> = {}): Finding => ({
  id: "0123456789ab",
  checkId: "vitals/stale-lock",
  severity: "error",
  message: "Session a cannot run.",
  path: LOCK,
  target: "agent coder, session a",
  verdict: "gone",
  confidence: "proven",
  evidence: [{ what: "pid in the lock", value: 42, source: "lock payload" }],
  fixHint: "Run fix.",
  source: "openclaw-vitals",
  docsUrl: "https://example.invalid",
  fix: { id: "stale-lock", risk: "safe", summary: "Move it." },
  ...more,
});

const diagnosis = (findings: Finding[], version: string | null = "2026.5.22"): Diagnosis => ({
  schemaVersion: 1,
  ok: findings.length === 0,
  checksRun: 2,
  checksSkipped: 0,
  findings,
  silenced: [],
  tool: { name: "openclaw-vitals", version: "0" },
  host: { version, source: "" },
  stateDir: STATE,
  timings: {},
});

const repair = (more: Partial<RepairReport> = {}): RepairReport => ({
  fixId: "stale-lock",
  findingId: "0123456789ab",
  checkId: "vitals/stale-lock",
  target: "agent coder, session a",
  path: LOCK,
  risk: "safe",
  status: "repaired",
  changes: [`moved ${LOCK} to ${path.join(STATE, "vitals", "quarantine", "r", "1-a.jsonl.lock")}`],
  effects: [],
  diffs: [],
  ...more,
});

const result = (repairs: RepairReport[], remaining: Finding[] = [], run: string | null = "r"): RepairResult => ({
  schemaVersion: 1,
  ok: remaining.length === 0,
  run,
  repairs,
  remaining,
  silenced: [],
  tool: { name: "openclaw-vitals", version: "0" },
  host: { version: null, source: "" },
  stateDir: STATE,
});

describe("renderDiagnosis", () => {
  test("nothing found", () => {
    expect(renderDiagnosis(diagnosis([], null), none)).toBe(
      `OpenClaw (version not found) at ${STATE}, 2 checks run\n\nNothing found.\n`,
    );
  });

  test("a finding: severity as a word, the path relative, the evidence with its source", () => {
    expect(renderDiagnosis(diagnosis([finding()]), none)).toBe(
      [
        `OpenClaw 2026.5.22 at ${STATE}, 2 checks run`,
        "",
        "error  Session a cannot run.",
        "  stale-lock, gone (proven), 0123456789ab",
        `  ${SHOWN}`,
        "  - pid in the lock: 42 (lock payload)",
        "  Run fix.",
        "",
        "1 finding: 1 error. `openclaw-vitals fix` can repair all of them.",
        "",
      ].join("\n"),
    );
  });

  test("counts by severity, and what can be repaired", () => {
    const text = renderDiagnosis(
      diagnosis([finding(), finding({ severity: "info" }), finding({ severity: "warning", fix: null })]),
      none,
    );
    expect(text).toMatch(/3 findings: 1 error, 1 warning, 1 info\. `openclaw-vitals fix` can repair 2\.\n$/);
    expect(renderDiagnosis(diagnosis([finding({ fix: null })]), none)).toMatch(
      /None of them can be repaired from here\.\n$/,
    );
  });

  test("what needs no action is one line, and shown in full when its check runs alone", () => {
    const note = finding({ severity: "info", fix: null, checkId: "vitals/host-hazard", message: "A known defect." });
    const text = renderDiagnosis({ ...diagnosis([note, note]), checksRun: 2 }, none);
    expect(text).toContain("Nothing found.\n2 notes that need no action: `openclaw-vitals --only host-hazard`\n");
    expect(text).not.toContain("A known defect.");
    const one = renderDiagnosis({ ...diagnosis([note]), checksRun: 2 }, none);
    expect(one).toContain("1 note that needs no action: ");
    expect(renderDiagnosis({ ...diagnosis([note]), checksRun: 1 }, none)).toContain("A known defect.");
  });

  test("colour repeats the severity, it carries nothing alone", () => {
    const text = renderDiagnosis(diagnosis([finding(), finding({ severity: "info" })]), tags);
    expect(text).toContain("<red>error</>  Session a");
    expect(text).toContain("<cyan>info</>");
    expect(text.replace(/<\w*>|<\/>/g, "")).toBe(
      renderDiagnosis(diagnosis([finding(), finding({ severity: "info" })]), none),
    );
  });

  test("a path outside the state dir stays whole, one that only begins with dots is inside", () => {
    const outside = path.resolve("/data/sessions/b.jsonl.lock");
    expect(renderDiagnosis(diagnosis([finding({ path: outside })]), none)).toContain(`\n  ${outside}\n`);
    expect(renderDiagnosis(diagnosis([finding({ path: path.join(STATE, "..a", "b") })]), none)).toContain(
      `\n  ${path.join("..a", "b")}\n`,
    );
  });

  test("a finding without path, verdict and hint leaves no empty lines", () => {
    const { path: _path, verdict: _verdict, fixHint: _hint, ...bare } = finding();
    expect(renderDiagnosis(diagnosis([{ ...bare, evidence: [] }]), none)).toContain(
      "error  Session a cannot run.\n  stale-lock, 0123456789ab\n\n1 finding",
    );
  });

  test("control characters are written out, wherever they come from", () => {
    const text = renderDiagnosis(
      {
        ...diagnosis(
          [
            finding({
              message: EVIL,
              path: path.join(STATE, EVIL),
              fixHint: EVIL,
              evidence: [{ what: EVIL, value: EVIL, source: EVIL }],
            }),
          ],
          EVIL,
        ),
        stateDir: STATE + EVIL,
      },
      none,
    );
    expect(text).not.toMatch(RAW);
    expect(text.match(/x\\u\{1b\}\[31m\\u\{a\}y\\u\{9b\}/g)).toHaveLength(8);
  });
});

describe("renderRepairs", () => {
  test("what was done, and how to take it back", () => {
    expect(renderRepairs(result([repair()]), none)).toBe(
      [
        "repaired  agent coder, session a",
        `  moved ${SHOWN} to ${path.join("vitals", "quarantine", "r", "1-a.jsonl.lock")}`,
        "",
        "Run r. Take it back with `openclaw-vitals undo r`.",
        "",
      ].join("\n"),
    );
  });

  test("a restart says what it came to and promises no way back; planned, what it interrupts", () => {
    const change = "restarted the gateway in 12 s: process 7 is now process 19";
    const restart = repair({ risk: "disruptive", changes: [change] });
    expect(renderRepairs(result([restart]), none)).toBe(`repaired  agent coder, session a\n  ${change}\n`);
    const effects = [{ kind: "service", action: "restart the gateway, process 7, which ends 2 turns" }] as const;
    const plan = repair({ status: "planned", changes: [], effects });
    expect(renderRepairs(result([plan], [finding()], null), none)).toContain(
      "\n  restart the gateway, process 7, which ends 2 turns\n",
    );
  });

  test("planned changes of a file are shown line by line, and only then", () => {
    const diffs = [
      { kind: "config", path: "c", unifiedDiff: "--- c\n+++ c\n@@ -1 +1 @@\n-a: 9\u001b\n+a: 3\n" },
    ] as const;
    const text = (status: "planned" | "repaired") =>
      renderRepairs(result([repair({ status, changes: ["x"], diffs })]), none);
    expect(text("planned")).toMatch(/\n {2}x\n {6}--- c\n {6}\+\+\+ c\n {6}@@ -1 \+1 @@\n {6}-a: 9.*\n {6}\+a: 3\n/);
    expect(text("planned")).not.toMatch(RAW);
    expect(text("repaired")).not.toContain("@@");
  });

  test("nothing to do", () => {
    expect(renderRepairs(result([], [], null), none)).toBe("Nothing to repair.\n");
  });

  test("skipped and failed say why; what is left is listed with its hint", () => {
    const { target: _target, ...untitled } = repair({ status: "failed", reason: "disk full", changes: [] });
    const { fixHint: _hint, ...unhinted } = finding({ message: "Other." });
    const text = renderRepairs(
      result([untitled, repair({ status: "skipped", reason: "it needs a yes", changes: [] })], [finding(), unhinted]),
      none,
    );
    expect(text).toBe(
      [
        `failed  ${SHOWN}: disk full`,
        "skipped  agent coder, session a: it needs a yes",
        "",
        "Left:",
        "error  Session a cannot run.",
        "  Run fix.",
        "error  Other.",
        "",
      ].join("\n"),
    );
  });

  test("a plan shows its effects and that nothing was changed", () => {
    const effects = [{ kind: "file", action: "move", target: LOCK }] as const;
    const text = renderRepairs(result([repair({ status: "planned", changes: [], effects })], [finding()], null), none);
    expect(text).toBe(`planned  agent coder, session a\n  move: ${SHOWN}\n\nNothing was changed (--dry-run).\n`);
  });

  test("control characters", () => {
    const text = renderRepairs(
      result([repair({ target: EVIL, reason: EVIL, changes: [EVIL] })], [finding({ message: EVIL, fixHint: EVIL })]),
      none,
    );
    expect(text).not.toMatch(RAW);
  });
});

describe("renderHistory and renderUndone", () => {
  const past = (more: object = {}): PastRun => ({
    run: "r",
    at: "2026-05-22T10:00:00.000Z",
    repairs: [
      {
        n: 1,
        checkId: "vitals/stale-lock",
        findingId: "f",
        path: LOCK,
        kind: "file",
        keptAt: "",
        state: "moved",
        canUndo: true,
        ...more,
      },
    ],
  });

  test("runs with what can be undone", () => {
    expect(renderHistory([past(), past({ canUndo: false, state: "undone" })], STATE, none)).toBe(
      [
        "r  2026-05-22T10:00:00.000Z",
        `  1  can be undone  stale-lock  ${SHOWN}`,
        "r  2026-05-22T10:00:00.000Z",
        `  1  undone  stale-lock  ${SHOWN}`,
        "",
      ].join("\n"),
    );
    expect(renderHistory([], STATE, none)).toBe("Nothing was ever repaired here.\n");
  });

  test.each([
    [["file"], "Put back the lock of run r? What it locked will be locked again."],
    [["file", "file"], "Put back 2 locks of run r? What they locked will be locked again."],
    [["row"], "Put the row of run r back into the database? What it blocked will be blocked again."],
    [["row", "row", "row"], "Put 3 rows of run r back into the database? What they blocked will be blocked again."],
    [["config"], "Take back the repair of run r? All will be as it was before."],
    [["file", "row"], "Take back 2 repairs of run r? All will be as it was before."],
  ])("what is asked before an undo of %j", (kinds, question) => {
    expect(
      undoQuestion(
        "r",
        kinds.flatMap((kind) => past({ kind }).repairs),
      ),
    ).toBe(question);
  });

  test("undone, one line each", () => {
    const lines = renderUndone(
      [
        { n: 1, path: LOCK, status: "restored" },
        { n: 2, path: LOCK, status: "skipped", reason: "a newer file stands in its place" },
      ],
      STATE,
      tags,
    );
    expect(lines).toBe(
      `<green>restored</>  ${SHOWN}\n<yellow>skipped</>  ${SHOWN}: a newer file stands in its place\n`,
    );
  });

  test("a journal that was tampered with writes no control character", () => {
    const evil = { ...past({ checkId: EVIL, path: EVIL }), run: EVIL, at: EVIL };
    expect(renderHistory([evil], STATE, none)).not.toMatch(RAW);
    expect(renderUndone([{ n: 1, path: EVIL, status: "failed", reason: EVIL }], STATE, none)).not.toMatch(RAW);
    expect(undoQuestion(EVIL, evil.repairs)).not.toMatch(/\p{Cc}/u);
  });
});
