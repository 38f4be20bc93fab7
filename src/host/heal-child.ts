/**
 * Makes a round in a process of its own. In the gateway the readers would stand in the way of its event loop, and
 * closing a file there would drop the locks that SQLite holds on it for the whole process.
 */
import { moduleFile } from "../package.ts";
import { programs } from "../run.ts";
import type { HealRound } from "./heal-round.ts";
import type { RoundTarget } from "./heal-service.ts";

/** A round that takes longer is ended. Milliseconds. */
const DEADLINE_MS = 120_000;
const WORKER = moduleFile("src/host/heal-worker");

/** @throws when the child did not come to an end that it could tell of. */
export async function roundInChild(
  { stateDir, hostVersion }: RoundTarget,
  signal: AbortSignal,
  deadlineMs = DEADLINE_MS,
): Promise<HealRound> {
  // Inspectors and preloaded modules are meant for the gateway.
  const env = { OPENCLAW_STATE_DIR: stateDir, NODE_OPTIONS: "" };
  const child = (await programs())(
    process.execPath,
    ["--no-warnings", WORKER, ...(hostVersion === null ? [] : [hostVersion])],
    {
      signal,
      timeout: deadlineMs,
      nodeOptions: { env, cwd: stateDir, stdio: ["ignore", "pipe", "ignore"] },
    },
  );
  const { stdout } = await child;
  return JSON.parse(stdout) as HealRound;
}
