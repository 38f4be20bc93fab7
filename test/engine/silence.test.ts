import { describe, expect, test } from "vitest";
import { applySilences, isOver, lastMoment } from "../../src/engine/silence.ts";
import type { Finding } from "../../src/engine/types.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const finding = (id: string, check = "stale-lock"): Finding => ({
  id,
  checkId: `vitals/${check}`,
  severity: "error",
  message: `Finding ${id}.`,
  confidence: "proven",
  evidence: [],
  source: "openclaw-vitals",
  docsUrl: `https://example.invalid/${check}`,
  fix: null,
});
const [a, b, other] = [finding("aaaaaaaaaaaa"), finding("bbbbbbbbbbbb"), finding("cccccccccccc", "host-hazard")];
const all = [a, b, other];
const known = { reason: "known", until: "2026-11-21" };

test("a silence holds to the end of its last day, in UTC", () => {
  const end = Date.parse("2026-11-22T00:00:00Z");
  expect(isOver({ ...known, id: a.id }, end - 1)).toBe(false);
  expect(isOver({ ...known, id: a.id }, end)).toBe(true);
  expect(lastMoment({ ...known, until: "2028-02-29" })).toBe(Date.parse("2028-03-01T00:00:00Z") - 1);
  expect(lastMoment({ ...known, until: "2027-02-29" })).toBeNaN();
  expect(lastMoment({ ...known, until: "nonsense" })).toBeNaN();
});

describe("what does not count", () => {
  test("one finding by its id, the others of its check stay", () => {
    expect(applySilences(all, [{ id: a.id, ...known }], NOW)).toEqual({
      findings: [b, other],
      silenced: [{ ...a, silence: known }],
    });
  });

  test("all of a check", () => {
    const { findings, silenced } = applySilences(all, [{ check: "stale-lock", ...known }], NOW);
    expect(findings).toEqual([other]);
    expect(silenced.map(({ id }) => id)).toEqual([a.id, b.id]);
  });

  test("that a check itself failed is heard, unless silenced by its id", () => {
    const failed = new Set([a.id]);
    expect(applySilences(all, [{ check: "stale-lock", ...known }], NOW, failed).findings).toEqual([a, other]);
    expect(applySilences(all, [{ id: a.id, ...known }], NOW, failed).findings).toEqual([b, other]);
  });

  test("an id nobody has and a check without findings change nothing", () => {
    const silences = [
      { id: "000000000000", ...known },
      { check: "gateway-lock", ...known, until: "2020-01-01" },
    ];
    expect(applySilences(all, silences, NOW)).toEqual({ findings: all, silenced: [] });
  });
});

describe("a silence that is over", () => {
  const over = { reason: "until the update", until: "2026-11-20" };

  test("counts again, with a note of its own that needs no repair", () => {
    const { findings, silenced } = applySilences(all, [{ id: b.id, ...over }], NOW);
    expect(silenced).toEqual([]);
    expect(findings).toEqual([
      ...all,
      expect.objectContaining({
        checkId: b.checkId,
        severity: "info",
        fix: null,
        message: `The silence of finding ${b.id} ended with 2026-11-20: it counts again.`,
        evidence: [
          { what: "silenced until", value: "2026-11-20", source: "policy silence" },
          { what: "reason", value: "until the update", source: "policy silence" },
        ],
      }),
    ]);
    expect(findings.at(-1)?.id).toMatch(/^[0-9a-f]{12}$/);
    expect(applySilences(all, [{ id: b.id, ...over }], NOW + 1).findings.at(-1)?.id).toBe(findings.at(-1)?.id);
  });

  test("of a check is said once, however many it silenced", () => {
    const { findings } = applySilences(all, [{ check: "stale-lock", ...over }], NOW);
    expect(findings).toHaveLength(4);
    expect(findings[3]?.message).toBe(
      "The silence of all findings of stale-lock ended with 2026-11-20: it counts again.",
    );
  });

  test("is not said while another one holds", () => {
    const { findings, silenced } = applySilences(
      [a],
      [
        { id: a.id, ...over },
        { check: "stale-lock", ...known },
      ],
      NOW,
    );
    expect(findings).toEqual([]);
    expect(silenced).toMatchObject([{ silence: known }]);
  });
});
