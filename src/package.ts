import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

let root: string | undefined;

/** A file of this package, whether it runs from its sources or from dist/. */
export function packageFile(name: string): string {
  if (root === undefined) {
    root = path.dirname(fileURLToPath(import.meta.url));
    while (!existsSync(path.join(root, "manifest.json"))) root = path.dirname(root);
  }
  return path.join(root, name);
}

let version: string | undefined;

/** Version of this package. */
export function packageVersion(): string {
  version ??= (JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string }).version;
  return version;
}
