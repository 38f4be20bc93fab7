import { errorCode } from "../engine/errors.ts";
import { programs } from "../run.ts";
import type { Holders, PidNamespace, ProcessState, ProcessTable } from "./processes.ts";
import { isOpenClawCommand } from "./processes.ts";

export interface ProbeOutput {
  readonly stdout: string;
  readonly stderr?: string;
  readonly exitCode: number | undefined;
}

/** What the platform is asked; replaced by recorded answers in tests. */
export interface PlatformProbes {
  readonly platform: NodeJS.Platform;
  /** Signal 0: `ESRCH` absent, `EPERM` another user's. */
  exists(pid: number): "yes" | "no" | "foreign";
  /** Milliseconds since start, and the time of the measurement; null when the process is gone. */
  usage(pid: number): Promise<{ elapsed: number; timestamp: number } | null>;
  run(command: string, args: readonly string[]): Promise<ProbeOutput>;
}

const PROBE_TIMEOUT_MS = 3000;

/**
 * The process table of macOS and Windows. Start times come from pidusage, titles from `ps` (macOS),
 * open files from `lsof` (macOS). Windows tells neither title nor open files.
 */
export function portableProcessTable(probes: PlatformProbes = systemProbes()): ProcessTable {
  const states = new Map<number, Promise<ProcessState>>();
  const uid = process.getuid?.() ?? null;

  const read = async (pid: number): Promise<ProcessState> => {
    const exists = probes.exists(pid);
    if (exists === "no") return { state: "absent", zombie: false };
    const [usage, names] = await Promise.all([probes.usage(pid).catch(() => null), readNames(probes, pid)]);
    if (names?.zombie) return { state: "absent", zombie: true };
    return {
      state: "alive",
      uid: names?.uid ?? null,
      foreign: exists === "foreign",
      startTicks: null,
      startedAtMs: usage ? usage.timestamp - usage.elapsed : null,
      title: names?.title ?? null,
      openclaw: names ? isOpenClawCommand(names.args.split(" ")) : null,
    };
  };

  return {
    uid,
    namespace: (): PidNamespace => ({ trusted: true, initial: null, startedAtMs: null, lastPid: null }),
    async get(pid) {
      const known = states.get(pid) ?? read(pid);
      states.set(pid, known);
      return await known;
    },
    canReadDescriptors: () => probes.platform === "darwin",
    async holders({ path }): Promise<Holders> {
      if (probes.platform !== "darwin") return { pids: [], seen: "none" };
      const { stdout, stderr, exitCode } = await probes.run("lsof", ["-w", "-Fp", "--", path]).catch(() => failed);
      // lsof exits 1 both for "nobody has it open" and for trouble; of trouble it says something.
      const complete = (exitCode === 0 || exitCode === 1) && !stderr;
      const pids = [...stdout.matchAll(/^p(\d+)$/gm)].map((match) => Number(match[1]));
      return { pids, seen: complete ? "own" : "none" };
    },
  };
}

const failed: ProbeOutput = { stdout: "", exitCode: undefined };

async function readNames(probes: PlatformProbes, pid: number) {
  if (probes.platform === "win32") return null;
  const { stdout } = await probes.run("ps", ["-ww", "-o", "uid=,stat=,args=", "-p", String(pid)]).catch(() => failed);
  const match = /^\s*(\d+)\s+(\S+)\s+(.+?)\s*$/m.exec(stdout);
  if (!match?.[3]) return null;
  const first = match[3].split(" ")[0] ?? "";
  return {
    uid: Number(match[1]),
    zombie: match[2]?.startsWith("Z") ?? false,
    args: match[3],
    title: first.split("/").at(-1) ?? null,
  };
}

function systemProbes(): PlatformProbes {
  return {
    platform: process.platform,
    exists(pid) {
      try {
        process.kill(pid, 0); // signal 0 asks, it sends nothing
        return "yes";
      } catch (error) {
        return errorCode(error) === "ESRCH" ? "no" : "foreign";
      }
    },
    async usage(pid) {
      const { default: pidusage } = await import("pidusage");
      return await pidusage(pid);
    },
    async run(command, args) {
      return await (await programs())(command, [...args], {
        timeout: PROBE_TIMEOUT_MS,
        nodeOptions: { stdio: ["ignore", "pipe", "pipe"] },
      });
    },
  };
}
