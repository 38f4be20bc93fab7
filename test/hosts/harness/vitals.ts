import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Home, RunOptions } from "./home.ts";
import type { Host } from "./hosts.ts";
import { PROJECT } from "./hosts.ts";
import { installPlugin, packProject } from "./install.ts";
import type { Finished } from "./processes.ts";

/**
 * Leaves out what is said of every host of a version, of every config without limits, while no gateway runs, and of a
 * gateway that nobody has watched for long enough.
 */
export const NO_NOTES = ["--skip", "host-hazard,unbounded-timeout,event-loop-delay,rss-growth"] as const;

/** Our built command. */
export const BIN = join(PROJECT, "dist/src/cli/bin.js");

/** Runs the standalone command on a home; no OpenClaw is on its PATH. */
export async function vitals(home: Home, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const running = await home.spawnFile(home.host.node, [BIN, ...args], { timeoutMs: 60_000, ...options });
  return await running.finished;
}

/** The JSON document of a command, with its exit code. Throws with the output when stdout is not one document. */
export async function vitalsJson(home: Home, args: readonly string[], options: RunOptions = {}) {
  const { code, stdout, stderr } = await vitals(home, [...args, "--json"], options);
  try {
    return { code, document: JSON.parse(stdout) };
  } catch {
    throw new Error(`not one JSON document: ${stdout}\n${stderr}`);
  }
}

/** Installs the packed plugin into a home. */
export async function withPlugin(home: Home): Promise<Home> {
  await installPlugin(home, { tarball: await packProject() });
  return home;
}

/** The same home under another host, as after an update of the package. */
export function upgraded(home: Home, host: Host): Home {
  const next: Home = {
    ...home,
    host,
    spawn: (args, run) => home.spawnFile(host.node, [host.entry, ...args], run),
    async run(args, run = {}) {
      return await (await next.spawn(args, { timeoutMs: 180_000, ...run })).finished;
    },
  };
  return next;
}

/** Files in the quarantine of a home, with their text. */
export function quarantined(home: Home): { path: string; text: string }[] {
  const root = join(home.stateDir, "vitals", "quarantine");
  try {
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path, text: readFileSync(path, "utf8") }));
  } catch {
    return [];
  }
}
