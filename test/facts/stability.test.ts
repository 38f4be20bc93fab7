import { symlinkSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readStability } from "../../src/facts/stability.ts";
import { put, tempDir } from "./sandbox.ts";

const START = Date.parse("2026-11-21T08:00:00.000Z");

/** A bundle as the host writes it, so many minutes after its process started. */
const bundle = (pid: number, minutes: number, samples: readonly (readonly [minute: number, mebibytes: number])[]) => ({
  version: 1,
  generatedAt: new Date(START + minutes * 60_000).toISOString(),
  reason: "diagnostic.memory.pressure.rss_threshold",
  process: { pid, platform: "linux", arch: "x64", node: "24.21.0", uptimeMs: minutes * 60_000 },
  host: { hostname: "<redacted-hostname>" },
  snapshot: {
    generatedAt: new Date(START).toISOString(),
    capacity: 1000,
    count: samples.length,
    dropped: 0,
    events: [
      { seq: 1, ts: START, type: "session.state", outcome: "processing" },
      ...samples.map(([minute, mebibytes], n) => ({
        seq: n + 2,
        ts: START + minute * 60_000,
        type: "diagnostic.memory.sample",
        memory: { rssBytes: mebibytes * 1_048_576, heapTotalBytes: 1, heapUsedBytes: 1, externalBytes: 1 },
      })),
    ],
    summary: { byType: {} },
  },
});
const name = (minute: number, reason = "x") =>
  `openclaw-stability-2026-11-21T08-${String(minute).padStart(2, "0")}-00-000Z-7-${reason}.json`;
const sample = (pid: number, minute: number, mebibytes: number) => ({
  pid,
  startedAtMs: START,
  atMs: START + minute * 60_000,
  rssBytes: mebibytes * 1_048_576,
});

function stability(files: Record<string, unknown>) {
  const stateDir = tempDir();
  const dir = path.join(stateDir, "logs", "stability");
  for (const [file, content] of Object.entries(files))
    put(path.join(dir, file), typeof content === "string" ? content : JSON.stringify(content));
  const read = () => {
    const found = readStability(stateDir);
    return { ...found, files: found.files.map((file) => path.relative(dir, file)) };
  };
  return { dir, read };
}

test("memory samples of all bundles, each once, with the process they are of", () => {
  const { read } = stability({
    [name(10)]: bundle(7, 10, [
      [1, 500],
      [10, 900],
    ]),
    [name(20)]: bundle(7, 20, [
      [10, 900],
      [20, 1500],
    ]),
    [name(5)]: bundle(8, 5, [[2, 400]]),
  });
  expect(read()).toEqual({
    files: [name(20), name(10), name(5)],
    memory: [sample(8, 2, 400), sample(7, 1, 500), sample(7, 10, 900), sample(7, 20, 1500)].sort(
      (a, b) => a.atMs - b.atMs,
    ),
  });
});

test("a host that had no trouble has left none", () => {
  expect(readStability(tempDir())).toEqual({ files: [], memory: [] });
});

test("what is no bundle, and what is damaged, is left out", () => {
  const good = bundle(7, 1, [[1, 500]]);
  const { dir, read } = stability({
    [name(1)]: good,
    [name(2)]: "{",
    [name(3)]: "null",
    [name(4)]: { ...good, version: 2 },
    [name(5)]: { ...good, process: {} },
    [name(6)]: { ...good, generatedAt: "soon" },
    [name(7)]: { ...good, snapshot: { events: {} } },
    "other.json": bundle(9, 1, [[1, 500]]),
    [`${name(8)}/folder`]: "",
  });
  symlinkSync(path.join(dir, "other.json"), path.join(dir, name(9)));
  expect(read()).toEqual({ files: [name(1)], memory: [sample(7, 1, 500)] });
  const odd = { ...good, snapshot: { events: [null, 5, { ts: "1", memory: { rssBytes: 1 } }, { ts: 1, memory: [] }] } };
  expect(stability({ [name(1)]: odd }).read()).toEqual({ files: [name(1)], memory: [] });
});

test("no more is read than the host keeps, and nothing larger than it writes", () => {
  const many = Object.fromEntries(
    Array.from({ length: 25 }, (_, n) => [name(n + 10), bundle(7, n + 10, [[n + 10, 500]])]),
  );
  const { read } = stability({ ...many, [name(50)]: `${" ".repeat(5 * 1_048_576)}{}` });
  expect(read().files).toHaveLength(19);
  expect(read().files[0]).toBe(name(34));
});
