import { describe, expect, test } from "vitest";
import { compareBaselines } from "../../src/engine/baseline-compare.ts";
import { renderBaseline, renderComparison } from "../../src/report/baseline.ts";
import { baselineOf, measureOf } from "../engine/baseline-sides.ts";

const paint = (_style: unknown, text: string): string => text;
const MIB = 1_048_576;
const near = (middle: number): number[] => [0.99, 0.995, 1, 1.005, 1.01].map((factor) => middle * factor);

const before = baselineOf(
  [
    measureOf("startup", near(100), { machine: near(50) }),
    measureOf("doctor", near(12_000)),
    measureOf("health", near(2)),
    measureOf("rss", near(300 * MIB)),
  ],
  { name: "good" },
  [{ id: "loop-delay", why: "this gateway does not tell" }],
);
const now = baselineOf(
  [
    measureOf("startup", near(200), { machine: near(50) }),
    measureOf("doctor", near(6_000)),
    measureOf(
      "rss",
      [310, 300, 900, 910, 920].map((mib) => mib * MIB),
    ),
  ],
  {
    at: "2026-11-22T08:00:00.000Z",
    host: { version: "2026.9.6", source: "openclaw --version" },
    gatewayUptimeMs: null,
  },
  [{ id: "health", why: "no gateway of this install is running here" }],
);

/** The lines of a text without the white space of its columns. */
const lines = (text: string): string[] => text.split("\n").map((line) => line.replaceAll(/ {2,}/g, " | "));

describe("a comparison for people", () => {
  const text = (side = now): string => renderComparison(before, side, compareBaselines(before, side), paint);

  test("says what is worse, what is better, what cannot be told and why", () => {
    const shown = lines(text());
    expect(shown.slice(0, 2)).toEqual([
      'Before | OpenClaw 2026.5.22, 2026-11-21 16:30 UTC, "good", gateway up 10 min',
      "Now | OpenClaw 2026.9.6, 2026-11-22 08:00 UTC",
    ]);
    expect(shown).toContainEqual(
      expect.stringMatching(
        /^Command start-up \| 100 ms ± .* \| 200 ms ± .* \| ×2\.00 \| ×1\.9\d to .* \| ×1\.00 \| regression$/,
      ),
    );
    expect(shown).toContainEqual(
      expect.stringMatching(/^Doctor, reading only \| 12\.0 s ± .* \| ×0\.50 .* \| better$/),
    );
    expect(shown).toContainEqual(
      expect.stringMatching(/^Health answer, median \| 2\.0 ms ± .* \| – .* \| not compared$/),
    );
    expect(shown).toContainEqual(
      expect.stringMatching(/^Memory at rest \| 300 MiB ± .* \| 900 MiB .* \| unclear: noise$/),
    );
    expect(shown).toContain("Health answer, median: not measured now: no gateway of this install is running here.");
    expect(shown.at(-2)).toBe("Regression beyond the noise: Command start-up.");
  });

  test("columns stand below their titles", () => {
    const table = text().split("\n").slice(3, 8);
    const ends = table.map((line) => line.indexOf("×"));
    expect(table[0]).toMatch(/ratio +within noise +machine$/);
    expect(table[1]?.slice(0, ends[1]).length).toBe(table[2]?.slice(0, ends[2]).length);
  });

  test("without a regression", () => {
    expect(text(before)).toMatch(/\nNo regression beyond the noise\.\n$/);
  });
});

describe("a baseline for people", () => {
  test("says what was measured and what was not, and where it is", () => {
    const shown = lines(renderBaseline(before, "/state/vitals/baselines/x.json", paint));
    expect(shown).toContainEqual(expect.stringMatching(/^Command start-up \| 100 ms \| 1\.0 ms \| 101 ms \| 5$/));
    expect(shown).toContain("Not measured: Event-loop delay, longest: this gateway does not tell.");
    expect(shown).toContain("Saved as /state/vitals/baselines/x.json");
    expect(shown.join("\n")).not.toContain("just started");
  });

  test("of a gateway that has just started is not one to compare with", () => {
    const young = baselineOf([measureOf("rss", near(MIB), { atRest: false })], { gatewayUptimeMs: 20_000 });
    const text = renderBaseline(young, "x.json", paint);
    expect(text).toMatch(/gateway up 20 s/);
    expect(text).toMatch(/has just started/);
  });

  test("control characters of a file reach no terminal", () => {
    const odd = baselineOf([], { host: { version: "\u001b[31m", source: "" } });
    expect(renderBaseline(odd, "x.json", paint)).not.toContain("\u001b");
  });
});
