/** Runs under a Node that is too old for all else: it and what it imports are kept to what Node 16 has. */
import { readFileSync } from "node:fs";
import { packageFile, packageVersion } from "../package.ts";
import { isJson } from "./options.ts";

/** Says which Node is needed, as a document on stdout for `--json`, and sets exit code 2. */
export function refuse(argv: readonly string[]): void {
  const { engines } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { engines: { node: string } };
  const message = `openclaw-vitals needs Node ${engines.node}; this is ${process.versions.node}.`;
  const remedy = "Install a newer Node from https://nodejs.org, or put one first on the PATH.";
  const document = {
    schemaVersion: 1,
    ok: false,
    checksRun: 0,
    checksSkipped: 0,
    findings: [],
    tool: { name: "openclaw-vitals", version: packageVersion() },
    error: { message, remedy },
  };
  if (isJson(argv)) process.stdout.write(`${JSON.stringify(document)}\n`);
  process.stderr.write(`${message} ${remedy}\n`);
  process.exitCode = 2;
}
