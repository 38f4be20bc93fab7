/** The scaffolder, on a copy of the project: what it makes is complete and passes at once. */
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { x } from "tinyexec";
import { expect, test } from "vitest";
import { planCheck } from "../scripts/new-check.ts";
import { packageFile } from "../src/package.ts";
import { temporaryFolder } from "./engine/sandbox.ts";

const PARTS = ["bench", "checks", "docs", "fixes", "scripts", "src", "test"];
const FILES = [
  "README.md",
  "biome.json",
  "manifest.json",
  "openclaw.plugin.json",
  "package.json",
  "tsconfig.json",
  "tsconfig.test.json",
  "vitest.config.ts",
];

/** A copy of the project in a temporary folder, with the same dependencies. */
function copyOfProject(): string {
  const root = temporaryFolder();
  for (const name of [...PARTS, ...FILES]) cpSync(packageFile(name), path.join(root, name), { recursive: true });
  // No repository there whose list of ignored files could be used.
  const biome = JSON.parse(readFileSync(path.join(root, "biome.json"), "utf8"));
  writeFileSync(path.join(root, "biome.json"), JSON.stringify({ ...biome, vcs: { enabled: false } }));
  symlinkSync(packageFile("node_modules"), path.join(root, "node_modules"), "junction");
  return root;
}

async function run(root: string, program: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = await x(program, args, {
    timeout: 120_000,
    nodeOptions: { cwd: root, env: { NO_COLOR: "1" } },
  });
  return { exitCode, output: stdout + stderr };
}

test("a new check is complete: catalogue, its own tests, types and style", async () => {
  const root = copyOfProject();
  const created = await run(root, process.execPath, "--no-warnings", "scripts/new-check.ts", "cold-start");
  expect(created).toMatchObject({ exitCode: 0 });
  for (const file of ["checks/cold-start.ts", "fixes/cold-start.ts", "docs/checks/cold-start.md"])
    expect(created.output).toContain(file);
  expect(readFileSync(path.join(root, "README.md"), "utf8")).toContain("(docs/checks/cold-start.md)");

  const tests = ["test/catalogue.test.ts", "test/generate.test.ts", "test/checks/cold-start.test.ts"];
  const tested = await run(root, "vitest", "run", "--project", "unit", ...tests);
  expect(tested, tested.output).toMatchObject({ exitCode: 0 });
  expect(tested.output).toMatch(/Test Files +3 passed/);
  const typed = await run(root, "tsc", "-p", "tsconfig.test.json");
  expect(typed, typed.output).toMatchObject({ exitCode: 0 });
  const styled = await run(root, "biome", "check", "checks", "fixes", "test/checks", "manifest.json");
  expect(styled, styled.output).toMatchObject({ exitCode: 0 });

  // The entry went to the end of the checks, and no other line changed.
  const before = readFileSync(packageFile("manifest.json"), "utf8").split("\n");
  const after = readFileSync(path.join(root, "manifest.json"), "utf8").split("\n");
  const start = after.findIndex((line) => line.includes('"id": "cold-start"')) - 2;
  expect(after.toSpliced(start, after.length - before.length)).toEqual(before);

  // It is taken now, and nothing is written over.
  const again = await run(root, process.execPath, "--no-warnings", "scripts/new-check.ts", "cold-start");
  expect(again.exitCode).toBe(2);
  expect(again.output).toContain('There is a check "cold-start" already.');
}, 240_000);

test.each([
  [[], "One id is needed."],
  [["one", "two"], "One id is needed."],
  [["Cold-Start"], '"Cold-Start" cannot be the id of a check.'],
  [["../escape"], "cannot be the id of a check."],
  [["cold_start"], "cannot be the id of a check."],
  [["--help"], "cannot be the id of a check."],
  [["a".repeat(41)], "cannot be the id of a check."],
  [["stale-lock"], 'There is a check "stale-lock" already.'],
])("%j is refused, in a sentence", (args, message) => {
  expect(() => planCheck(args)).toThrow(message);
});

test("a left-over file of another check is not written over", async () => {
  const root = copyOfProject();
  const file = path.join(root, "fixes", "cold-start.ts");
  writeFileSync(file, "mine\n");
  const refused = await run(root, process.execPath, "--no-warnings", "scripts/new-check.ts", "cold-start");
  expect(refused.exitCode).toBe(2);
  expect(refused.output).toContain("fixes/cold-start.ts is there already.");
  expect(readFileSync(file, "utf8")).toBe("mine\n");
  expect(existsSync(path.join(root, "checks", "cold-start.ts"))).toBe(false);
});
