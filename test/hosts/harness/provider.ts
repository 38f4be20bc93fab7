import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./processes.ts";

/** One request for a completion. `at` is epoch milliseconds, `body` the parsed JSON. */
export interface ProviderRequest {
  at: number;
  body: Record<string, unknown>;
}

/** A model provider on loopback that speaks OpenAI's chat completions, streamed or not. */
export interface Provider {
  /** Base URL with the `/v1` suffix. */
  url: string;
  port: number;
  /** Every completion request so far, oldest first, held and failed ones included. */
  requests: ProviderRequest[];
  /** Completion requests without an answer yet. */
  pending(): number;
  /** From now on completion requests hang, without headers, until `release()`; only those whose text has `saying`. */
  hold(saying?: string): void;
  /** Answers everything held and stops holding; with `saying` only what has it in its text, and goes on holding. */
  release(saying?: string): void;
  /** From now on completion requests get this HTTP status; null ends that. */
  failWith(status: number | null): void;
  /** Text of the following answers; at first "pong". */
  setReply(text: string): void;
  /** Waits until `count` completion requests have come in all; throws after `timeoutMs`. */
  waitForRequests(count: number, timeoutMs: number): Promise<void>;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

const USAGE = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };

/** Starts a provider on a free loopback port. */
export async function startProvider(): Promise<Provider> {
  const requests: ProviderRequest[] = [];
  let reply = "pong";
  let failure: number | null = null;
  let holding: string | undefined;
  let held: { text: string; open: () => void }[] = [];
  let pending = 0;

  async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const body = JSON.parse(text) as Record<string, unknown>;
    requests.push({ at: Date.now(), body });
    pending += 1;
    // "close" comes for an answered request as well as for a client that went away.
    response.once("close", () => {
      pending -= 1;
    });
    if (holding !== undefined && text.includes(holding)) {
      await new Promise<void>((open) => {
        held.push({ text, open });
      });
    }
    if (response.destroyed) return;
    if (failure !== null) {
      sendJson(response, failure, {
        error: { message: `provider fails with ${failure}`, type: "test" },
      });
    } else if (body.stream === true) {
      stream(response, String(body.model), reply);
    } else {
      const message = { role: "assistant", content: reply };
      const choices = [{ index: 0, message, finish_reason: "stop" }];
      const base = envelope("chat.completion", String(body.model));
      sendJson(response, 200, { ...base, choices, usage: USAGE });
    }
  }

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
    if (request.method === "POST" && path === "/v1/chat/completions") {
      complete(request, response).catch((error: unknown) => response.destroy(error as Error));
    } else if (request.method === "GET" && path === "/v1/models") {
      sendJson(response, 200, { object: "list", data: [{ id: "test", object: "model" }] });
    } else {
      sendJson(response, 404, { error: { message: `no such route: ${request.method} ${path}` } });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    pending: () => pending,
    hold(saying = "") {
      holding ??= saying;
    },
    release(saying) {
      if (saying === undefined) holding = undefined;
      const open = held.filter(({ text }) => text.includes(saying ?? ""));
      held = held.filter((one) => !open.includes(one));
      for (const one of open) one.open();
    },
    failWith(status) {
      failure = status;
    },
    setReply(text) {
      reply = text;
    },
    async waitForRequests(count, timeoutMs) {
      const what = () => `${count} requests to the provider, got ${requests.length}`;
      await until(() => requests.length >= count, timeoutMs, what);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const one of held) one.open();
      await closed;
    },
  };
}

function envelope(object: string, model: string): Record<string, unknown> {
  return { id: "chatcmpl-test", object, created: Math.floor(Date.now() / 1000), model };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function stream(response: ServerResponse, model: string, text: string): void {
  const base = envelope("chat.completion.chunk", model);
  const chunks = [
    {
      ...base,
      choices: [{ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }],
    },
    { ...base, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    { ...base, choices: [], usage: USAGE },
  ];
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end("data: [DONE]\n\n");
}
