/**
 * Run by the tests: a host made small.
 *
 *     fake-host.ts gateway <lock> <port> <session lock>...  holds its lock, serves /readyz, does as it is told
 *     fake-host.ts cron edit <id> <option> <seconds>        does it in FAKE_JOBS, or what else FAKE_CRON says
 *     fake-host.ts <command of the host>                    answers as FAKE_SERVICE or, with --safe, FAKE_REQUEST say,
 *                                                           once the file FAKE_GO is there, if it is told one
 */

import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, rmSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const [first = "", lock = "", port = "0", ...sessionLocks] = process.argv.slice(2);
if (first === "gateway" && lock.includes("/")) gateway();
else if (first === "cron") editJob();
else await command();

function gateway(): void {
  process.title = "openclaw";
  let descriptor = 0;
  const sessions = new Map<string, number>();
  let started = 0;
  const leak: Buffer[] = [];
  const stat = existsSync("/proc/self/stat") ? readFileSync("/proc/self/stat", "utf8") : "";
  const startTime = stat === "" ? {} : { startTime: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]) };
  const life = async (named: { port?: number } = {}): Promise<void> => {
    for (;;) {
      try {
        descriptor = openSync(lock, "wx");
        break;
      } catch {
        await sleep(20); // the one before is still on its way out
      }
    }
    const payload = { pid: process.pid, createdAt: new Date().toISOString(), ...startTime, ...named };
    writeSync(descriptor, JSON.stringify(payload));
    started = performance.now();
  };
  const server = createServer(async ({ method, url = "" }, response) => {
    if (url === "/leak") leak.push(Buffer.alloc(200 * 2 ** 20, 1));
    const body = { ready: true, failing: [], uptimeMs: Math.round(performance.now() - started) };
    response.setHeader("content-type", "application/json; charset=utf-8");
    response.setHeader("connection", "close");
    response.end(JSON.stringify(body));
    if (method !== "POST") return;
    server.close();
    rmSync(lock);
    if (url === "/exit") process.exit(0);
    closeSync(descriptor);
    await sleep(30);
    if (url === "/moved") {
      await once(server.listen(0, "127.0.0.1"), "listening");
      return await life({ port: (server.address() as { port: number }).port });
    }
    await life();
    if (url === "/silent") return;
    for (const [file, held] of url === "/keep" ? [] : sessions) {
      closeSync(held);
      if (url === "/within") rmSync(file);
    }
    if (url !== "/keep") sessions.clear();
    server.listen(Number(port), "127.0.0.1");
  });
  const begin = async (): Promise<void> => {
    await life();
    const past = new Date(Date.now() - 19 * 60_000);
    for (const file of sessionLocks.filter((name) => !existsSync(name))) {
      const held = openSync(file, "wx");
      const payload = { pid: process.pid, createdAt: past.toISOString(), maxHoldMs: 1 };
      writeSync(held, JSON.stringify({ ...payload, starttime: startTime.startTime }));
      utimesSync(file, past, past);
      sessions.set(file, held);
    }
    server.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
  };
  void begin();
}

function editJob(): void {
  const how = process.env["FAKE_CRON"] ?? "done";
  const file = process.env["FAKE_JOBS"] ?? "";
  const [, , , , id, option = "", seconds] = process.argv;
  const jobs = JSON.parse(readFileSync(file, "utf8")) as { id: string; payload: { timeoutSeconds: number } }[];
  for (const job of jobs)
    if (job.id === id && option.endsWith("-seconds")) job.payload.timeoutSeconds = Number(seconds);
  if (how === "done") writeFileSync(file, JSON.stringify(jobs));
  process.exitCode = how === "failed" ? 3 : 0;
}

async function command(): Promise<void> {
  const go = process.env["FAKE_GO"];
  if (go !== undefined) writeFileSync(`${go}.awaited`, "");
  // Its folder goes with a test that failed.
  while (go !== undefined && existsSync(`${go}.awaited`) && !existsSync(go)) await sleep(20);
  const how = process.env[process.argv.includes("--safe") ? "FAKE_REQUEST" : "FAKE_SERVICE"] ?? "not-loaded";
  const answer = (result: string): void =>
    void process.stdout.write(JSON.stringify({ action: "restart", ok: true, result }, null, 2));
  if (how === "not-loaded") answer(how);
  else if (how === "noisy") {
    process.stdout.write("[sqlite/transaction] slow {SQLite} transaction\n");
    answer("not-loaded");
    process.stdout.write("\n[gateway] done\n");
  } else if (how === "nothing") answer("restarted");
  else if (how === "hang") await sleep(3_600_000);
  else if (how === "refused" || how === "failed") {
    process.stderr.write(how === "refused" ? "gateway closed (1008): pairing required" : "no");
    process.exitCode = 1;
  } else {
    await fetch(`http://127.0.0.1:${process.env["OPENCLAW_GATEWAY_PORT"]}/${how}`, { method: "POST" });
    answer("restarted");
  }
}
