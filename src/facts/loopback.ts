import { request } from "node:http";

/** A health answer is some hundred bytes; whatever is larger is none. */
const MAX_BYTES = 65_536;

/** What came of asking a port of this machine. Milliseconds, from the first packet to the last. */
export type LoopbackAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly body: unknown; readonly ms: number }
  /** Nobody listens there, or the connection was cut. */
  | { readonly kind: "refused" }
  | { readonly kind: "timeout" }
  | { readonly kind: "not json"; readonly status: number | null };

/** GET of a path on 127.0.0.1. Never throws, follows nothing, and is over after `deadlineMs` whatever the other side does. */
export async function getJson(port: number, path: string, deadlineMs: number): Promise<LoopbackAnswer> {
  const began = performance.now();
  return await new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false, headers: { accept: "application/json" } });
    const end = (answer: LoopbackAnswer): void => {
      clearTimeout(timer);
      resolve(answer);
      asked.destroy();
    };
    const timer = setTimeout(() => end({ kind: "timeout" }), deadlineMs);
    // Another protocol, such as TLS, answers with what is no HTTP.
    asked.on("error", (error: NodeJS.ErrnoException) =>
      end(error.code?.startsWith("HPE_") ? { kind: "not json", status: null } : { kind: "refused" }),
    );
    asked.on("response", (response) => {
      const status = response.statusCode ?? 0;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("error", () => end({ kind: "refused" }));
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_BYTES) end({ kind: "not json", status });
      });
      response.on("end", () => {
        try {
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
          end({ kind: "answered", status, body, ms: performance.now() - began });
        } catch {
          end({ kind: "not json", status });
        }
      });
    });
    asked.end();
  });
}
