import { describe, expect, test } from "vitest";
import { outdated, withKeys, withTable } from "../scripts/generate.ts";
import { catalogue } from "../src/engine/catalogue.ts";
import { policyKeys } from "../src/engine/policy-schema.ts";

describe("generated files", () => {
  test("are up to date (else: npm run generate)", () => {
    expect(outdated()).toEqual([]);
  });

  test("the table stands between the markers, with one row a check", () => {
    const [first] = catalogue();
    if (first === undefined) throw new Error("the catalogue is empty");
    const odd = { ...first, id: "odd-check", protects: "A | in a cell.", fix: null, references: [1, 2] };
    const readme = withTable("before\n<!-- checks:start -->the former table<!-- checks:end -->\nafter\n", [first, odd]);
    expect(readme).toMatch(/^before\n<!-- checks:start -->\n\| Check .*\n<!-- checks:end -->\nafter\n$/s);
    expect(readme).not.toContain("former");
    expect(readme.match(/^\|/gm)).toHaveLength(4);
    expect(readme).toMatch(
      /^\| \[`odd-check`\]\(docs\/checks\/odd-check\.md\) +\| A \\\| in a cell\. +\| error +\| none +\|$/m,
    );
    expect(withTable(readme, [first, odd])).toBe(readme);
  });

  test("a README without the markers is an error, not an overwritten file", () => {
    expect(() => withTable("no table\n", [])).toThrow("checks:start");
    expect(() => withTable("<!-- checks:end --> <!-- checks:start -->", [])).toThrow("checks:start");
  });

  test("the page of the policy names every key, those of the checks once", () => {
    const page = withKeys("<!-- keys:start -->former<!-- keys:end -->", policyKeys());
    const named = [...page.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]);
    const others = policyKeys().filter(([key]) => !key.startsWith("checks."));
    expect(named).toEqual(["checks.<id>.severity", ...others.map(([key]) => key)]);
    expect(page).not.toContain("undefined");
    expect(() => withKeys("", [])).toThrow("keys:start");
  });
});
