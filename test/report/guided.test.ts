import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Paint } from "../../src/cli/terminal.ts";
import type { PlannedRepair } from "../../src/engine/apply.ts";
import { catalogue, groupOf } from "../../src/engine/catalogue.ts";
import type { Diagnosis } from "../../src/engine/diagnose.ts";
import type { RepairResult } from "../../src/engine/repair.ts";
import type { Finding, RepairReport } from "../../src/engine/types.ts";
import { type Guide, renderEnd, renderGuide, renderOutcome, renderPlan } from "../../src/report/guided.ts";

const STATE = path.resolve("/home/me/.openclaw");
const inState = (...names: string[]) => path.join(STATE, ...names);
const none: Paint = (_style, text) => text;

const finding = (id: string, more: Partial<Finding> = {}): Finding => ({
  id,
  checkId: "vitals/stale-lock",
  severity: "error",
  message: `Session ${id} cannot run.`,
  path: inState("agents", `${id}.lock`),
  target: `session ${id}`,
  confidence: "proven",
  evidence: [],
  source: "openclaw-vitals",
  docsUrl: "https://example.invalid",
  fix: { id: "stale-lock", risk: "safe", summary: "Move it." },
  ...more,
});

const report = (id: string, more: Partial<RepairReport>): RepairReport => ({
  fixId: "stale-lock",
  findingId: id,
  checkId: "vitals/stale-lock",
  risk: "safe",
  status: "skipped",
  changes: [],
  effects: [],
  diffs: [],
  ...more,
});

const guide = (findings: Finding[], more: Partial<Guide> = {}): string => {
  const diagnosis = { host: { version: "2026.5.22", source: "" }, stateDir: STATE, findings, silenced: [] };
  const all = { finished: 0, skipped: [], offered: findings.length, asides: false, ...more };
  return renderGuide({ ...all, diagnosis: { ...diagnosis, checksRun: 8 } as unknown as Diagnosis }, none);
};

describe("the findings", () => {
  test("stand under what they break, worst first, and the verdict is last", () => {
    const text = guide([
      finding("a", { checkId: "vitals/retry-ceiling", severity: "warning" }),
      finding("b", { checkId: "vitals/config-lock" }),
      finding("c"),
    ]);
    expect(text).toBe(
      [
        `OpenClaw 2026.5.22 at ${STATE}`,
        "",
        "Sessions that fail",
        "  error  Session c cannot run.",
        `    ${path.join("agents", "c.lock")}`,
        "",
        "Config writes",
        "  error  Session b cannot run.",
        `    ${path.join("agents", "b.lock")}`,
        "",
        "Retries and limits",
        "  warning  Session a cannot run.",
        `    ${path.join("agents", "a.lock")}`,
        "",
        "Evidence: `openclaw-vitals check`",
        "3 findings. All can be repaired now.",
        "",
      ].join("\n"),
    );
  });

  test.each([
    [1, 1, "1 finding. It can be repaired now."],
    [1, 0, "1 finding. It cannot be repaired from here."],
    [3, 2, "3 findings. 2 can be repaired now."],
    [3, 0, "3 findings. None can be repaired from here."],
  ])("%i, of which %i can be repaired", (found, offered, verdict) => {
    const findings = Array.from({ length: found }, (_, index) => finding(String(index)));
    expect(guide(findings, { offered })).toMatch(new RegExp(`${verdict.replaceAll(".", "\\.")}\n$`));
  });

  test("without a repair say what to do, or why there is none now", () => {
    const text = guide([finding("a", { fix: null, fixHint: "Stop it yourself." }), finding("b")], {
      offered: 0,
      skipped: [report("b", { reason: "the gateway does not answer" })],
    });
    expect(text).toContain("    Stop it yourself.\n");
    expect(text).toContain("    No repair now: the gateway does not answer.\n");
  });

  test("many of one kind are counted, and none at all is said", () => {
    const text = guide(Array.from({ length: 30 }, (_, index) => finding(String(index))));
    expect(text.match(/cannot run/g)).toHaveLength(8);
    expect(text).toContain("  and 22 more\n");
    expect(guide([])).toMatch(/\nNothing found\.\n$/);
  });

  test("what an earlier run left half done is told of", () => {
    expect(guide([], { finished: 1 })).toContain("An earlier run was interrupted; 1 repair of it came to an end now.");
  });

  test("of every check have a group, and so has what belongs to none", () => {
    for (const { id, group } of catalogue()) expect(groupOf(`vitals/${id}`)).toBe(group);
    expect(groupOf("vitals/facts")).toBe("What could not be looked at");
  });
});

const planned = (more: Partial<PlannedRepair["repair"]>): PlannedRepair =>
  ({
    fixId: "stale-lock",
    finding: finding("a"),
    repair: { risk: "safe", summary: "", effects: [], diffs: [], ...more },
  }) as unknown as PlannedRepair;

describe("the repairs", () => {
  test("are told with every effect and the diff, before the last yes", () => {
    const effects = [
      { kind: "file", action: "move into the quarantine", target: inState("agents", "a.lock") },
      { kind: "state", action: "run `openclaw cron edit 7`", target: "7" },
    ] as const;
    const unifiedDiff = `--- ${inState("openclaw.json")}\n@@ -1 +1 @@\n-  "max": 160\n+  "max": 32\n`;
    const diffs = [{ kind: "config", path: inState("openclaw.json"), unifiedDiff }] as const;
    expect(renderPlan("This will be done:", [planned({ effects, diffs })], STATE, none)).toBe(
      [
        "",
        "This will be done:",
        "  safe  session a",
        `    move into the quarantine: ${path.join("agents", "a.lock")}`,
        "    run `openclaw cron edit 7`",
        "      --- openclaw.json",
        "      @@ -1 +1 @@",
        '      -  "max": 160',
        '      +  "max": 32',
        "",
        "",
      ].join("\n"),
    );
  });

  test.each([
    [{ status: "repaired", changes: [`moved ${inState("x")}`] }, "✓ repaired  session a\n    moved x\n"],
    [{ status: "failed", reason: "a full disk" }, "✗ failed  session a: a full disk\n"],
    [{ status: "skipped", reason: "interrupted" }, "– skipped  session a: interrupted\n"],
  ] as const)("%j is a symbol and its word", (outcome, text) => {
    expect(renderOutcome(planned({}), outcome, STATE, none)).toBe(text);
  });
});

describe("the end", () => {
  const end = (repairs: RepairReport[], remaining: Finding[], run: string | null, interrupted = false) =>
    renderEnd({ repairs, remaining, run, stateDir: STATE } as unknown as RepairResult, interrupted, none);

  test("says what is left and why, how to undo, and last what it came to", () => {
    const repairs = [
      report("a", { status: "repaired" }),
      report("b", { reason: "not chosen" }),
      report("c", { status: "failed", reason: "the finding is still there after the repair" }),
    ];
    const left = [finding("b"), finding("c"), finding("d", { fix: null, fixHint: "Stop it yourself." })];
    expect(end(repairs, left, "r")).toBe(
      [
        "",
        "Left:",
        "  error  Session b cannot run.",
        "    not chosen",
        "  error  Session c cannot run.",
        "    the finding is still there after the repair",
        "  error  Session d cannot run.",
        "    Stop it yourself.",
        "",
        "Take it back: `openclaw-vitals undo r`",
        "",
        "1 repaired. 3 left.",
        "",
      ].join("\n"),
    );
  });

  test("offers no undo of what has no way back", () => {
    expect(end([report("a", { status: "repaired", risk: "disruptive" })], [], "r")).toBe(
      "\n1 repaired. Nothing is left.\n",
    );
    expect(end([report("a", { status: "repaired", final: true })], [], "r", true)).toBe(
      "\nInterrupted. 1 repaired. Nothing is left.\n",
    );
  });
});
