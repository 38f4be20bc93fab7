import { chmodSync, mkdirSync, symlinkSync, utimesSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { MAX_LOG_BYTES, readGatewayLog } from "../../src/facts/gateway-log.ts";
import { findLogFiles, type LogPlaces, temporaryFolders } from "../../src/facts/log-files.ts";
import { put, tempDir } from "./sandbox.ts";

const NOW = new Date(2026, 10, 21, 12).getTime();
const START = NOW - 3_600_000;
const line = (atMs: number, message: string, subsystem = "gateway") =>
  `${JSON.stringify({ 0: JSON.stringify({ subsystem }), 1: message, _meta: {}, time: new Date(atMs).toISOString(), message })}\n`;
const ready = (atMs: number) => line(atMs, "gateway ready");
const noise = (atMs: number) => line(atMs, `agent:anna said ${"something ".repeat(20)}`, "gateway/channels");

describe("readGatewayLog", () => {
  const log = (content: string, budget?: { left: number }, sinceMs = START) => {
    const file = put(path.join(tempDir(), "openclaw.log"), content);
    return { file, ...readGatewayLog({ files: [file], shared: false }, sinceMs, budget) };
  };

  test("events since the gateway's start, oldest first, each once", () => {
    const delayed = line(START + 5_000, "liveness heartbeat delayed: overdue=4000ms elapsed=34000ms;", "diagnostic");
    const found = log(ready(START - 90_000) + ready(START - 1) + ready(START) + noise(START + 1) + delayed + delayed);
    expect(found).toEqual({
      file: found.file,
      files: [found.file],
      shared: false,
      fromMs: START,
      events: [
        { kind: "startup", step: "ready", atMs: START, tookMs: null, maxDelayMs: null },
        { kind: "heartbeat-delayed", atMs: START + 5_000, overdueMs: 4000 },
      ],
    });
  });

  test("lines of several writers need not be in order", () => {
    const { events } = log(ready(START + 9) + ready(START - 59_000) + ready(START + 3));
    expect(events.map(({ atMs }) => atMs - START)).toEqual([3, 9]);
  });

  test("garbage, cut lines and a BOM do no harm", () => {
    const cut = ready(START + 1).slice(0, 40);
    const { events } = log(`\uFEFF${ready(START)}${cut}\nnull\n[]\n{}\n\0\0\0\n${"x".repeat(200_000)}\n${cut}`);
    expect(events).toHaveLength(1);
  });

  test("it stops at the gateway's start, however much stands before", () => {
    const budget = { left: MAX_LOG_BYTES };
    const old = noise(START - 120_000).repeat(4_000);
    expect(old.length).toBeGreaterThan(1_000_000);
    const { events } = log(old + ready(START), budget);
    expect(events).toHaveLength(1);
    expect(MAX_LOG_BYTES - budget.left).toBe(65_536);
  });

  test("and at its budget, which says so", () => {
    const budget = { left: 10_000 };
    const { events, fromMs } = log(ready(START) + noise(START + 1).repeat(100) + ready(START + 2), budget);
    expect(events.map(({ atMs }) => atMs - START)).toEqual([2]);
    expect({ fromMs, budget }).toEqual({ fromMs: START + 1, budget: { left: 0 } });
  });

  test("goes on in older files until the start is reached, within one budget", () => {
    const dir = tempDir();
    const files = [ready(START + 3), ready(START - 99_000) + ready(START + 1), ready(START)].map((content, n) =>
      put(path.join(dir, `${n}.log`), content),
    );
    const found = readGatewayLog({ files, shared: true }, START);
    expect(found.files).toEqual(files.slice(0, 2));
    expect(found.events.map(({ atMs }) => atMs - START)).toEqual([1, 3]);
    expect(found.shared).toBe(true);
    expect(readGatewayLog({ files, shared: true }, START, { left: 5 }).files).toEqual(files.slice(0, 1));
  });
});

describe("findLogFiles", () => {
  const uid = process.getuid?.() ?? 0;
  const place = (more: Partial<LogPlaces> = {}): LogPlaces => {
    const root = tempDir();
    return {
      configured: null,
      profile: undefined,
      era: "sqlite",
      temporary: [path.join(root, "tmp")],
      uids: process.getuid ? [uid] : [],
      sinceMs: START,
      nowMs: NOW,
      preferred: path.join(root, "openclaw"),
      ...more,
    };
  };
  const write = (dir: string | undefined, name: string, atMs = NOW) => {
    mkdirSync(dir ?? "", { recursive: true, mode: 0o700 });
    const file = put(path.join(dir ?? "", name), "x");
    utimesSync(file, atMs / 1000, atMs / 1000);
    return file;
  };
  const found = (places: LogPlaces) => findLogFiles(places).files;

  test("the configured file and what it was rotated to, newest first", () => {
    const dir = tempDir();
    const places = place({ configured: path.join(dir, "my.log") });
    expect(found(places)).toEqual([]);
    const files = ["my.log", "my.1.log", "my.2.log", "my.5.log"].map((name) => write(dir, name));
    write(dir, "my.6.log");
    write(dir, "my.3.log", START - 1); // full before this gateway started
    write(dir, "openclaw-2026-11-21.log");
    expect(findLogFiles(places)).toEqual({ files, shared: false });
  });

  test("a configured name with a date is one for each day", () => {
    const dir = tempDir();
    const files = ["21.log", "21.1.log", "20.log"].map((name) => write(dir, `openclaw-2026-11-${name}`));
    write(dir, "openclaw-2026-11-19.log");
    for (const name of ["openclaw-2026-01-01.log", "openclaw-YYYY-MM-DD.log"])
      expect(found(place({ configured: path.join(dir, name) }))).toEqual(files);
  });

  test.skipIf(process.platform === "win32")("the default folder, shared with others", () => {
    const places = place();
    expect(found(places)).toEqual([]);
    const file = write(places.preferred, "openclaw-2026-11-21.log");
    write(path.join(places.temporary[0] ?? "", `openclaw-${uid}`), "openclaw-2026-11-21.log");
    expect(findLogFiles(places)).toEqual({ files: [file], shared: true });
  });

  test.skipIf(process.getuid === undefined)("a folder the host would not trust is not its log's", () => {
    const places = place();
    const spare = write(path.join(places.temporary[0] ?? "", `openclaw-${uid}`), "openclaw-2026-11-21.log");
    const shared = places.preferred ?? "";
    write(shared, "openclaw-2026-11-21.log");
    chmodSync(shared, 0o777);
    expect(found(places)).toEqual([spare]);
    chmodSync(shared, 0o700);
    expect(found({ ...places, uids: [uid + 1] })).toEqual([]);
    const link = path.join(tempDir(), "link");
    symlinkSync(shared, link);
    expect(found({ ...places, preferred: link })).toEqual([spare]);
  });

  test.skipIf(process.platform === "win32").each([
    ["work", "openclaw-work"],
    ["My_team-2", "openclaw--1my-0team--2"],
    ["ä b", "openclaw--2e4--220-b"],
    ["p".repeat(300), "openclaw--3"],
  ])("the log of profile %s, else the one all have", (profile, prefix) => {
    const places = place({ profile });
    const plain = write(places.preferred, "openclaw-2026-11-21.log");
    expect(found(places)).toEqual([plain]);
    // sha256 of 300 times the letter p
    const hash = "67f102b906240ff517423373b60581ff8cba5c5a9fa817885faad1e46f5e2833";
    const own = write(places.preferred, `${prefix}${profile.length > 220 ? hash : ""}-2026-11-21.log`);
    expect(found(places)).toEqual([own]);
    expect(found({ ...places, profile: "Default" })).toEqual([plain]);
    expect(found({ ...places, era: "jsonl" }), "another gateway's of a newer host").toEqual([plain]);
  });
});

test.skipIf(process.platform === "win32")(
  "folders for temporary files, also of a service that has no variables",
  () => {
    expect(temporaryFolders({})).toEqual(["/tmp"]);
    expect(temporaryFolders({ TMPDIR: "/a/", TMP: "/b" })).toEqual(["/a", "/tmp"]);
    expect(temporaryFolders({ TMPDIR: "", TEMP: "/c" })).toEqual(["/c", "/tmp"]);
  },
);
