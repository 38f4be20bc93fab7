import { statSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import type { Facts } from "../facts/facts.ts";
import { readSharedFileSystem } from "../facts/found-lock.ts";
import { findHostPackage } from "../facts/installation.ts";
import type { Policy } from "./policy.ts";

/** How long a port may take to answer. Milliseconds. */
const CONNECT_MS = 2000;

/** Why a repair must not run in this process; null when it may. */
export function inHostProcess(): string | null {
  // A host's own process has its database open, and refuses to go on before a plugin gets a turn.
  return findHostPackage(process.argv[1]) === null
    ? null
    : "it needs OpenClaw down: stop the gateway and run `openclaw-vitals fix --yes`";
}

/**
 * Why the OpenClaw on this state dir is not down, as far as it shows from outside of the database; null when nothing
 * says so. Whoever has the database open, seen or not, is found by SQLite's own lock afterwards.
 */
export async function whyNotDown(facts: Facts, policy: Policy, database: string): Promise<string | null> {
  const shared = readSharedFileSystem(path.dirname(database));
  if (shared !== null) return `the database lies on a shared file system (${shared}), another machine may have it open`;
  const pids = await holders(facts, database);
  if (pids.length > 0) return `process ${pids.join(", ")} has the database open: stop OpenClaw first`;
  const { locks } = await facts.gatewayLocks(policy.locks.graceSeconds);
  const held = locks.find(({ look, judgement }) => look.kind !== "missing" && judgement?.verdict !== "gone");
  if (held !== undefined) return `a gateway may be running, its lock ${held.path} is not known to be left behind`;
  for (const port of await facts.gatewayPorts()) {
    const answers = await Promise.all(["127.0.0.1", "::1"].map((host) => listens(host, port)));
    if (answers.includes(true)) return `something listens on the gateway's port ${port}: stop the gateway first`;
  }
  return null;
}

async function holders(facts: Facts, database: string): Promise<readonly number[]> {
  const table = await facts.processes();
  const pids = new Set<number>();
  for (const file of [database, `${database}-wal`, `${database}-shm`]) {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) continue;
    const found = await table.holders({ dev: String(stat.dev), ino: String(stat.ino), path: file });
    for (const pid of found.pids) pids.add(pid);
  }
  return [...pids];
}

async function listens(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(true)); // a stuck process does not answer either
    socket.once("error", () => end(false));
  });
}
