/** Compiles to dist/ from scratch, so that nothing of an earlier build is packed. */
import { chmodSync, rmSync } from "node:fs";
import { x } from "tinyexec";

rmSync("dist", { recursive: true, force: true });
const { exitCode, stdout, stderr } = await x("tsc", ["-p", "tsconfig.json"]);
process.stdout.write(stdout + stderr);
if (exitCode === 0) chmodSync("dist/src/cli/bin.js", 0o755);
process.exitCode = exitCode ?? 1;
