import { uptimeMs } from "../uptime.ts";

/** What came of asking a port of this machine. */
export type LoopbackAnswer =
  /** `json` is undefined when the body is no JSON or longer than expected. */
  | { readonly kind: "answered"; readonly status: number; readonly json: unknown }
  /** Somebody accepts connections but does not answer in time (`late`), or not in HTTP. */
  | { readonly kind: "silent"; readonly late: boolean }
  /** Nobody listens there; or, when that took all the time (`late`), so many wait there that the kernel takes no more. */
  | { readonly kind: "closed"; readonly late: boolean };

/** A gateway answers with some hundred bytes. */
const MAX_BYTES = 65_536;

/**
 * GET of a path on 127.0.0.1, never through a proxy and never anywhere else. A gateway that wants TLS hangs up on plain
 * HTTP: then it is asked with TLS, whatever its certificate says, since nothing secret is sent. Never throws.
 * @param deadlineMs milliseconds for everything, from connecting to the last byte.
 * @param signal ends it at once: a request that nobody waits for any more would keep the whole command from ending.
 */
export async function getJson(
  port: number,
  path: string,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<LoopbackAnswer> {
  // Of no port Node makes 80, and of an impossible one an exception.
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return { kind: "closed", late: false };
  const began = uptimeMs();
  // Rounded up, as a timer leaves out fractions.
  const left = (): number => Math.ceil(deadlineMs - (uptimeMs() - began));
  if (!found) {
    const nobody = await connection(port, deadlineMs, signal);
    if (nobody !== null) return nobody;
    found = true;
  }
  const plain = await get(false, { port, path, signal }, left());
  if (plain !== "cut off") return plain;
  const secure = left() > 0 ? await get(true, { port, path, signal }, left()) : plain;
  return secure === "cut off" ? { kind: "silent", late: false } : secure;
}

/** Whether anybody was found to listen in this run: HTTP is loaded only then, which takes longer than to look for him. */
let found = false;

/** Null when somebody takes connections there. */
function connection(port: number, deadlineMs: number, signal?: AbortSignal): Promise<LoopbackAnswer | null> {
  return new Promise((resolve) => {
    const socket = process.getBuiltinModule("node:net").connect({ host: "127.0.0.1", port });
    const finish = (answer: LoopbackAnswer | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", refused);
      socket.destroy();
      resolve(answer);
    };
    const refused = (): void => finish({ kind: "closed", late: false });
    const timer = setTimeout(() => finish({ kind: "closed", late: true }), deadlineMs);
    socket.once("connect", () => finish(null));
    socket.once("error", refused);
    if (signal?.aborted) refused();
    else signal?.addEventListener("abort", refused, { once: true });
  });
}

/** `cut off`: the connection ended before the answer did. */
function get(
  tls: boolean,
  to: { readonly port: number; readonly path: string; readonly signal: AbortSignal | undefined },
  deadlineMs: number,
): Promise<LoopbackAnswer | "cut off"> {
  // Imported, they would be loaded with all they can do, WebSockets too: twenty milliseconds instead of two.
  const client = tls ? process.getBuiltinModule("node:https") : process.getBuiltinModule("node:http");
  return new Promise((resolve) => {
    let connected = false;
    const request = client.get({ host: "127.0.0.1", ...to, agent: false, rejectUnauthorized: false });
    const finish = (answer: LoopbackAnswer | "cut off"): void => {
      clearTimeout(timer);
      request.destroy();
      resolve(answer);
    };
    const fail = (): void => finish(connected ? "cut off" : { kind: "closed", late: false });
    // A connection that is not refused within the deadline is none of a listener's on this machine.
    const timer = setTimeout(() => finish({ kind: connected ? "silent" : "closed", late: true }), deadlineMs);
    request.on("socket", (socket) => {
      socket.once("connect", () => {
        connected = true;
      });
    });
    request.on("error", fail);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const end = (): void => finish({ kind: "answered", status: response.statusCode ?? 0, json: parse(chunks) });
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) finish({ kind: "answered", status: response.statusCode ?? 0, json: undefined });
        else chunks.push(chunk);
      });
      response.once("end", end);
      response.once("error", fail);
      response.once("close", fail); // cut off; after "end" it changes nothing
    });
  });
}

function parse(chunks: readonly Buffer[]): unknown {
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}
