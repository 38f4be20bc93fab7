import { describe, expect, test } from "vitest";
import type { Diagnosis } from "../../src/engine/diagnose.ts";
import type { Finding } from "../../src/engine/types.ts";
import { compareLooks, renderLook, renderStart, statusText, timeText } from "../../src/report/looks.ts";

const AT = new Date(2026, 1, 3, 4, 5, 6).getTime();
const TEXT = { stateDir: "/state", atMs: AT, paint: (_: unknown, text: string) => text };

function finding(id: string, more: Partial<Finding> = {}): Finding {
  return {
    id,
    checkId: "vitals/stale-lock",
    severity: "error",
    message: `Session ${id} is locked.`,
    path: `/state/agents/a/sessions/${id}.jsonl.lock`,
    verdict: "gone",
    confidence: "proven",
    evidence: [{ what: "pid", value: 7, source: "lock" }],
    source: "openclaw-vitals",
    docsUrl: "",
    fix: null,
    ...more,
  };
}

const [a, b, c] = [finding("a"), finding("b"), finding("c")];

describe("two looks", () => {
  test("what is new, gone, changed and unchanged", () => {
    const worse = { ...b, verdict: "overdue" as const };
    expect(compareLooks([a, b, c], [finding("d"), worse, a])).toEqual({
      new: [finding("d")],
      changed: [worse],
      unchanged: [a],
      gone: [c],
    });
  });

  test("a figure in the message is no change", () => {
    const later = { ...a, message: "Session a is locked for 20 s." };
    expect(compareLooks([a], [later])).toEqual({ new: [], changed: [], unchanged: [later], gone: [] });
  });
});

describe("as text", () => {
  test("a new finding stands there in full, a gone one in one line, each with its time", () => {
    const change = compareLooks([a], [b]);
    expect(renderLook(change, "unchanged", TEXT)).toBe(
      [
        "2026-02-03 04:05:06  new        error  Session b is locked.",
        "  stale-lock, gone (proven), b",
        "  agents/a/sessions/b.jsonl.lock",
        "  - pid: 7 (lock)",
        "2026-02-03 04:05:06  gone       error  Session a is locked.",
        "",
      ].join("\n"),
    );
  });

  test("one that changed stands there in full, too", () => {
    const change = compareLooks([a], [{ ...a, severity: "warning" }]);
    expect(renderLook(change, null, TEXT)).toMatch(/ changed {4}warning {2}Session a is locked\.\n {2}stale-lock/);
  });

  test("without a change: a line where nothing else tells that it is at work", () => {
    const none = compareLooks([], []);
    expect(renderLook(none, null, TEXT)).toBe("");
    expect(renderLook(none, "looked", TEXT)).toBe("2026-02-03 04:05:06  looked     nothing found\n");
    expect(renderLook(compareLooks([a, b], [a, b]), "unchanged", TEXT)).toBe(
      "2026-02-03 04:05:06  unchanged  2 findings\n",
    );
  });

  test("no control character of a name reaches the terminal", () => {
    const bad = finding("x", { message: "Session \x1b[2J is locked." });
    expect(renderLook(compareLooks([bad], []), "unchanged", TEXT)).not.toContain("\x1b");
    expect(renderLook(compareLooks([], [bad]), "unchanged", TEXT)).not.toContain("\x1b");
  });

  test("the first line says what is looked at", () => {
    const diagnosis = { host: { version: "2026.9.6", source: "x" } } as unknown as Diagnosis;
    expect(renderStart(diagnosis, "30s", TEXT)).toBe(
      "2026-02-03 04:05:06  OpenClaw 2026.9.6 at /state, a look every 30s; Ctrl-C ends it.\n",
    );
  });

  test("the status fits on its line", () => {
    expect(statusText(0, AT, 80)).toBe("Nothing found. Next look 04:05:06. Ctrl-C ends it.");
    expect(statusText(1, AT, 80)).toMatch(/^1 finding\. Next look/);
    expect(statusText(12, AT, 60).length).toBeLessThan(60);
    expect(statusText(12, AT, 20)).toHaveLength(19);
    expect(timeText(AT)).toBe("2026-02-03 04:05:06");
  });
});
