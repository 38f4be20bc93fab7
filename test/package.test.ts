/** What is published: exactly what runs, and nothing the host's install scanner refuses. Needs `npm run build`. */
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { x } from "tinyexec";
import { beforeAll, describe, expect, test } from "vitest";
import { entryPoints, pointers, reachable } from "../scripts/reachable.ts";
import { packageFile } from "../src/package.ts";
import { put, tempDir } from "./facts/sandbox.ts";

const manifest = JSON.parse(readFileSync(packageFile("package.json"), "utf8"));
const root = packageFile("");
let packed: string[] = [];

beforeAll(async () => {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = await x("npm", args, { throwOnError: true, nodeOptions: { cwd: root } });
  packed = (JSON.parse(stdout) as [{ files: { path: string }[] }])[0].files.map((file) => file.path).sort();
}, 60_000);

describe("the package", () => {
  test("holds what runs, and nothing else", () => {
    const [modules, rest] = [true, false].map((is) => packed.filter((file) => /^dist\/.*\.[jt]s$/.test(file) === is));
    expect(modules).toEqual(
      [...reachable(root, entryPoints(root))].filter((file) => /^dist\/.*\.[jt]s$/.test(file)).sort(),
    );
    expect(rest).toEqual(
      [
        ...filesUnder("docs/checks", ".md"),
        "docs/auto-heal.md",
        "docs/formats.md",
        "docs/policy.md",
        "docs/prometheus/README.md",
        "docs/prometheus/alerts.yml",
        "docs/recipes.md",
        "LICENSE",
        "README.md",
        "dist/src/facts/config-keys.json",
        "dist/src/facts/refused-keys.json",
        "doctor-contract-api.js",
        "manifest.json",
        "openclaw.plugin.json",
        "package.json",
      ].sort(),
    );
  });

  test("is made of all modules there are: none that nothing leads to", () => {
    const entries = entryPoints(root).map((file) =>
      file.replace(/^(\.\/)?dist\//, "").replace(/(\.d)?\.[jt]s$/, ".ts"),
    );
    const led = reachable(root, [...entries, "src/host/contract.ts"]);
    const sources = ["src", "checks", "fixes"].flatMap((folder) => filesUnder(folder, ".ts"));
    expect(sources.filter((file) => !led.has(file))).toEqual([]);
  });

  test("holds every module that one of its modules imports", () => {
    const missing = packed
      .filter((file) => file.endsWith(".js"))
      .flatMap((file) => pointers(root, file).map((target) => `${file} imports ${target}`))
      .filter((line) => !line.endsWith(".ts") && !packed.includes(line.split(" imports ")[1] ?? ""));
    expect(missing).toEqual([]);
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
    const { packages } = JSON.parse(readFileSync(packageFile("package-lock.json"), "utf8")) as {
      packages: Record<string, { dev?: boolean; hasInstallScript?: boolean }>;
    };
    const production = Object.keys(packages).filter((name) => name !== "" && packages[name]?.dev !== true);
    expect(production).toEqual(
      expect.arrayContaining(Object.keys(manifest.dependencies).map((name) => `node_modules/${name}`)),
    );
    expect(production.filter((name) => packages[name]?.hasInstallScript || hasInstallScript(name))).toEqual([]);
  });
});

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
