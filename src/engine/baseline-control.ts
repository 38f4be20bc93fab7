/**
 * Started by `baseline` as a process of its own, to tell what is slow because of OpenClaw from what is slow because of
 * the machine, which may be busy with anything.
 *
 *     baseline-control.ts work    starts, works for some tens of milliseconds, ends
 *     baseline-control.ts serve   answers like a gateway that has nothing to do; ends with its parent
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const TICK_MS = 20;

if (process.argv[2] === "serve") serve();
else work();

function work(): void {
  const bytes = Buffer.alloc(65_536);
  const texts: string[] = [];
  for (let round = 0; round < 400; round += 1) {
    texts.push(createHash("sha256").update(bytes).update(String(round)).digest("hex"));
    if (round % 20 === 0) JSON.parse(JSON.stringify(texts));
  }
  process.stdout.write(`${texts.length}\n`);
}

function serve(): void {
  let longest = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, TICK_MS);
  const server = createServer(({ url }, response) => {
    response.setHeader("content-type", "application/json; charset=utf-8");
    if (url !== "/readyz") return void response.end(JSON.stringify({ ok: true, status: "live" }));
    const delayMaxMs = Math.max(longest, performance.now() - last);
    response.end(JSON.stringify({ ready: true, eventLoop: { delayMaxMs } }));
    longest = 0;
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
  // Its parent holds the other end: without it nobody would ask any more.
  process.stdin.once("close", () => process.exit()).resume();
}
