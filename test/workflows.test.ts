/** The workflows on GitHub: what they may do, what they run, and that nothing is published untested. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { packageFile } from "../src/package.ts";

const folder = packageFile(".github/workflows");
const read = (name: string): string => readFileSync(`${folder}/${name}`, "utf8");
const { engines, publishConfig } = JSON.parse(readFileSync(packageFile("package.json"), "utf8"));

/** The text of each job, by its name. */
function jobs(workflow: string): Record<string, string> {
  const [, text = ""] = workflow.split(/^jobs:\n/m);
  const parts = text.split(/^ {2}([\w-]+):\n/m).slice(1);
  return Object.fromEntries(parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1] ?? ""]] : [])));
}

describe.each(readdirSync(folder))("%s", (name) => {
  const workflow = read(name);

  test("uses only actions that nobody can change behind our back", () => {
    const used = [...workflow.matchAll(/\buses: (.*)$/gm)].map(([, action = ""]) => action);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((action) => !/^(?:\.\/|[\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)/.test(action))).toEqual([]);
  });

  test("runs no script of a dependency when it installs", () => {
    const installs = [...workflow.matchAll(/npm (?:ci|install)\b.*$/gm)].map(([line]) => line);
    expect(installs.length).toBeGreaterThan(0);
    expect(installs.filter((line) => line !== "npm ci --ignore-scripts")).toEqual([]);
  });

  test("each job that runs by itself has an end, and none more rights than it says", () => {
    expect(workflow).toMatch(/^permissions:(?: \{\}|\n {2}contents: read)\n/m);
    for (const [job, text] of Object.entries(jobs(workflow)))
      if (!/^ {4}uses:/m.test(text)) expect(text, job).toMatch(/^ {4}timeout-minutes: \d+$/m);
  });
});

test("the oldest Node of package.json and each line that the package is tried with are in the matrix", () => {
  expect(jobs(read("ci.yml"))["others"]).toContain(`node: ["${engines.node.replace(">=", "")}", "22", "24", "26"]`);
});

test("only what has passed all tests is published, with a proof of where it was made", () => {
  const { test: tested = "", publish = "", ...others } = jobs(read("release.yml"));
  expect(tested).toContain("uses: ./.github/workflows/ci.yml");
  expect(publish).toContain("needs: [mode, test]");
  expect(publish).toContain("id-token: write");
  for (const [job, text] of Object.entries(others)) expect(text, job).not.toContain("id-token");
  expect(publishConfig).toEqual({ access: "public", provenance: true });
});
