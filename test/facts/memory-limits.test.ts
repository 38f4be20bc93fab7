import path from "node:path";
import { describe, expect, test } from "vitest";
import { readMemoryLimits } from "../../src/facts/memory-limits.ts";
import { put, tempDir } from "./sandbox.ts";

const MIB = 1_048_576;
const MEMINFO = "MemTotal:       24684096 kB\nMemFree:        21984508 kB\nMemAvailable:   23709264 kB\n";

/** Limits of process 7 on a machine with these files; `groups` below /sys/fs/cgroup. */
function limits(proc: Record<string, string>, groups: Record<string, string> = {}) {
  const root = tempDir();
  const files = {
    meminfo: MEMINFO,
    ...Object.fromEntries(Object.entries(proc).map(([name, text]) => [`7/${name}`, text])),
  };
  for (const [name, text] of Object.entries(files)) put(path.join(root, "proc", name), text);
  for (const [name, text] of Object.entries(groups)) put(path.join(root, "cgroup", name), text);
  const read = readMemoryLimits(7, { root: path.join(root, "proc"), groups: path.join(root, "cgroup") });
  const group = read?.group && { ...read.group, source: path.relative(path.join(root, "cgroup"), read.group.source) };
  return { ...read, group };
}

describe.runIf(process.platform === "linux")("readMemoryLimits", () => {
  test("what the machine has, and nothing that bounds", () => {
    expect(limits({})).toEqual({
      group: null,
      host: { totalBytes: 24_684_096 * 1024, availableBytes: 23_709_264 * 1024 },
      heapBytes: null,
    });
  });

  test.each<[string, string, Record<string, string>, object | null]>([
    [
      "the smallest up the tree",
      "0::/system.slice/openclaw.service\n",
      {
        "system.slice/openclaw.service/memory.max": `${900 * MIB}\n`,
        "system.slice/openclaw.service/memory.high": `${800 * MIB}\n`,
        "system.slice/memory.max": `${700 * MIB}\n`,
        "memory.max": "max\n",
      },
      { bytes: 700 * MIB, source: "system.slice/memory.max" },
    ],
    [
      "memory.high, from which on the kernel slows it down",
      "0::/a\n",
      { "a/memory.max": "max\n", "a/memory.high": `${800 * MIB}\n` },
      { bytes: 800 * MIB, source: "a/memory.high" },
    ],
    [
      "in a container, whose group is the root",
      "0::/\n",
      { "memory.max": `${512 * MIB}\n` },
      { bytes: 512 * MIB, source: "memory.max" },
    ],
    [
      "by the older interface, named as outside of the container",
      "5:devices:/docker/abc\n4:memory:/docker/abc\n0::/\n",
      { "memory/memory.limit_in_bytes": `${256 * MIB}\n` },
      { bytes: 256 * MIB, source: "memory/memory.limit_in_bytes" },
    ],
    [
      "by the older interface beside others",
      "4:cpu,memory:/docker/abc\n",
      {
        "memory/docker/abc/memory.limit_in_bytes": `${256 * MIB}\n`,
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
      },
      { bytes: 256 * MIB, source: "memory/docker/abc/memory.limit_in_bytes" },
    ],
    [
      "where both interfaces are mounted",
      "4:memory:/\n0::/a\n",
      { "memory/memory.limit_in_bytes": "9223372036854771712\n", "unified/a/memory.max": `${300 * MIB}\n` },
      { bytes: 300 * MIB, source: "unified/a/memory.max" },
    ],
    [
      "a group out of our view",
      "0::/../../other\n",
      { "memory.max": `${512 * MIB}\n`, "../x/memory.max": "1" },
      { bytes: 512 * MIB, source: "memory.max" },
    ],
    ["more than the machine has: none", "0::/\n", { "memory.max": String(30_000 * MIB) }, null],
    ["nonsense: none", "0::/\nx\n4:memory\n", { "memory.max": "-5\n", "memory.high": "" }, null],
  ])("%s", (_name, cgroup, groups, expected) => {
    expect(limits({ cgroup }, groups).group).toEqual(expected);
  });

  test.each<[string, string[], string[], number | null]>([
    ["on the command line", ["node", "--max-old-space-size=2048", "openclaw.mjs"], [], 2048],
    ["in another spelling", ["node", "--max_old_space_size", "512"], [], 512],
    [
      "in NODE_OPTIONS",
      ["openclaw-gateway   "],
      ["A=1", "NODE_OPTIONS=--inspect --max-old-space-size=1024", "B=2"],
      1024,
    ],
    ["in both", ["node", "--max-old-space-size=2048"], ["NODE_OPTIONS=--max-old-space-size=1024"], 2048],
    ["twice", ["node"], ["NODE_OPTIONS=--max-old-space-size=1024 --max-old-space-size=4096"], 4096],
    ["quoted", ["node"], ['NODE_OPTIONS="--max-old-space-size=1024"'], 1024],
    ["nowhere", ["node", "--max-old-space-sizes=1"], ["MY_NODE_OPTIONS=--max-old-space-size=1024"], null],
    ["badly", ["node", "--max-old-space-size"], ["NODE_OPTIONS=--max-old-space-size=0"], null],
  ])("the heap's, %s", (_name, args, variables, mebibytes) => {
    const { heapBytes } = limits({ cmdline: `${args.join("\0")}\0`, environ: `${variables.join("\0")}\0` });
    expect(heapBytes).toBe(mebibytes === null ? null : mebibytes * MIB);
  });

  test("of a process of this machine", () => {
    const read = readMemoryLimits(process.pid);
    expect(read?.host.availableBytes).toBeGreaterThan(MIB);
    expect(read?.host.totalBytes).toBeGreaterThan(read?.host.availableBytes ?? Infinity);
  });
});
