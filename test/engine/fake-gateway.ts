import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { type GatewayProcess, readLife } from "../../src/facts/gateway.ts";

export const FAKE_HOST = fileURLToPath(new URL("fake-host.ts", import.meta.url));

export interface FakeGatewayOptions {
  readonly lockPath: string;
  /** Session locks it holds from its start, past their limit. */
  readonly sessionLocks?: readonly string[];
  /** A supervisor starts it again whenever it ends. */
  readonly supervised?: boolean;
}

/** A process that behaves like a gateway; ends with the test. */
export async function startFakeGateway(options: FakeGatewayOptions): Promise<GatewayProcess> {
  const { lockPath, sessionLocks = [], supervised = false } = options;
  mkdirSync(path.dirname(lockPath), { recursive: true, mode: 0o700 });
  const port = await freePort();
  const args = [FAKE_HOST, "gateway", lockPath, String(port), ...sessionLocks];
  let child: ChildProcess;
  let over = false;
  const start = (): ChildProcess => {
    child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    child.once("exit", () => {
      if (supervised && !over) start();
    });
    return child;
  };
  onTestFinished(() => {
    over = true;
    child.kill("SIGKILL");
  });
  const { stdout } = start();
  if (stdout !== null) await once(stdout, "data");
  const life = readLife(lockPath);
  if (life === null) throw new Error("the gateway wrote no lock");
  return { lockPath, port, ownsPort: true, ...life };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
