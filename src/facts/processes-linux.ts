import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { errorCode } from "../engine/errors.ts";
import { uptimeMs } from "../uptime.ts";
import { once } from "./once.ts";
import {
  argsOf,
  kernelThreads,
  listNames,
  namespaceOf,
  readArgs,
  readStat,
  readStatus,
  readText,
  titleOf,
} from "./proc-files.ts";
import {
  type Holders,
  isOpenClawCommand,
  type PidNamespace,
  type ProcessState,
  type ProcessTable,
} from "./processes.ts";

/** Inode of the machine's first PID namespace, fixed in the kernel (PROC_PID_INIT_INO). */
const INITIAL_PID_NAMESPACE = "pid:[4026531836]";
/** USER_HZ: 100 on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;

/** The process table from /proc. `root` and `selfPid` are for recorded tables in tests. */
export function linuxProcessTable(root = "/proc", selfPid = process.pid): ProcessTable {
  const states = new Map<number, ProcessState>();
  const descriptors = new Map<number, OpenFiles>();
  const uid = process.getuid?.() ?? null;
  let namespace: PidNamespace | undefined;
  let suspects: readonly number[] | undefined;
  let blind: boolean | undefined;
  let selfStart: { ticks: number; wallMs: number } | null | undefined;

  // From our own start, known on both clocks: /proc/uptime and btime are faked in some containers.
  const wallStart = (ticks: number): number | null => {
    if (selfStart === undefined) {
      const own = readStat(root, selfPid);
      selfStart = own && { ticks: own.startTicks, wallMs: Date.now() - uptimeMs() };
    }
    if (selfStart === null) return null;
    const startedAtMs = selfStart.wallMs + ((ticks - selfStart.ticks) * 1000) / TICKS_PER_SECOND;
    return startedAtMs > Date.now() + 1000 ? null : startedAtMs;
  };

  const read = (pid: number): ProcessState => {
    // To ask first throws no error for one that is gone, as most owners of what we look at are.
    const stat = existsSync(`${root}/${pid}`) ? readStat(root, pid) : null;
    if (stat === null) return exists(pid) ? hidden : { state: "absent", zombie: false };
    if (stat.state === "Z" || stat.state === "X") return { state: "absent", zombie: true };
    const status = readStatus(root, pid);
    if (status.tgid !== null && status.tgid !== pid) return { state: "thread", threadOf: status.tgid };
    const args = readArgs(root, pid);
    return {
      state: "alive",
      uid: status.uid,
      foreign: uid !== 0 && status.uid !== uid,
      startTicks: stat.startTicks,
      startedAtMs: wallStart(stat.startTicks),
      title: titleOf(args) ?? status.name,
      openclaw: args.length > 0 ? isOpenClawCommand(args) : status.name !== null && isOpenClawCommand([status.name]),
    };
  };

  const openFiles = (pid: number): OpenFiles => {
    const known = descriptors.get(pid) ?? readDescriptors(root, pid);
    descriptors.set(pid, known);
    return known;
  };
  const hasOpen = (pid: number, key: string): boolean => {
    const files = openFiles(pid);
    return typeof files === "object" && files.has(key);
  };

  // Another user's process cannot hold a lock of ours open.
  const isOurs = (pid: number): boolean => readStatus(root, pid).uid === uid;

  return {
    uid,
    namespace() {
      namespace ??= readNamespace(root, selfPid, wallStart);
      return namespace;
    },
    get(pid) {
      const known = states.get(pid) ?? read(pid);
      states.set(pid, known);
      return known;
    },
    canReadDescriptors: (pid) => typeof openFiles(pid) === "object",
    holders({ dev, ino, owner = null }): Holders {
      suspects ??= listSuspects(root, selfPid);
      const key = `${dev}:${ino}`;
      const pids = suspects.filter((pid) => hasOpen(pid, key));
      const mayHold = owner !== null && !suspects.includes(owner) && states.get(owner)?.state !== "absent";
      if (mayHold && hasOpen(owner, key)) pids.push(owner);
      blind ??= suspects.some((pid) => openFiles(pid) === "closed" && isOurs(pid));
      return pids.length === 0 && !blind ? NOBODY : { pids, seen: "own", blind };
    },
  };
}

/** The answer for most locks: one for all of them. */
const NOBODY: Holders = { pids: [], seen: "own", blind: false };

const hidden: ProcessState = {
  state: "alive",
  uid: null,
  foreign: true,
  startTicks: null,
  startedAtMs: null,
  title: null,
  openclaw: null,
};

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 asks, it sends nothing
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

/** When this process started, in clock ticks since boot; null where the platform does not tell. */
export function ownStartTicks(): number | null {
  return readStat("/proc", process.pid)?.startTicks ?? null;
}

/** `dev:ino` of every open file of a process; `closed` without the right to look, `gone` when it ended meanwhile. */
type OpenFiles = ReadonlySet<string> | "closed" | "gone";

function readDescriptors(root: string, pid: number): OpenFiles {
  let names: string[];
  try {
    names = readdirSync(`${root}/${pid}/fd`);
  } catch (error) {
    return errorCode(error) === "ENOENT" || errorCode(error) === "ESRCH" ? "gone" : "closed";
  }
  const open = new Set<string>();
  for (const name of names) {
    try {
      const stat = statSync(`${root}/${pid}/fd/${name}`, { bigint: true });
      open.add(`${stat.dev}:${stat.ino}`);
    } catch {
      // closed meanwhile
    }
  }
  return open;
}

/**
 * The processes worth asking for their descriptors: those that look like OpenClaw, and those of nested
 * PID namespaces, whose pids in a lock mean nothing here.
 */
function listSuspects(root: string, selfPid: number): number[] {
  const own = namespaceOf(root, selfPid);
  const nested = once(() => readStatus(root, selfPid).nestedPids);
  const isNested = (pid: number): boolean => {
    // A link is read much faster than a status is written, but not all processes let us.
    const theirs = own && namespaceOf(root, pid);
    return theirs === null ? readStatus(root, pid).nestedPids > nested() : theirs !== own;
  };
  // Most command lines need not be taken apart.
  const isOpenClaw = (pid: number): boolean => {
    const line = readText(`${root}/${pid}/cmdline`) ?? "";
    return /openclaw/i.test(line) && isOpenClawCommand(argsOf(line));
  };
  const pids: number[] = [];
  const threads = kernelThreads(root);
  for (const name of listNames(root)) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || threads.has(name)) continue;
    if (isNested(pid) || isOpenClaw(pid)) pids.push(pid);
  }
  return pids;
}

function readNamespace(root: string, selfPid: number, wallStart: (ticks: number) => number | null): PidNamespace {
  let trusted = false;
  let initial: boolean | null = null;
  try {
    trusted = readlinkSync(`${root}/self`) === String(selfPid);
    initial = readlinkSync(`${root}/self/ns/pid`) === INITIAL_PID_NAMESPACE;
  } catch {
    // /proc is missing or closed to us: nothing about pids can be trusted
  }
  const first = initial === false ? readStat(root, 1) : null;
  const lastPid = Number(readText(`${root}/loadavg`)?.trim().split(" ").at(-1));
  return {
    trusted,
    initial,
    startedAtMs: first ? wallStart(first.startTicks) : null,
    lastPid: Number.isInteger(lastPid) ? lastPid : null,
  };
}
