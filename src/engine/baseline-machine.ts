import { getJson } from "../facts/loopback.ts";
import { moduleFile } from "../package.ts";
import { programs } from "../run.ts";
import { delayOf, timedGet } from "./baseline-probe.ts";

const CONTROL = moduleFile("src/engine/baseline-control");
const DEADLINE_MS = 30_000;

/** The machine's own speed. Null where it cannot be told. */
export interface Machine {
  /** Milliseconds for a process that starts, works a little and ends. */
  work(): Promise<number | null>;
  /** Milliseconds for an answer of an idle process, and how long its event loop was held up since last asked. */
  health(): Promise<number | null>;
  delay(): Promise<number | null>;
  close(): void;
}

/** Starts the process that is asked in between; `close` ends it. */
export async function openMachine(): Promise<Machine> {
  const x = await programs();
  const server = x(process.execPath, ["--no-warnings", CONTROL, "serve"]);
  let port: number | null = null;
  try {
    for await (const line of server) {
      port = Number(line);
      break;
    }
  } catch {
    // Where no process can be started, its speed is not known.
  }
  return {
    async work() {
      const began = performance.now();
      try {
        const { exitCode } = await x(process.execPath, ["--no-warnings", CONTROL, "work"], { timeout: DEADLINE_MS });
        return exitCode === 0 ? performance.now() - began : null;
      } catch {
        return null;
      }
    },
    async health() {
      const answer = port === null ? null : await timedGet(port, "/healthz", DEADLINE_MS);
      return answer?.kind === "answered" ? answer.ms : null;
    },
    delay: async () => (port === null ? null : delayOf(await getJson(port, "/readyz", DEADLINE_MS))),
    close: () => void server.kill("SIGKILL"),
  };
}
