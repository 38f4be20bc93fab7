/** What is published: exactly what runs, and nothing the host's install scanner refuses. Needs `npm run build`. */
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { x } from "tinyexec";
import { beforeAll, describe, expect, test } from "vitest";
import { packageFile } from "../src/package.ts";
import { put, tempDir } from "./facts/sandbox.ts";

const manifest = JSON.parse(readFileSync(packageFile("package.json"), "utf8"));
const REGISTRY = "https://registry.npmjs.org/";
const { packages } = JSON.parse(readFileSync(packageFile("package-lock.json"), "utf8")) as {
  packages: Record<
    string,
    {
      readonly dev?: boolean;
      readonly devOptional?: boolean;
      readonly hasInstallScript?: boolean;
      readonly integrity?: string;
      readonly resolved?: string;
      readonly license?: string;
      readonly dependencies?: object;
    }
  >;
};
const production = Object.keys(packages).filter((name) => name !== "" && packages[name]?.dev !== true);
let packed: string[] = [];

beforeAll(async () => {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = await x("npm", args, { throwOnError: true, nodeOptions: { cwd: packageFile("") } });
  packed = (JSON.parse(stdout) as [{ files: { path: string }[] }])[0].files.map((file) => file.path).sort();
}, 60_000);

describe("the package", () => {
  test("has only ASCII in its modules: one other character doubles what V8 makes of a file", () => {
    const modules = packed.filter((file) => file.endsWith(".js"));
    expect(modules.length).toBeGreaterThan(10);
    expect(modules.filter((file) => /[^\0-\x7f]/.test(readFileSync(packageFile(file), "utf8")))).toEqual([]);
  });

  test("holds what runs, and nothing else", () => {
    const entries = [
      ...Object.values<string>(manifest.bin),
      ...(manifest.openclaw.extensions as string[]),
      manifest.exports["."].default as string,
      manifest.exports["."].types as string,
      "doctor-contract-api.js",
    ];
    const rest = [
      ...filesUnder("docs/checks", ".md"),
      "docs/auto-heal.md",
      "docs/formats.md",
      "docs/policy.md",
      "docs/prometheus/README.md",
      "docs/prometheus/alerts.yml",
      "docs/recipes.md",
      "LICENSE",
      "dist/chunks/LICENSE.typebox",
      "README.md",
      "manifest.json",
      "openclaw.plugin.json",
      "package.json",
    ];
    expect(packed).toEqual([...reachable(entries.map((entry) => path.posix.normalize(entry))), ...rest].sort());
  });

  test("every check and fix of the catalogue is in the build", () => {
    const built = packed.filter((file) => file.endsWith(".js")).map(read);
    for (const file of [...filesUnder("checks", ".ts"), ...filesUnder("fixes", ".ts")])
      expect(
        built.some((code) => code.includes(`//#region ${file}`) || code.includes(`// ${file}`)),
        file,
      ).toBe(true);
  });

  test("is made of all modules there are: none that nothing leads to", () => {
    const sources = ["src", "checks", "fixes"].flatMap((folder) => filesUnder(folder, ".ts"));
    const doors = ["src/cli/bin.ts", "src/index.ts", "src/host/plugin.ts", "src/host/contract.ts"];
    const led = reachable([...doors, ...sources.filter((file) => !file.startsWith("src/"))]);
    expect(sources.filter((file) => !led.includes(file))).toEqual([]);
  });

  test("has types that are complete, and no others", async () => {
    const folder = tempDir();
    const installed = path.join(folder, "node_modules", "openclaw-vitals");
    for (const file of packed.filter((name) => name.endsWith(".d.ts") || name === "package.json"))
      cpSync(packageFile(file), path.join(installed, file));
    symlinkSync(packageFile("node_modules/@types"), path.join(folder, "node_modules", "@types"), "junction");
    const user = put(
      path.join(folder, "user.mts"),
      `import { diagnose, type Finding, history, repair, undo, UserError } from "openclaw-vitals";
       const findings: readonly Finding[] = (await diagnose({ only: ["stale-lock"] })).findings;
       // @ts-expect-error a finding is no number
       const wrong: number = findings[0];
       console.log(wrong, history, repair, undo, UserError);`,
    );
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", "node"];
    const { stdout, exitCode } = await x("tsc", [...options, user], { nodeOptions: { cwd: folder } });
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 0 });
  });

  test("holds every file it points to", () => {
    const { bin, exports, openclaw } = manifest;
    // As npm writes it when it publishes; anything else it calls an error of ours.
    expect(bin).toEqual({ "openclaw-vitals": "dist/src/cli/bin.js" });
    const targets = [...Object.values(bin), exports["."].types, exports["."].default, ...openclaw.extensions];
    expect(
      targets.map((target) => path.posix.normalize(String(target))).filter((file) => !packed.includes(file)),
    ).toEqual([]);
  });

  test("has nothing the host's install scanner stops at", () => {
    const problems = packed.filter((file) => file.endsWith(".js")).flatMap((file) => scan(file, read(file)));
    expect(problems).toEqual([]);
  });

  test("the scanner's rules of this test find what they should", () => {
    expect(scan("a", 'import cp from "node:child_process";\ncp.exec("ls");')).toHaveLength(1);
    expect(scan("a", 'import "node:child_process";\n/x/.exec("ls");')).toEqual([]);
    expect(scan("a", "eval (text)")).toHaveLength(1);
    expect(scan("a", "new Function(text)")).toHaveLength(1);
    expect(scan("a", "process.env.A;\n\n\nawait fetch(url)")).toHaveLength(1);
    expect(scan("a", `process.env.A;${"\n".repeat(9)}await fetch(url)`)).toEqual([]);
  });

  test("never imports the host by name: 2026.5.22 would load a second copy of its registry", () => {
    expect(packed.filter((file) => file.endsWith(".js") && read(file).includes("openclaw/plugin-sdk"))).toEqual([]);
  });

  test("the lockfile holds what every platform needs, or `npm ci` fails on all of them", () => {
    const { packages } = JSON.parse(readFileSync(packageFile("package-lock.json"), "utf8")) as {
      packages: Record<string, { dependencies?: object; optionalDependencies?: object }>;
    };
    const isHeld = (place: string, name: string): boolean =>
      `${place}/node_modules/${name}`.replace(/^\//, "") in packages ||
      (place !== "" && isHeld(place.slice(0, Math.max(0, place.lastIndexOf("/node_modules/"))), name));
    const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isHeld(place, name))
        .map((name) => `${place} needs ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test("depends on nothing that runs a script when it is installed", () => {
    expect(production).toEqual(
      expect.arrayContaining(Object.keys(manifest.dependencies).map((name) => `node_modules/${name}`)),
    );
    expect(production.filter((name) => packages[name]?.hasInstallScript || hasInstallScript(name))).toEqual([]);
  });

  test("depends on nothing that CONTRIBUTING does not account for", () => {
    const text = read("CONTRIBUTING.md");
    const [, table = "", brought = ""] =
      /## Dependencies\n([\s\S]*?)\nWhat they bring[^\n]*\n([\s\S]*?)\nThe tests/.exec(text) ?? [];
    const named = [...table.matchAll(/^\| (\w\S*) +\| \S/gm)].map(([, name]) => name);
    expect(named).toEqual(Object.keys(manifest.dependencies));
    const lists = brought.replace(/\n {2}/g, " ").matchAll(/^- (\S+): (.+)$/gm);
    const told = Object.fromEntries([...lists].map(([, name = "", list = ""]) => [name, list.split(", ")]));
    const found = named.map((name = "") => [name, broughtBy(name)] as const).filter(([, list]) => list.length > 0);
    expect(told).toEqual(Object.fromEntries(found));
    const all = new Set([...named, ...found.flatMap(([, list]) => list)]);
    // A peer that nobody has to have comes with our own tools only.
    const brings = production.filter((place) => packages[place]?.devOptional !== true);
    expect(brings.map((place) => place.replace(/^node_modules\//, "")).sort(), "each once").toEqual([...all].sort());
  });

  test("is locked to what the registry has, under licences that ask for nothing but a notice", () => {
    const entries = Object.entries(packages).filter(([name]) => name !== "");
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? "")).map(([name]) => name)).toEqual([]);
    // Some set-ups of npm leave the address out where it is the registry's.
    const elsewhere = entries.filter(([, { resolved = REGISTRY }]) => !resolved.startsWith(REGISTRY));
    expect(elsewhere.map(([name]) => name)).toEqual([]);
    const licences = new Set(production.map((name) => packages[name]?.license));
    expect([...licences].filter((one) => !["MIT", "ISC", "PSF-2.0"].includes(one ?? ""))).toEqual([]);
  });
});

/** These files and all that they import or start, one from the other: of the build, its declarations, or the sources. */
function reachable(entries: readonly string[]): string[] {
  const found = new Set<string>();
  const add = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const declares = file.endsWith(".d.ts");
    for (const [, from = "", started = ""] of read(file).matchAll(
      /(?:from|import)\s*\(?"(\.[^"]+)"|moduleFile\("([^"]+)"/g,
    )) {
      if (from === "") add(file.endsWith(".ts") ? `${started}.ts` : `dist/${started}.js`);
      else add(path.posix.join(path.posix.dirname(file), declares ? from.replace(/\.ts$/, ".d.ts") : from));
    }
  };
  for (const entry of entries) add(entry);
  return [...found];
}

/** What a package brings along, and what that brings, by name. */
function broughtBy(name: string, seen = new Set<string>()): string[] {
  for (const one of Object.keys(packages[`node_modules/${name}`]?.dependencies ?? {})) {
    if (seen.has(one)) continue;
    seen.add(one);
    broughtBy(one, seen);
  }
  return [...seen].sort();
}

/** What 2026.5.22 refuses to install, in one file. */
function scan(file: string, text: string): string[] {
  const lines = text.split("\n");
  const problems: string[] = [];
  const runs =
    /\b(?:execSync|spawn|spawnSync|execFile|execFileSync)\s*\(|(?<!\.)\bexec\s*\(|\b(?:cp|child_process)\.exec\(/;
  if (text.includes("child_process") && runs.test(text)) problems.push(`${file}: runs a process`);
  if (/\beval\s*\(|new\s+Function\s*\(/.test(text)) problems.push(`${file}: makes code from text`);
  const sends = /\bfetch\s*\(|\bpost\s*\(|http\.request\s*\(/i;
  const near = lines.some(
    (line, index) =>
      line.includes("process.env") && sends.test(lines.slice(Math.max(0, index - 8), index + 9).join("\n")),
  );
  if (near) problems.push(`${file}: reads the environment next to a network call`);
  return problems;
}

function hasInstallScript(name: string): boolean {
  const file = packageFile(`${name}/package.json`);
  if (!existsSync(file)) return false; // for another platform
  const { scripts = {} } = JSON.parse(readFileSync(file, "utf8"));
  return ["preinstall", "install", "postinstall"].some((script) => script in scripts);
}

function read(file: string): string {
  return readFileSync(packageFile(file), "utf8");
}

/** Files with this ending in a folder and below, with forward slashes. */
function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => path.posix.join(folder, name.split(path.sep).join("/")));
}
