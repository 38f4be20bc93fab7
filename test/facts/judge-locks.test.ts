import { rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { judgeLocks } from "../../src/facts/judge-locks.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { openProcessTable } from "../../src/facts/processes.ts";
import { unhurried } from "../quick.ts";
import { tempDir } from "./sandbox.ts";

const RULES = { graceSeconds: 30 };
const noGateway = async () => null;
let file: string;
beforeEach(() => {
  file = path.join(tempDir(), "s.jsonl.lock");
});

const found = () => ({ path: file, look: lookAtLock(file), unchanged: true, sharedFileSystem: null });

/** A lock that names a pid nobody has, as left behind. */
function plant(createdAt = new Date().toISOString()): void {
  writeFileSync(file, JSON.stringify({ pid: 4_194_303, createdAt }));
}

test("a lock that stays as it was is reported", async () => {
  plant();
  const judged = await judgeLocks([found()], await openProcessTable(), RULES, noGateway);
  expect(judged).toMatchObject([{ judgement: { verdict: "gone" } }]);
});

test("a lock that was released since it was read is no finding", async () => {
  plant();
  const lock = found();
  rmSync(file);
  expect(await judgeLocks([lock], await openProcessTable(), RULES, noGateway)).toEqual([]);
});

test("a lock that was taken anew since it was read is no finding", async () => {
  plant();
  const lock = found();
  rmSync(file);
  plant("2026-01-01T00:00:00.000Z");
  expect(await judgeLocks([lock], await openProcessTable(), RULES, noGateway)).toEqual([]);
});

test("a holder that has just closed the file is given the time to remove it", async () => {
  // Our own process, not titled OpenClaw, would be unclear: the title makes it a holder that let go.
  const title = process.title;
  process.title = "openclaw";
  try {
    const startedAt = new Date(Date.now() - performance.now()).getTime();
    writeFileSync(file, JSON.stringify({ pid: process.pid, createdAt: new Date(startedAt + 1000).toISOString() }));
    const old = new Date(Date.now() - 120_000);
    utimesSync(file, old, old);
    const leaked = await judgeLocks([found()], await openProcessTable(), RULES, noGateway);
    if (process.platform !== "linux") return;
    expect(leaked).toMatchObject([{ judgement: { verdict: "leaked" } }]);
    const table = await openProcessTable();
    const releasing = unhurried(() => judgeLocks([found()], table, RULES, noGateway));
    setTimeout(() => rmSync(file), 30);
    expect(await releasing).toEqual([]);
  } finally {
    process.title = title;
  }
});
