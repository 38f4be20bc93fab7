import { fc, test as prop } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { catalogue } from "../../src/engine/catalogue.ts";
import type { Finding } from "../../src/engine/types.ts";
import { SUMMARY_LIMIT, summaryLine } from "../../src/report/summary-line.ts";

function line(findings: readonly Partial<Finding>[], version: string | null = "2026.5.22"): string {
  return summaryLine({
    findings: findings as Finding[],
    host: { version, source: "x" },
    tool: { name: "openclaw-vitals", version: "0.1.0" },
    checksRun: 8,
  });
}

const gone = { checkId: "vitals/stale-lock", severity: "error", verdict: "gone" } as const;

describe("the line for the host's log", () => {
  test("says what was found, the most severe first", () => {
    const retry = { checkId: "vitals/retry-ceiling", severity: "warning" } as const;
    const note = { checkId: "vitals/host-hazard", severity: "info" } as const;
    expect(line([retry, note, gone, gone])).toBe(
      "vitals 0.1.0 on 2026.5.22: 8 checks, 2 error, 1 warning, 1 info: stale-lock gone 2; retry-ceiling 1",
    );
  });

  test("says that nothing was found, and of which version", () => {
    expect(line([], null)).toBe("vitals 0.1.0 on unknown version: 8 checks, nothing found");
  });

  test("what does not fit is counted", () => {
    const checks = catalogue().flatMap(({ id }) =>
      (["gone", "leaked", "overdue", "unknown"] as const).map((verdict) => ({
        checkId: `vitals/${id}`,
        severity: "error" as const,
        verdict,
      })),
    );
    expect(line(checks)).toMatch(/; \d+ more$/);
    expect(line(checks).length).toBeLessThanOrEqual(SUMMARY_LIMIT);
  });

  test("no word makes the host's export leave it out", () => {
    const all = catalogue().map(({ id }) => line([{ ...gone, checkId: `vitals/${id}` }]));
    // Words of its UNSAFE_LOG_MESSAGE_RE, both hosts.
    expect(all.join("\n")).toContain("lock-without_transcript gone 1");
    expect(all.join("\n")).not.toMatch(/\b(?:prompt|transcript|tool result|tool output|user said|chat text)\b/i);
  });

  const finding = fc.record({
    checkId: fc.oneof(fc.constantFrom(...catalogue().map(({ id }) => `vitals/${id}`)), fc.string({ minLength: 3 })),
    severity: fc.constantFrom("error" as const, "warning" as const, "info" as const),
    verdict: fc.constantFrom("gone" as const, "overdue" as const, undefined),
    message: fc.constant("qxjzqxjz"),
  });
  prop.prop([fc.array(finding, { maxLength: 60 }), fc.oneof(fc.string(), fc.constant("2026.9.6"))])(
    "is one line of at most 240 plain characters, whatever was found",
    (findings, version) => {
      const said = line(findings as Partial<Finding>[], version);
      expect(said.length).toBeLessThanOrEqual(240);
      expect(said).toMatch(/^vitals 0\.1\.0 on (?:unknown version|2026\.9\.6): [a-z0-9 ,;:._-]+$/);
      expect(said).not.toContain("qxjz");
    },
  );
});
