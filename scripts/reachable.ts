/** What of a build is ever read: by Node from an entry point on, or by a compiler for the types of the API. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** An import, or a program started by itself: a relative path in quotes. Declarations name the sources. */
const POINTER = /["'`](\.{1,2}\/[^"'`\s$]+\.(?:js|json|ts))["'`]/g;

/**
 * Files that these lead to, over any number of steps, themselves included; relative to the root, with forward slashes.
 * Modules that are imported by a computed name have to be among the entries.
 */
export function reachable(root: string, entries: readonly string[]): Set<string> {
  const found = new Set<string>();
  const left = entries.map((entry) => path.posix.normalize(entry));
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    if (found.has(file) || !existsSync(path.join(root, file))) continue;
    found.add(file);
    if (file.endsWith(".json")) continue;
    for (const [, pointer = ""] of readFileSync(path.join(root, file), "utf8").matchAll(POINTER)) {
      const target = path.posix.join(path.posix.dirname(file), pointer);
      left.push(file.endsWith(".d.ts") ? target.replace(/(\.d)?\.(ts|js)$/, ".d.ts") : target);
    }
  }
  return found;
}

/** Where a package is entered: its command, its API, its doors into OpenClaw, and each check and fix of its catalogue. */
export function entryPoints(root: string): string[] {
  const read = (name: string) => JSON.parse(readFileSync(path.join(root, name), "utf8"));
  const { bin, exports, openclaw } = read("package.json");
  const checks = read("manifest.json").checks as { id: string; fix: { id: string } | null }[];
  return [
    ...(Object.values(bin) as string[]),
    ...(Object.values(exports["."]) as string[]),
    ...(openclaw.extensions as string[]),
    "doctor-contract-api.js",
    ...checks.flatMap(({ id, fix }) => [`dist/checks/${id}.js`, ...(fix ? [`dist/fixes/${fix.id}.js`] : [])]),
  ];
}
