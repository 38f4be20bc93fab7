/** Markdown that a text of a finding cannot break out of. */
import { expect, test } from "vitest";
import { renderMarkdown } from "../../src/report/markdown.ts";
import type { SharedDiagnosis } from "../../src/report/shared.ts";

test("a cell of the table stays one, with bars in it and in code", () => {
  const finding = {
    id: "0123456789ab",
    checkId: "vitals/stale-lock",
    severity: "error",
    message: "m",
    target: "a | b and `c | d`",
    confidence: "proven",
    evidence: [],
  };
  const diagnosis = { tool: { name: "t", version: "1" }, host: { version: null }, checksRun: 1, findings: [finding] };
  const row = renderMarkdown(diagnosis as unknown as SharedDiagnosis)
    .split("\n")
    .find((line) => line.startsWith("| error"));
  expect(row).toBe("| error | `stale-lock` |  | a \\| b and `c \\| d` | `0123456789ab` |");
});
