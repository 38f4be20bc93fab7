import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import net, { type AddressInfo, type Server } from "node:net";
import { x } from "tinyexec";
import { expect, onTestFinished, test } from "vitest";
import { getJson } from "../../src/facts/loopback.ts";
import { moduleUrl } from "./sandbox.ts";

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
const answering = async (listener: RequestListener) => {
  const server = createServer(listener);
  const port = await listen(server);
  onTestFinished(() => server.closeAllConnections());
  return port;
};
/** Takes connections and does with them what it is told, in no HTTP. */
const raw = async (accept: (socket: net.Socket) => void) => {
  const sockets: net.Socket[] = [];
  const port = await listen(
    net.createServer((socket) => {
      sockets.push(socket.on("error", () => {}));
      accept(socket);
    }),
  );
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  return port;
};

test("status and JSON of an answer, whatever the status", async () => {
  const paths: unknown[] = [];
  const port = await answering(({ url }, response) => {
    paths.push(url);
    response.writeHead(503).end('{"ok":false}');
  });
  expect(await getJson(port, "/readyz", 5_000)).toEqual({ kind: "answered", status: 503, json: { ok: false } });
  expect(paths).toEqual(["/readyz"]);
});

test.each([
  ["text", "no json"],
  ["more than 64 KiB", JSON.stringify("x".repeat(70_000))],
])("%s is an answer without JSON", async (_name, body) => {
  const port = await answering((_request, response) => void response.end(body));
  expect(await getJson(port, "/", 5_000)).toEqual({ kind: "answered", status: 200, json: undefined });
});

test("a port nobody listens on is closed", async () => {
  const server = net.createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  expect(await getJson(port, "/", 5_000)).toEqual({ kind: "closed", late: false });
});

test.each<[string, boolean, (socket: net.Socket) => void]>([
  ["says nothing", true, () => {}],
  ["hangs up, as one that wants TLS", false, (socket) => void socket.end()],
  ["speaks another protocol", false, (socket) => void socket.write("SSH-2.0-OpenSSH\r\n")],
  ["stops in the middle", true, (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")],
  ["breaks off in the middle", false, (socket) => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")],
])("one that takes the connection and %s is silent", async (_name, late, accept) => {
  expect(await getJson(await raw(accept), "/", 300)).toEqual({ kind: "silent", late });
});

test("a proxy in the environment is not asked", async () => {
  const port = await answering((_request, response) => void response.end('{"ok":true}'));
  const code = `import { getJson } from ${JSON.stringify(moduleUrl("src/facts/loopback.ts"))};
    console.log(JSON.stringify(await getJson(${port}, "/", 5000)));`;
  const proxy = "http://127.0.0.1:9";
  const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy, http_proxy: proxy, NO_PROXY: "", no_proxy: "" };
  const done = await x(process.execPath, ["--no-warnings", "--input-type=module", "-e", code], {
    timeout: 20_000,
    nodeOptions: { env },
  });
  expect(JSON.parse(done.stdout), done.stderr).toMatchObject({ kind: "answered", json: { ok: true } });
});
