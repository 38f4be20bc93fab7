import { linuxProcessTable } from "./processes-linux.ts";

/** What is known of one process id at one moment. */
export type ProcessState =
  /** No process has this id; a zombie counts as absent, its descriptors are closed. */
  | { readonly state: "absent"; readonly zombie: boolean }
  /** The id belongs to a thread of process `threadOf`: the process that had it is gone. */
  | { readonly state: "thread"; readonly threadOf: number }
  | {
      readonly state: "alive";
      /** Null when the platform does not tell. */
      readonly uid: number | null;
      /** True when we may not look into it (another user's process). */
      readonly foreign: boolean;
      /** Clock ticks since boot (field 22 of /proc/<pid>/stat), Linux only. */
      readonly startTicks: number | null;
      /** Milliseconds since the epoch, by the clock of now; null when it cannot be told. */
      readonly startedAtMs: number | null;
      /** First word of the process title, e.g. `openclaw-gateway`; null when it cannot be read. */
      readonly title: string | null;
      /** Whether the title or command line is OpenClaw's. A hint, never an identity. */
      readonly openclaw: boolean | null;
    };

/** Which processes have a file open, as far as it can be seen from here. */
export interface Holders {
  readonly pids: readonly number[];
  /**
   * `none`: descriptors cannot be read on this platform. `own`: those of the owner, of OpenClaw processes
   * and of processes in nested PID namespaces were read as far as our rights go.
   */
  readonly seen: "none" | "own";
  /** A process of ours in a nested PID namespace did not let us look: it may hold the file. */
  readonly blind?: boolean;
}

/** The namespace our own process ids belong to. */
export interface PidNamespace {
  /** False: process ids seen here say nothing (e.g. /proc of another namespace). */
  readonly trusted: boolean;
  /** True for the machine's first namespace, null when the platform has none or does not tell. */
  readonly initial: boolean | null;
  /** When the namespace's first process started; milliseconds since the epoch. Null: not needed or not known. */
  readonly startedAtMs: number | null;
  /** The highest pid given out here so far is at least this; null when the platform does not tell. */
  readonly lastPid: number | null;
}

/** The process table, each pid read at most once per run. */
export interface ProcessTable {
  readonly uid: number | null;
  namespace(): PidNamespace;
  get(pid: number): ProcessState | Promise<ProcessState>;
  /**
   * Processes that have the file with this device and inode open; `path` is for platforms that ask by name.
   * The process `owner` is asked whatever it is called.
   */
  holders(file: {
    readonly dev: string;
    readonly ino: string;
    readonly path: string;
    readonly owner?: number | null;
  }): Holders | Promise<Holders>;
  /** Whether the descriptors of this process can be read: only then does "not open" mean anything. */
  canReadDescriptors(pid: number): boolean;
}

/** Titles OpenClaw gives its processes: `openclaw`, `openclaw-gateway`, `openclaw-agent`, … */
export function isOpenClawCommand(args: readonly string[]): boolean {
  const words = args.map((arg) => arg.trim().replaceAll("\\", "/").toLowerCase());
  const first = words[0] ?? "";
  // The first word may be a path with spaces, or a whole title such as `openclaw-gateway --port 1`.
  const programs = [first, first.split(" ")[0] ?? ""].map((program) => program.split("/").at(-1) ?? "");
  // This program holds no session lock and must not take itself for OpenClaw.
  if (programs.some((program) => /^openclaw(-(?!vitals$)[a-z-]+)?$/.test(program))) return true;
  return words.some(
    (word) => /(^|\/)openclaw(\.mjs|\.js|\.cmd)?$/.test(word) || /\/openclaw\/dist\/[\w.-]+\.m?js$/.test(word),
  );
}

/** The process table of this platform. */
export async function openProcessTable(): Promise<ProcessTable> {
  if (process.platform === "linux") return linuxProcessTable();
  return (await import("./processes-portable.ts")).portableProcessTable();
}
