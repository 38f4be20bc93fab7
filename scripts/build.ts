/** Compiles to dist/ from scratch, so that nothing of an earlier build is packed, and keeps what is ever read of it. */
import { chmodSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { x } from "tinyexec";
import { entryPoints, reachable } from "./reachable.ts";

rmSync("dist", { recursive: true, force: true });
const { exitCode, stdout, stderr } = await x("tsc", ["-p", "tsconfig.json"]);
process.stdout.write(stdout + stderr);
if (exitCode === 0) {
  chmodSync("dist/src/cli/bin.js", 0o755);
  prune();
}
process.exitCode = exitCode ?? 1;

/** Removes declarations that the API's types do not lead to, and modules that hold nothing but types. */
function prune(): void {
  const kept = reachable(".", entryPoints("."));
  for (const entry of readdirSync("dist", { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !kept.has(file.split(path.sep).join("/"))) rmSync(file);
  }
}
