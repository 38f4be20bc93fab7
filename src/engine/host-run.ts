import type { GatewayProcess } from "../facts/gateway.ts";
import type { HostCommand } from "../facts/installation.ts";
import { programs } from "../run.ts";

/** What came of running the host's own command. */
export type HostRun =
  | { readonly ended: "exit"; readonly stdout: string; readonly stderr: string; readonly exitCode: number }
  | { readonly ended: "timeout" }
  | { readonly ended: "not found" };

/**
 * Runs the host's own command for one gateway: on the port that is known to be its own, and never on another
 * machine's gateway. Never throws.
 * @param timeout milliseconds
 */
export async function runHost(
  args: readonly string[],
  { command, args: before, env }: HostCommand,
  { port, ownsPort }: Pick<GatewayProcess, "port" | "ownsPort">,
  timeout: number,
): Promise<HostRun> {
  try {
    const at = ownsPort ? { OPENCLAW_GATEWAY_PORT: String(port) } : {};
    const nodeOptions = {
      env: { ...env, ...at, OPENCLAW_GATEWAY_URL: undefined },
      // A Ctrl-C on the terminal is for us: what has begun is brought to its end.
      detached: process.platform !== "win32",
    };
    const { stdout, stderr, exitCode } = await (await programs())(command, [...before, ...args], {
      timeout,
      nodeOptions,
    });
    return exitCode === undefined ? { ended: "timeout" } : { ended: "exit", stdout, stderr, exitCode };
  } catch (error) {
    return { ended: error instanceof Error && error.name === "AbortError" ? "timeout" : "not found" };
  }
}
