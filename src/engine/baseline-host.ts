import type { GatewayProcess } from "../facts/gateway.ts";
import type { HostCommand } from "../facts/installation.ts";
import type { MeasureId } from "./baseline.ts";
import type { Machine } from "./baseline-machine.ts";
import { Series } from "./baseline-series.ts";
import { runHost } from "./host-run.ts";

export interface HostLimits {
  /** Starts of the command per round; a doctor runs once. */
  readonly starts: number;
  /** Milliseconds for one run. */
  readonly startMs: number;
  readonly doctorMs: number;
}

/** Two read-only forms that 2026.5.22 and newer versions have. A plain `doctor` may migrate. */
const STARTUP = ["--version"];
const DOCTOR = ["doctor", "--lint", "--json"];

/** Measures the host's own command. */
export interface HostMeter {
  /** The version the command says it is, once it has run. */
  readonly version: string | null;
  /** One round; the first one is for the disk's cache, and does not count. */
  round(counts: boolean): Promise<void>;
  readonly series: readonly Series[];
}

export function openHostMeter(
  host: HostCommand | null,
  gateway: GatewayProcess | null,
  machine: Machine,
  wanted: (id: MeasureId) => boolean,
  limits: HostLimits,
): HostMeter {
  // From inside OpenClaw its environment is another one, which spares the command a part of its start.
  const inside = host !== null && host.args.length > 0 ? " from inside OpenClaw" : "";
  const startup = new Series("startup", `openclaw ${STARTUP.join(" ")}${inside}`);
  const doctor = new Series("doctor", `openclaw ${DOCTOR.join(" ")}${inside}`);
  const series = [startup, doctor].filter(({ id }) => wanted(id));
  if (host === null) for (const one of series) one.fail("the command `openclaw` was not found");
  let version: string | null = null;

  async function timed(one: Series, args: readonly string[], timeout: number, counts: boolean): Promise<string | null> {
    if (host === null || !one.going) return null;
    const began = performance.now();
    const ran = await runHost(args, host, gateway ?? { port: 0, ownsPort: false }, timeout);
    const ms = performance.now() - began;
    if (ran.ended === "exit") {
      if (counts) one.add(ms);
      return ran.stdout;
    }
    one.fail(ran.ended === "timeout" ? `it took more than ${timeout / 1000} s` : "it could not be started");
    return null;
  }

  return {
    get version() {
      return version;
    },
    series,
    async round(counts) {
      if (series.length === 0) return;
      for (let start = 0; start < (counts ? limits.starts : 1); start += 1) {
        const said = await timed(startup, STARTUP, limits.startMs, counts && series.includes(startup));
        if (said !== null) {
          version ??= /\b\d{4}\.\d+\.\d+(?:-[\w.]+)?/.exec(said)?.[0] ?? null;
          if (version === null) startup.fail("it did not say its version");
        }
        const ms = series.some(({ going }) => going) ? await machine.work() : null;
        if (counts) for (const one of series) one.addMachine(ms);
      }
      if (!series.includes(doctor)) return;
      const report = await timed(doctor, DOCTOR, limits.doctorMs, counts);
      if (report !== null) doctorProblem(report, doctor);
    },
  };
}

/** A doctor that ended early was quick for a reason that has nothing to do with its speed. */
function doctorProblem(stdout: string, doctor: Series): void {
  const checks = checksRun(stdout);
  if (checks === null) doctor.fail(`\`openclaw ${DOCTOR.join(" ")}\` failed, or this version does not have it`);
  else if (checks <= 1) doctor.fail("its config is not valid, and its doctor ends early for that");
}

function checksRun(stdout: string): number | null {
  try {
    const { checksRun: number } = Object(JSON.parse(stdout.slice(stdout.indexOf("{"))));
    return typeof number === "number" ? number : null;
  } catch {
    return null;
  }
}
