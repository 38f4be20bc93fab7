/**
 * `node --no-warnings bench/dependency-cost.ts [--json] [--pairs <n>]`: what each production dependency adds to the start
 * of a process, and which commands pay for it. Needs a build.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { packageFile } from "../src/package.ts";
import { dependencyUse } from "./dependency-use.ts";
import { type Spread, spread } from "./paired.ts";
import { table } from "./table.ts";

export interface DependencyCost {
  /** `(none)` for a module that imports nothing: what is in all of the others. */
  readonly name: string;
  readonly version: string;
  /** What our sources import of it. */
  readonly specifiers: readonly string[];
  /** A whole process that imports it, in milliseconds. */
  readonly ms: Spread;
  /** Of `node -e 0` right before or after it: how many times as long. */
  readonly ratio: Spread;
  /** More than the module that imports nothing right before or after it, in milliseconds. */
  readonly addedMs: Spread;
  /** Commands that load it. */
  readonly usedBy: readonly string[];
}

const NONE = "(none)";
/** As our command begins. */
const PRELUDE = `process.getBuiltinModule("node:module").enableCompileCache(process.env.VITALS_BENCH_CACHE);`;

/**
 * Measures whole processes, one at a time, in rounds: each right beside a `node -e 0` and a module that imports nothing,
 * so that a slow moment of the machine strikes all three. Compiled code is kept, as by our command, and has been made before anything counts.
 * @param pairs rounds; at least 15 for quartiles that mean something.
 */
export async function measureDependencyCost({ pairs = 15 } = {}): Promise<DependencyCost[]> {
  const use = await dependencyUse();
  const dependencies = [{ name: NONE, version: "", specifiers: [] as string[] }, ...productionDependencies()];
  const cache = mkdtempSync(path.join(os.tmpdir(), "vitals-cost-"));
  const env = { PATH: process.env["PATH"], VITALS_BENCH_CACHE: cache };
  const time = (args: readonly string[]): number => {
    const began = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: packageFile(""), env, encoding: "utf8" });
    const ms = performance.now() - began;
    if (status !== 0) throw new Error(`${args.join(" ")} failed: ${stderr}`);
    return ms;
  };
  const programs = dependencies.map(({ specifiers }) => [
    "--no-warnings",
    "--input-type=module",
    "-e",
    [PRELUDE, ...specifiers.map((one) => `await import(${JSON.stringify(one)});`)].join(" "),
  ]);
  const bare = ["-e", "0"];
  const samples = dependencies.map(() => ({ ms: [] as number[], ratio: [] as number[], added: [] as number[] }));
  try {
    for (const program of [bare, ...programs, ...programs]) time(program); // what is compiled then is kept
    for (let round = 0; round < pairs; round += 1) {
      for (const index of dependencies.keys()) {
        if (index === 0) continue;
        // All three within a moment, now in this order and now in the other.
        const three = [bare, programs[0] ?? bare, programs[index] ?? bare];
        const times = (round % 2 === 0 ? three : three.toReversed()).map(time);
        const [reference = 0, none = 0, ms = 0] = round % 2 === 0 ? times : times.toReversed();
        samples[0]?.ms.push(none);
        samples[0]?.ratio.push(none / reference);
        samples[0]?.added.push(0);
        samples[index]?.ms.push(ms);
        samples[index]?.ratio.push(ms / reference);
        samples[index]?.added.push(ms - none);
      }
    }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  return dependencies.map(({ name, version, specifiers }, index) => ({
    name,
    version,
    specifiers,
    ms: spread(samples[index]?.ms ?? []),
    ratio: spread(samples[index]?.ratio ?? []),
    addedMs: spread(samples[index]?.added ?? []),
    usedBy: [...use].filter(([, loaded]) => loaded.includes(name)).map(([command]) => command),
  }));
}

/** With the specifiers by which our sources import them. */
function productionDependencies() {
  const { dependencies } = JSON.parse(readFileSync(packageFile("package.json"), "utf8"));
  const sources = ["src", "checks", "fixes"].flatMap((folder) =>
    readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => readFileSync(packageFile(path.join(folder, name)), "utf8")),
  );
  const imports = sources.flatMap((text) =>
    [...text.matchAll(/^(?!import type).*(?:from |import\()"([^".:][^":]*)"/gm)].map(([, specifier = ""]) => specifier),
  );
  return Object.keys(dependencies).map((name) => ({
    name,
    version: JSON.parse(readFileSync(packageFile(`node_modules/${name}/package.json`), "utf8")).version as string,
    specifiers: [...new Set(imports.filter((one) => one === name || one.startsWith(`${name}/`)))],
  }));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: "boolean" }, pairs: { type: "string", default: "15" } } });
  const pairs = Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error("--pairs takes a whole number above 0");
  const costs = await measureDependencyCost({ pairs });
  const shown = ({ median, q1, q3 }: Spread, digits: number): string[] => [
    median.toFixed(digits),
    `${q1.toFixed(digits)}–${q3.toFixed(digits)}`,
  ];
  const rows = costs.map(({ name, ms, ratio, addedMs }) => [
    name,
    ...shown(ms, 0),
    ...shown(ratio, 2),
    ...shown(addedMs, 1),
  ]);
  const head = ["dependency", "ms", "quartiles", "× node -e 0", "quartiles", "added ms", "quartiles"];
  const uses = costs.slice(1).map(({ name, usedBy }) => `${name}: ${usedBy.join(", ") || "no command here"}`);
  process.stdout.write(
    values.json
      ? `${JSON.stringify(costs, null, 2)}\n`
      : `${table([head, ...rows])}\nLoaded by\n${uses.map((line) => `  ${line}\n`).join("")}`,
  );
}
