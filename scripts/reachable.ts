/** What of the package is ever read: by Node from an entry point on, or by a compiler for the types of the API. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** An import, or a program started by its path: a relative path in quotes. Declarations name the sources. */
const POINTER = /["'`](\.{1,2}\/[^"'`\s$]+\.(?:js|json|ts))["'`]/g;
/** Programs that are started in a process of their own. */
const PROGRAMS = ["src/cli/demo-agent", "src/engine/baseline-control", "src/host/heal-worker"];

/**
 * Files that these lead to, over any number of steps, themselves included; relative to the root, with forward slashes.
 * What is not there is left out. Modules that are imported by a computed name have to be among the entries.
 */
export function reachable(root: string, entries: readonly string[]): Set<string> {
  const found = new Set<string>();
  const left = entries.map((entry) => path.posix.normalize(entry));
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    if (found.has(file) || !existsSync(path.join(root, file))) continue;
    found.add(file);
    if (!file.endsWith(".json")) left.push(...pointers(root, file));
  }
  return found;
}

/** What one module of it points to, whether it is there or not. */
export function pointers(root: string, file: string): string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(POINTER)].map(([, pointer = ""]) => {
    const target = path.posix.join(path.posix.dirname(file), pointer);
    return file.endsWith(".d.ts") ? target.replace(/(\.d)?\.(ts|js)$/, ".d.ts") : target;
  });
}

/** Where the package is entered: its command, its API, its doors into OpenClaw, each check and fix, its programs. */
export function entryPoints(root: string): string[] {
  const read = (name: string) => JSON.parse(readFileSync(path.join(root, name), "utf8"));
  const { bin, exports, openclaw } = read("package.json");
  const checks = read("manifest.json").checks as { id: string; fix: { id: string } | null }[];
  const modules = [
    ...PROGRAMS,
    ...checks.flatMap(({ id, fix }) => [`checks/${id}`, ...(fix === null ? [] : [`fixes/${fix.id}`])]),
  ];
  return [
    ...(Object.values(bin) as string[]),
    ...(Object.values(exports["."]) as string[]),
    ...(openclaw.extensions as string[]),
    "doctor-contract-api.js",
    ...modules.map((name) => `dist/${name}.js`),
  ];
}
