/** What the plugin does inside a running gateway. Loaded only there: every command of the host loads `plugin.ts`. */
import type { RingWriter } from "./vital-ring-writer.ts";

/** The part of what the host hands to a service that is used. */
export interface ServiceContext {
  readonly stateDir: string;
  readonly logger?: { warn?(message: string): void };
}

/** A background service, as the host registers it. */
export interface GatewayService {
  readonly id: string;
  start(context: ServiceContext): Promise<void>;
  stop(): Promise<void>;
}

/** A gateway that stops does not wait longer for the last record. Milliseconds. */
const STOP_MS = 1000;

/**
 * The sampler as a service. Whatever goes wrong in it stays in it: a gateway must not fail to start over it.
 * @param hostVersion is asked when the service starts.
 */
export function samplerService(hostVersion: () => string | null): GatewayService {
  let running: { readonly end: () => void; readonly writer: RingWriter } | null = null;
  const stop = async (): Promise<void> => {
    const ending = running;
    running = null;
    if (ending === null) return;
    ending.end();
    await Promise.race([
      ending.writer.close(),
      new Promise<void>((resolve) => {
        setTimeout(resolve, STOP_MS).unref();
      }),
    ]);
  };
  return {
    id: "vitals-sampler",
    async start({ stateDir, logger }) {
      const warn = (message: string): void => logger?.warn?.(`vitals: ${message}`);
      try {
        await stop();
        const [{ startSampler }, { openRingWriter }, { ownStartTicks }] = await Promise.all([
          import("./sampler.ts"),
          import("./vital-ring-writer.ts"),
          import("../facts/processes-linux.ts"),
        ]);
        const life = { pid: process.pid, startTicks: ownStartTicks(), hostVersion: hostVersion() };
        const writer = openRingWriter({ stateDir, life, warn });
        running = { writer, end: startSampler({ onSample: writer.append }) };
      } catch {
        warn("The sampler could not be started.");
      }
    },
    stop,
  };
}
