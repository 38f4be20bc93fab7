import { readdirSync, readlinkSync, realpathSync, statfsSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { agentsOnDisk } from "../facts/session-locks.ts";
import { programs } from "../run.ts";
import { releaseOf } from "./catalogue.ts";
import { item, type PreflightItem, type Upgrade } from "./preflight-item.ts";

const MIB = 1_048_576;
/** What a new database, its backup and the downloads of the package manager take, whatever is moved. */
const BASE_BYTES = 512 * MIB;
/**
 * Sessions are copied into the database, and the originals are kept as an archive: 53 MiB of them took 108 MiB more
 * when 2026.9.6 was done, and some in between.
 */
const TIMES = 3;
/** Whoever moves sessions into a database does it with system calls that older kernels do not have. */
const LINUX_WITH_OPENAT2 = ">=5.6.0";

/** Whether the Node that runs OpenClaw here may run the next version. */
export async function nodeItems({ facts, to, graceSeconds }: Upgrade): Promise<PreflightItem[]> {
  const release = await releaseOf(to);
  if (release === null) return [];
  const { default: satisfies } = await import("semver/functions/satisfies.js");
  const gateway = await facts.gateway(graceSeconds);
  const own = { version: process.versions.node, source: "the Node that runs this command" };
  const other = gateway === null ? null : await nodeOf(gateway.pid);
  const nodes = other === null ? [own] : [own, { version: other, source: "the Node that runs the gateway" }];
  return nodes.map(({ version, source }) => {
    const evidence = [
      { what: "Node", value: version, source },
      { what: "Node versions it runs on", value: release.node, source: "catalogue" },
    ];
    return satisfies(version, release.node)
      ? item("node", "ok", `OpenClaw ${to} runs on Node ${version}.`, { evidence })
      : item("node", "blocker", `OpenClaw ${to} does not run on Node ${version} (${source}).`, {
          remedy: `Install Node ${release.node} first.`,
          evidence,
        });
  });
}

/** The version of a process's Node, when it is another one than ours; null when it is ours or cannot be asked. */
async function nodeOf(pid: number): Promise<string | null> {
  try {
    const program = readlinkSync(`/proc/${pid}/exe`);
    if (program === realpathSync(process.execPath) || !/^node/.test(path.basename(program))) return null;
    // A lock names the process, and whoever wrote the lock may have started it: root runs no program of other users.
    const { uid, mode } = statSync(`/proc/${pid}/exe`);
    if ((uid !== 0 && uid !== process.getuid?.()) || (mode & 0o022) !== 0) return null;
    const { stdout } = await (await programs())(`/proc/${pid}/exe`, ["--version"], { timeout: 5000 });
    return /^v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Whether there is room for moving the sessions into a database. */
export async function diskItems({ facts, migrates }: Upgrade): Promise<PreflightItem[]> {
  const { stateDir } = facts;
  const moved = migrates ? agentsOnDisk(stateDir).reduce((sum, agent) => sum + sessionBytes(stateDir, agent), 0) : 0;
  const needed = BASE_BYTES + TIMES * moved;
  const { bavail, bsize } = statfsSync(stateDir);
  const free = bavail * bsize;
  const evidence = [
    { what: "free", value: `${mib(free)} MiB`, source: stateDir },
    { what: "sessions to be moved", value: `${mib(moved)} MiB`, source: "agents/*/sessions" },
  ];
  if (free >= needed)
    return [
      item("disk", "ok", `There is room for the upgrade: ${mib(free)} MiB free, ${mib(needed)} MiB wanted.`, {
        evidence,
      }),
    ];
  return [
    item(
      "disk",
      "blocker",
      `There is not enough room for the upgrade: ${mib(free)} MiB free, ${mib(needed)} MiB wanted.`,
      {
        remedy: "Make room on the file system of the state dir.",
        evidence,
      },
    ),
  ];
}

function sessionBytes(stateDir: string, agent: string): number {
  const folder = path.join(stateDir, "agents", agent, "sessions");
  try {
    return readdirSync(folder).reduce((sum, name) => {
      const stat = statSync(path.join(folder, name), { throwIfNoEntry: false });
      return stat?.isFile() ? sum + stat.size : sum;
    }, 0);
  } catch {
    return 0; // no sessions, or none that may be read: the checks say so
  }
}

/** Whether this kernel can do what the next version moves its files with. */
export async function kernelItems({ to, migrates }: Upgrade): Promise<PreflightItem[]> {
  if (!migrates || process.platform !== "linux") return [];
  const { default: coerce } = await import("semver/functions/coerce.js");
  const { default: satisfies } = await import("semver/functions/satisfies.js");
  const kernel = coerce(os.release());
  if (kernel !== null && !satisfies(kernel, LINUX_WITH_OPENAT2))
    return [
      item(
        "kernel",
        "blocker",
        `OpenClaw ${to} moves its files with system calls that Linux ${os.release()} does not have, so its doctor would stop half-way.`,
        {
          remedy: "Upgrade the system to Linux 5.6 or newer first.",
          evidence: [{ what: "kernel", value: os.release(), source: "uname" }],
        },
      ),
    ];
  return [];
}

function mib(bytes: number): number {
  return Math.ceil(bytes / MIB);
}
