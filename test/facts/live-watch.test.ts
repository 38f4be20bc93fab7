/** A gateway watched from outside, as long as it is asked for and no longer. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type LiveProbe, ownMs, watchGateway } from "../../src/facts/live-watch.ts";
import { getJson } from "../../src/facts/loopback.ts";

async function listen(answer: RequestListener): Promise<{ pid: number; port: number }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { pid: process.pid, port: (server.address() as AddressInfo).port };
}

const live: RequestListener = (_, response) => response.end('{"ok":true,"status":"live"}');

test("asks one request after the other, and reads the memory meanwhile", async () => {
  const paths: (string | undefined)[] = [];
  const gateway = await listen((request, response) => {
    paths.push(request.url);
    live(request, response);
  });
  const left: number[] = [];
  const watch = await watchGateway(gateway, {
    forMs: 1_300,
    probeEveryMs: 50,
    memoryEveryMs: 50,
    onLeft: (ms) => left.push(ms),
  });
  expect(new Set(paths)).toEqual(new Set(["/healthz"]));
  expect(watch.probes.length).toBe(paths.length);
  expect(watch.probes.length).toBeGreaterThan(2);
  expect(watch.probes.every(({ kind, status }) => kind === "answered" && status === 200)).toBe(true);
  if (process.platform === "linux") expect(watch.memory.length).toBeGreaterThan(2);
  expect(left.length).toBe(1);
  expect(watch.cut).toBe(false);
});

test("an answer that does not come is waited for until the end, and no second one is asked for", async () => {
  const gateway = await listen(() => {});
  const { probes, fromMs } = await watchGateway(gateway, { forMs: 400, probeEveryMs: 50 });
  expect(probes).toMatchObject([{ kind: "silent", status: null, atMs: expect.any(Number) }]);
  expect(probes[0]?.ms).toBeGreaterThanOrEqual(399);
  expect(probes[0]?.atMs).toBeGreaterThanOrEqual(fromMs);
});

test("a signal ends it, with what was seen until then", async () => {
  const gateway = await listen(() => {});
  const controller = new AbortController();
  const watching = watchGateway(gateway, { forMs: 3_600_000, signal: controller.signal });
  setTimeout(() => controller.abort(), 150);
  expect(await watching).toMatchObject({ cut: true, probes: [{ kind: "silent" }] });
  expect(await watchGateway(gateway, { forMs: 3_600_000, signal: controller.signal })).toMatchObject({ probes: [] });
});

test("nothing of a watch that was ended goes on: the command can end", async () => {
  let gone = (): void => {};
  const hungUp = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const controller = new AbortController();
  const gateway = await listen((request) => {
    request.socket.once("close", gone);
    controller.abort();
  });
  await watchGateway(gateway, { forMs: 3_600_000, signal: controller.signal });
  await hungUp;
});

test.each([0, -1, 1.5, 70_000, Number.NaN])("nobody is asked on port %d", async (port) => {
  expect(await getJson(port, "/healthz", 1_000)).toEqual({ kind: "closed", late: false });
});

test("is over as soon as enough is known", async () => {
  const gateway = await listen(live);
  const { probes } = await watchGateway(gateway, {
    forMs: 3_600_000,
    probeEveryMs: 1,
    enough: ({ length }) => length === 3,
  });
  expect(probes.length).toBe(3);
});

test("a refusal and a hang-up are no silence", async () => {
  const gone = await listen(live);
  const gateway = await listen((request) => request.socket.destroy());
  expect((await watchGateway(gateway, { forMs: 300, probeEveryMs: 250 })).probes[0]?.kind).toBe("other");
  const refused = { pid: gone.pid, port: 1 };
  expect((await watchGateway(refused, { forMs: 300, probeEveryMs: 250 })).probes[0]?.kind).toBe("closed");
});

test.each([
  ["silent", 5_000, 0, 5_000],
  ["answered", 5_000, 3_750, 5_000],
  ["answered", 5_000, 3_751, 1_249],
  ["closed", 5_000, 0, 0],
  ["other", 5_000, 0, 0],
] as const)("%s after %i ms, %i of them without a processor: %i ms are its own", (kind, ms, starvedMs, own) => {
  const probe: LiveProbe = { kind, ms, status: null, atMs: 0, starvedMs };
  expect(ownMs(probe)).toBe(own);
});
