import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { errorCode } from "../engine/errors.ts";
import { programs } from "../run.ts";
import { listNames, readArgs, readStatus, titleOf } from "./proc-files.ts";
import { isOpenClawCommand, type ProcessTable } from "./processes.ts";

/** A process that has a listening socket open. */
export interface Listener {
  readonly pid: number;
  readonly title: string | null;
  readonly openclaw: boolean;
  /** It lives in a PID namespace within ours: what it writes down as its pid is another number. */
  readonly nested: boolean;
}

/** A socket that listens on a port of this machine, and who has it open as far as it can be seen from here. */
export interface ListeningSocket {
  readonly listeners: readonly Listener[];
}

const LISTEN = "0A";
const LSOF_TIMEOUT_MS = 3000;

/** The sockets that listen on a TCP port here; null when the platform does not tell. `root` is for tests. */
export async function socketsOn(port: number, table: ProcessTable, root = "/proc"): Promise<ListeningSocket[] | null> {
  if (process.platform === "linux") return linuxSockets(port, root);
  return process.platform === "darwin" ? await darwinSockets(port, table) : null;
}

/** Whether this process listens on this TCP port; null when the platform, or our rights, do not tell. Linux only. */
export function listensOn(pid: number, port: number, root = "/proc"): boolean | null {
  return portsOf(pid, root)?.includes(port) ?? null;
}

/** TCP ports this process listens on, lowest first; null when the platform, or our rights, do not tell. Linux only. */
export function portsOf(pid: number, root = "/proc"): number[] | null {
  const dir = `${root}/${pid}`;
  const links = readLinks(`${dir}/fd`);
  if (links === "closed" || !existsSync(`${dir}/net/tcp`)) return null;
  const own = [...rows(`${dir}/net/tcp`), ...rows(`${dir}/net/tcp6`)].filter(({ inode }) =>
    links.has(`socket:[${inode}]`),
  );
  return [...new Set(own.map(({ port }) => port))].sort((a, b) => a - b);
}

function linuxSockets(port: number, root: string): ListeningSocket[] | null {
  const sockets = [...rows(`${root}/net/tcp`, port), ...rows(`${root}/net/tcp6`, port)];
  if (sockets.length === 0) return [];
  const own = readStatus(root, process.pid).nestedPids;
  const processes = listNames(root).map(Number).filter(Number.isInteger);
  const descriptors = processes.map((pid) => ({ pid, links: readLinks(`${root}/${pid}/fd`) }));
  return sockets.map(({ inode, uid }) => {
    const has = descriptors.filter(({ links }) => links !== "closed" && links.has(`socket:[${inode}]`));
    const seen = has.map(({ pid }) => describe(root, pid, own));
    // Of another user's process it cannot be told; one that looks like OpenClaw and runs as the socket's user is it.
    const likely = descriptors
      .filter(({ pid, links }) => links === "closed" && readStatus(root, pid).uid === uid)
      .map(({ pid }) => describe(root, pid, own))
      .filter(({ openclaw }) => openclaw);
    return { listeners: seen.length > 0 ? seen : likely };
  });
}

/** The sockets that listen, on this port or on any, from one of the kernel's lists of sockets. */
function rows(file: string, port?: number): { inode: string; uid: number; port: number }[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return []; // without IPv6 there is no tcp6
  }
  const suffix = port === undefined ? "" : `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    if (!fields[1]?.endsWith(suffix) || fields[3] !== LISTEN) return [];
    return [{ uid: Number(fields[7]), inode: fields[9] ?? "", port: Number.parseInt(fields[1].slice(-4), 16) }];
  });
}

function readLinks(dir: string): ReadonlySet<string> | "closed" {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    return errorCode(error) === "ENOENT" || errorCode(error) === "ESRCH" ? new Set() : "closed";
  }
  const links = new Set<string>();
  for (const name of names) {
    try {
      links.add(readlinkSync(`${dir}/${name}`));
    } catch {
      // closed meanwhile
    }
  }
  return links;
}

function describe(root: string, pid: number, own: number): Listener {
  const args = readArgs(root, pid);
  const { name, nestedPids } = readStatus(root, pid);
  return {
    pid,
    title: titleOf(args) ?? name,
    openclaw: isOpenClawCommand(args),
    nested: nestedPids > own,
  };
}

/** Null when lsof names nobody: it keeps other users' sockets to itself. */
async function darwinSockets(port: number, table: ProcessTable): Promise<ListeningSocket[] | null> {
  const x = await programs();
  const args = ["-nP", "-w", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fp"];
  const options = { timeout: LSOF_TIMEOUT_MS, nodeOptions: { stdio: ["ignore", "pipe", "pipe"] } };
  const stdout = await x("lsof", args, options as Parameters<typeof x>[2]).then(
    (done) => done.stdout,
    () => "",
  );
  const pids = [...stdout.matchAll(/^p(\d+)$/gm)].map((match) => Number(match[1]));
  if (pids.length === 0) return null;
  const sockets: ListeningSocket[] = [];
  for (const pid of pids) {
    const state = await table.get(pid);
    if (state.state !== "alive") continue;
    sockets.push({ listeners: [{ pid, title: state.title, openclaw: state.openclaw === true, nested: false }] });
  }
  return sockets;
}
