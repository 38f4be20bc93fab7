/** Other versions of Node than the one that runs the tests. Linux only. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFile } from "../../../src/package.ts";
import { CACHE, cleanPath, nodeBinary, npmEnv } from "./hosts.ts";
import { ensurePackage } from "./packages.ts";

const { engines } = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { engines: { node: string } };

/** What the package runs under: the oldest that it says it does, and the last of each line so far. */
export const NODE_VERSIONS = [engines.node.replace(">=", ""), "22.23.3", "24.21.0", "26.10.0"] as const;

/** The last of two lines that it does not run under. */
export const OLD_NODE_VERSIONS = ["18.20.8", "20.20.2"] as const;

/** Absolute path of that Node's binary, from npm's `node-linux-*` into `.cache/nodes/` when missing. */
export async function ensureNode(version: string): Promise<string> {
  // The `node` package itself fetches this one in an install script.
  const name = `node-linux-${process.arch}`;
  const env = { ...process.env, ...(await npmEnv()), PATH: cleanPath(await nodeBinary()) };
  return join(await ensurePackage(join(CACHE, "nodes", version), name, version, env), "bin/node");
}
