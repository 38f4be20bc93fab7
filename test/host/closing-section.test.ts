import { expect, test } from "vitest";
import { UserError } from "../../src/engine/errors.ts";
import type { Finding } from "../../src/engine/types.ts";
import { closingSection, notLooked } from "../../src/host/closing-section.ts";

const finding = (message: string, fixable = true): Finding => ({
  id: "0123456789ab",
  checkId: "vitals/stale-lock",
  severity: "error",
  message,
  confidence: "proven",
  evidence: [],
  source: "openclaw-vitals",
  docsUrl: "",
  fix: fixable ? { id: "stale-lock", risk: "safe", summary: "" } : null,
});

const section = (...findings: Finding[]): string => closingSection(findings);

test("one line a finding, then the command that repairs", () => {
  expect(section(finding("Session a cannot run."))).toBe(
    '\nVitals\n- Session a cannot run.\nRun "openclaw doctor --fix" to repair; it can be undone with "openclaw vitals undo".\n',
  );
});

test("five at most, the rest is counted", () => {
  const lines = section(...Array.from({ length: 8 }, (_, n) => finding(`f${n}`))).split("\n");
  expect(lines.slice(2, 8)).toEqual(["- f0", "- f1", "- f2", "- f3", "- f4", "- and 3 more: openclaw vitals"]);
  expect(section(...Array.from({ length: 5 }, (_, n) => finding(`f${n}`)))).not.toContain("more");
});

test("without a repair it promises none; one among those not shown counts", () => {
  expect(section(finding("a", false))).toMatch(/\nSee "openclaw vitals" for the evidence\.\n$/);
  expect(section(...Array.from({ length: 6 }, (_, n) => finding(`f${n}`, n === 5)))).toContain("doctor --fix");
});

test("a restart is not promised to be undone, nor to happen by itself", () => {
  const restart = { ...finding("a"), fix: { id: "event-loop-delay", risk: "disruptive", summary: "" } as const };
  expect(section(restart)).toMatch(
    /\nRun "openclaw vitals fix" to repair: it says what that interrupts, and asks\.\n$/,
  );
  expect(section(restart, finding("b"))).toContain('"openclaw doctor --fix"');
});

test("a policy that is not valid is said, on one line without control characters", () => {
  const text = notLooked(new UserError('vitals.config.json: unknown key "a\u001b[2J".', "Allowed here: loop."));
  expect(text).toBe(
    '\nVitals\n- Nothing was looked at: vitals.config.json: unknown key "a [2J".\nAllowed here: loop.\n',
  );
});

test("a defect is said without its own words", () => {
  expect(notLooked(new SyntaxError('Unexpected token in "s3cret"'))).toBe(
    '\nVitals\n- Nothing was looked at.\nSee "openclaw vitals".\n',
  );
});

test("no control character gets through", () => {
  const text = section(finding("a\u001b[31mb\nc\u009b\u202e"));
  expect(text).toContain("- a?[31mb?c??\n");
});
