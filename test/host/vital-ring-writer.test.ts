/** Long because each kind of damage to the file is made here, and read again. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { MAX_RING_BYTES, readVitalRing, sampleLine, vitalRingPath } from "../../src/facts/vital-ring.ts";
import type { VitalSample } from "../../src/facts/vital-signs.ts";
import { openRingWriter } from "../../src/host/vital-ring-writer.ts";
import { put, tempDir } from "../facts/sandbox.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

function sample(atMs: number): VitalSample {
  return {
    atMs,
    spanMs: 10_000,
    maxDelayMs: 1,
    p99DelayMs: 0,
    utilization: 0.1,
    rssBytes: 300_000_000,
    heapBytes: 100_000_000,
    externalBytes: 10_000_000,
  };
}

function writer(stateDir: string, pid = 42, { now = (): number => NOW, largeBytes = 196_608 } = {}) {
  const warnings: string[] = [];
  const life = { pid, startTicks: 7, hostVersion: "2026.9.6" };
  const ring = openRingWriter({ stateDir, life, now, largeBytes, warn: (message) => warnings.push(message) });
  return {
    warnings,
    /** Writes samples one after the other, as time would. */
    async write(...times: readonly number[]) {
      for (const at of times) {
        ring.append(sample(at));
        await ring.close();
      }
    },
    ring,
  };
}

/** Pid and times of each life. */
function read(stateDir: string) {
  return readVitalRing(stateDir).lives.map(({ pid, samples }) => [pid, ...samples.map(({ atMs }) => atMs - NOW)]);
}

const names = (stateDir: string) => readdirSync(path.join(stateDir, "vitals"));

describe("records", () => {
  test("a life is on the disk before its first sample; folder and file are private", async () => {
    const stateDir = tempDir();
    const { ring, write, warnings } = writer(stateDir);
    await ring.close();
    expect(readVitalRing(stateDir).lives).toEqual([
      { pid: 42, startTicks: 7, startedAtMs: NOW, hostVersion: "2026.9.6", samples: [] },
    ]);
    await write(NOW + 1, NOW + 2);
    expect(read(stateDir)).toEqual([[42, 1, 2]]);
    expect(readVitalRing(stateDir).lives[0]?.samples[0]).toEqual(sample(NOW + 1));
    expect(statSync(vitalRingPath(stateDir)).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(stateDir, "vitals")).mode & 0o777).toBe(0o700);
    expect(warnings).toEqual([]);
  });

  test("a restart in the same process is another life, and so is a clock that was set back", async () => {
    const stateDir = tempDir();
    await writer(stateDir).write(NOW + 1, NOW + 2);
    await writer(stateDir).write(NOW + 3, NOW - 5000, NOW - 4000);
    expect(read(stateDir)).toEqual([
      [42, 1, 2],
      [42, 3],
      [42, -5000, -4000],
    ]);
  });

  test("two gateways of one state dir keep their lines, whoever makes the file small", async () => {
    const stateDir = tempDir();
    const [one, two] = [writer(stateDir, 1), writer(stateDir, 2)];
    const [first, second] = [[1], [2]] as [number[], number[]];
    for (let n = 1; n <= 20; n += 1) {
      // The third of another restart makes the file small while the other two go on.
      if (n % 5 === 0) await writer(stateDir, 3, { largeBytes: 0 }).write(NOW + n);
      await Promise.all([one.write(NOW + 2 * n), two.write(NOW + 2 * n + 1)]);
      first.push(2 * n);
      second.push(2 * n + 1);
    }
    const lives = read(stateDir);
    expect(lives.find(([pid]) => pid === 1)).toEqual(first);
    expect(lives.find(([pid]) => pid === 2)).toEqual(second);
    expect(lives.filter(([pid]) => pid === 3)).toHaveLength(4);
    expect([...one.warnings, ...two.warnings]).toEqual([]);
  });

  test("a week in one life stays small, and keeps the last hour", async () => {
    const stateDir = tempDir();
    let now = NOW;
    const { ring } = writer(stateDir, 42, { now: () => now });
    await ring.close();
    let largest = 0;
    // The samples of six hours are put there at once, so that the test takes a second.
    for (let quarter = 0; quarter < 7 * 4; quarter += 1) {
      let text = "";
      const id = /"life":"([0-9a-f]+)"/.exec(readFileSync(vitalRingPath(stateDir), "utf8"))?.[1] ?? "";
      for (let n = 1; n < 6 * 360; n += 1) text += sampleLine(id, sample(now + n * 10_000));
      appendFileSync(vitalRingPath(stateDir), text);
      now += 6 * HOUR;
      ring.append(sample(now));
      await ring.close();
      largest = Math.max(largest, statSync(vitalRingPath(stateDir)).size);
    }
    const samples = readVitalRing(stateDir).lives[0]?.samples ?? [];
    expect(samples.filter(({ atMs }) => atMs > now - HOUR)).toHaveLength(360);
    expect(samples[0]?.atMs).toBeLessThan(NOW + HOUR);
    expect(largest).toBeLessThan(MAX_RING_BYTES / 2);
    expect(names(stateDir)).toEqual(["vital-signs.jsonl"]);
  });
});

describe("damage", () => {
  test("a line that was cut spoils none that comes after it", async () => {
    const stateDir = tempDir();
    await writer(stateDir).write(NOW + 1);
    const text = readFileSync(vitalRingPath(stateDir), "utf8");
    const running = writer(stateDir, 43);
    await running.write(NOW + 2);
    appendFileSync(vitalRingPath(stateDir), text.slice(0, -20));
    await running.write(NOW + 3);
    await writer(stateDir, 44).write(NOW + 4);
    expect(read(stateDir)).toEqual([
      [42, 1],
      [43, 2, 3],
      [44, 4],
    ]);
  });

  test("a file that was taken away or emptied begins anew with this life", async () => {
    const stateDir = tempDir();
    const { write, warnings } = writer(stateDir);
    await write(NOW + 1);
    rmSync(path.join(stateDir, "vitals"), { recursive: true });
    await write(NOW + 2); // finds no folder
    await write(NOW + 3);
    expect(read(stateDir)).toEqual([[42, 3]]);
    writeFileSync(vitalRingPath(stateDir), "");
    await write(NOW + 4);
    expect(read(stateDir)).toEqual([[42, 4]]);
    expect(warnings).toHaveLength(1);
  });

  test("what a killed gateway left of a compaction goes once it is old", async () => {
    const stateDir = tempDir();
    const [old, young] = ["aaaa", "bbbb"].map((id) => put(`${vitalRingPath(stateDir)}.${id}.draft`, "half")) as [
      string,
      string,
    ];
    put(vitalRingPath(stateDir), "garbage\n");
    utimesSync(old, NOW / 1000 - 7200, NOW / 1000 - 7200);
    utimesSync(young, NOW / 1000, NOW / 1000);
    await writer(stateDir, 42, { largeBytes: 0 }).write(NOW + 1);
    expect(existsSync(old)).toBe(false);
    expect(existsSync(young)).toBe(true);
    expect(readFileSync(vitalRingPath(stateDir), "utf8")).not.toContain("garbage");
  });
});

describe("a full disk", () => {
  /** The next write of any file ends like this. */
  async function nextWrite(how: (write: FileHandle["write"], text: string) => Promise<unknown>) {
    const handle = await open(path.join(tempDir(), "any"), "w");
    const proto = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const write = proto.write;
    vi.spyOn(proto, "write").mockImplementationOnce(function (this: FileHandle, text: unknown) {
      return how(write.bind(this) as FileHandle["write"], String(text)) as never;
    });
  }
  const full = () => Promise.reject(Object.assign(new Error("ENOSPC: /home/somebody"), { code: "ENOSPC" }));

  test("takes half a line or none; what comes after it is whole, and it is said once", async () => {
    const stateDir = tempDir();
    const { write, warnings } = writer(stateDir);
    await write(NOW + 1);
    await nextWrite(async (really, text) => await really(text.slice(0, text.length / 2)));
    await write(NOW + 2);
    await write(NOW + 3);
    await nextWrite(full);
    await write(NOW + 4);
    await write(NOW + 5);
    expect(read(stateDir)).toEqual([[42, 1, 3, 5]]);
    expect(warnings).toEqual([expect.stringContaining("the disk is full")]);
  });

  test("leaves the file as it is when it cannot be made small, and no draft", async () => {
    const stateDir = tempDir();
    await writer(stateDir).write(NOW + 1);
    const { ring, write, warnings } = writer(stateDir, 43, { largeBytes: 0 });
    await nextWrite(full);
    await ring.close();
    await write(NOW + 2);
    expect(read(stateDir)).toEqual([
      [42, 1],
      [43, 2],
    ]);
    expect(names(stateDir)).toEqual(["vital-signs.jsonl"]);
    expect(warnings).toEqual([]);
  });
});

describe("what stands in its place", () => {
  const target = (stateDir: string) => put(path.join(stateDir, "somebody.txt"), "theirs");
  const inPlace: [string, (file: string, other: string) => void][] = [
    ["a link", (file, other) => symlinkSync(other, file)],
    ["a link to nothing", (file, other) => symlinkSync(`${other}.none`, file)],
    ["a second name of another file", (file, other) => linkSync(other, file)],
    ["a folder", (file) => mkdirSync(file)],
  ];
  test.each(inPlace)("%s is left alone, and said once without paths", async (_name, plant) => {
    const stateDir = tempDir();
    mkdirSync(path.join(stateDir, "vitals"));
    const other = target(stateDir);
    plant(vitalRingPath(stateDir), other);
    const { write, warnings } = writer(stateDir);
    await write(NOW + 1, NOW + 2, NOW + 3);
    expect(readFileSync(other, "utf8")).toBe("theirs");
    expect(existsSync(`${other}.none`)).toBe(false);
    expect(warnings).toEqual([expect.stringContaining("cannot be written")]);
    expect(warnings[0]).not.toContain(path.sep);
    expect(names(stateDir)).toEqual(["vital-signs.jsonl"]);
  });

  test("a link in place of the folder leads nowhere", async () => {
    const stateDir = tempDir();
    const elsewhere = tempDir();
    symlinkSync(elsewhere, path.join(stateDir, "vitals"));
    const { write, warnings } = writer(stateDir);
    await write(NOW + 1);
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining("their folder cannot be made")]);
  });

  test("no state dir, or one that cannot be written to: said once, and it goes on when it can", async () => {
    const stateDir = path.join(tempDir(), "state");
    const { write, warnings } = writer(stateDir);
    await write(NOW + 1, NOW + 2);
    expect(warnings).toHaveLength(1);
    mkdirSync(stateDir);
    await write(NOW + 3);
    expect(read(stateDir)).toEqual([[42, 3]]);
    expect(warnings).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() === 0)("a folder without the right to write", async () => {
    const stateDir = tempDir();
    mkdirSync(path.join(stateDir, "vitals"));
    chmodSync(path.join(stateDir, "vitals"), 0o500);
    const { write, warnings } = writer(stateDir);
    await write(NOW + 1);
    expect(warnings).toEqual([expect.stringContaining("EACCES")]);
  });

  test("garbage of any size is made small, ours kept", async () => {
    const stateDir = tempDir();
    await writer(stateDir).write(NOW + 1);
    const ours = readFileSync(vitalRingPath(stateDir), "utf8");
    put(vitalRingPath(stateDir), "x\n".repeat(MAX_RING_BYTES) + ours);
    await writer(stateDir, 43).write(NOW + 2);
    expect(read(stateDir)).toEqual([
      [42, 1],
      [43, 2],
    ]);
    expect(statSync(vitalRingPath(stateDir)).size).toBeLessThan(2000);
  });
});
