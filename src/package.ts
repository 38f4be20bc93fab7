import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

let root: string | undefined;

/** A file of this package, whether it runs from its sources or from dist/. */
export function packageFile(name: string): string {
  root ??= findRoot(path.dirname(fileURLToPath(import.meta.url)));
  return path.join(root, name);
}

/** A module that is run by its path, as `src/cli/bin`: built, when we are. */
export function moduleFile(name: string): string {
  return packageFile(isBuilt() ? `dist/${name}.js` : `${name}.ts`);
}

/** Whether this is the built program: few files with many modules in each. */
export function isBuilt(): boolean {
  return import.meta.url.endsWith(".js");
}

function findRoot(dir: string): string {
  if (existsSync(path.join(dir, "manifest.json"))) return dir;
  const above = path.dirname(dir);
  if (above === dir) throw new Error("manifest.json of openclaw-vitals is missing: install the package again");
  return findRoot(above);
}

let version: string | undefined;

/** Version of this package. */
export function packageVersion(): string {
  version ??= (JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string }).version;
  return version;
}
