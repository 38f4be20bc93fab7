/** Long because recorded and real /proc are held against each other, reader by reader. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { kernelThreads, readArgs } from "../../src/facts/proc-files.ts";
import { isOpenClawCommand } from "../../src/facts/processes.ts";
import { linuxProcessTable } from "../../src/facts/processes-linux.ts";
import { hasPermissions, moduleUrl, put, runUnprivileged, tempDir } from "./sandbox.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/proc/", import.meta.url));

/** A copy of a recorded /proc, to which a test adds the links. */
function recorded(name: string): string {
  const root = path.join(tempDir(), "proc");
  cpSync(path.join(FIXTURES, name), root, { recursive: true });
  return root;
}

const status = (root: string, pid: number, change: (text: string) => string): void => {
  const file = path.join(root, String(pid), "status");
  writeFileSync(file, change(readFileSync(file, "utf8")));
};

describe.skipIf(process.platform === "win32")("a recorded /proc", () => {
  test("a process whose name is `a) S (b`", async () => {
    const table = linuxProcessTable(recorded("parentheses"), 21073);
    expect(await table.get(21073)).toMatchObject({
      state: "alive",
      uid: 0,
      startTicks: 359138,
      title: "a)",
      openclaw: false,
    });
  });

  test("a zombie is absent", async () => {
    expect(await linuxProcessTable(recorded("zombie")).get(21081)).toEqual({ state: "absent", zombie: true });
  });

  test("a thread's id is no process", async () => {
    const table = linuxProcessTable(recorded("thread"));
    expect(await table.get(21095)).toEqual({ state: "thread", threadOf: 21089 });
    expect(await table.get(21089)).toMatchObject({ state: "alive", startTicks: 359220, title: "node" });
  });

  test("a start is reckoned from our own; one in the future is none", async () => {
    const root = recorded("nested"); // process 14967 started 540.27 s before process 21117
    const earlier = await linuxProcessTable(root, 21117).get(14967);
    if (earlier.state !== "alive") throw new Error("not alive");
    expect(Math.abs((earlier.startedAtMs ?? 0) - (performance.timeOrigin - 540_270))).toBeLessThan(200);
    expect(await linuxProcessTable(root, 14967).get(21117)).toMatchObject({ state: "alive", startedAtMs: null });
  });

  test("another user's process is foreign, unless we are root", async () => {
    const root = recorded("parentheses");
    status(root, 21073, (text) => text.replace(/^Uid:.*$/m, "Uid:\t4294\t4294\t4294\t4294"));
    expect(await linuxProcessTable(root).get(21073)).toMatchObject({ uid: 4294, foreign: process.getuid?.() !== 0 });
  });

  test("hidepid: alive, and nothing known of it", async () => {
    const root = recorded("parentheses"); // our own pid lives, but is not listed there
    expect(await linuxProcessTable(root).get(process.pid)).toEqual({
      state: "alive",
      uid: null,
      foreign: true,
      startTicks: null,
      startedAtMs: null,
      title: null,
      openclaw: null,
    });
  });

  test("an empty command line: the name counts", async () => {
    const root = recorded("parentheses");
    writeFileSync(path.join(root, "21073", "cmdline"), "");
    status(root, 21073, (text) => text.replace(/^Name:.*$/m, "Name:\topenclaw-agent"));
    expect(await linuxProcessTable(root).get(21073)).toMatchObject({ title: "openclaw-agent", openclaw: true });
  });

  test("a title is its first word", async () => {
    const root = recorded("parentheses");
    writeFileSync(path.join(root, "21073", "cmdline"), "openclaw-gateway --port 18789\0\0\0");
    expect(await linuxProcessTable(root).get(21073)).toMatchObject({ title: "openclaw-gateway", openclaw: true });
  });

  test("a torn stat line is no identity", async () => {
    const root = recorded("parentheses");
    writeFileSync(path.join(root, "21073", "stat"), "21073 (a");
    const state = await linuxProcessTable(root).get(21073);
    expect(state).not.toMatchObject({ startTicks: expect.any(Number) });
  });

  test("read once: what changes later is seen by the next table", async () => {
    const root = recorded("zombie");
    const table = linuxProcessTable(root);
    await table.get(21081);
    const stat = path.join(root, "21081", "stat");
    writeFileSync(stat, readFileSync(stat, "utf8").replace(") Z ", ") S "));
    expect(await table.get(21081)).toMatchObject({ state: "absent" });
    expect(await linuxProcessTable(root).get(21081)).toMatchObject({ state: "alive" });
  });

  describe("holders", () => {
    /** Gives a recorded process an open file. */
    function open(root: string, pid: number, file: string): void {
      mkdirSync(path.join(root, String(pid), "fd"), { recursive: true });
      symlinkSync(file, path.join(root, String(pid), "fd", "21"));
      symlinkSync("/nowhere/closed meanwhile", path.join(root, String(pid), "fd", "22"));
    }
    const of = (file: string) => {
      const { dev, ino } = statSync(file, { bigint: true });
      return { dev: String(dev), ino: String(ino), path: file };
    };

    test("OpenClaw's and nested namespaces' processes are asked, by inode", async () => {
      const root = recorded("nested");
      const file = put(path.join(tempDir(), "lock"));
      open(root, 21117, file);
      open(root, 14967, file); // a shell here: not asked
      const table = linuxProcessTable(root, 14967);
      expect(await table.holders(of(file))).toEqual({ pids: [21117], seen: "own", blind: false });
      expect(await table.holders(of(put(`${file}2`)))).toEqual({ pids: [], seen: "own", blind: false });
      expect([table.canReadDescriptors(21117), table.canReadDescriptors(4)]).toEqual([true, false]);
    });

    test("a nested process is asked whatever its name", async () => {
      const root = recorded("nested");
      const file = put(path.join(tempDir(), "lock"));
      open(root, 21117, file);
      writeFileSync(path.join(root, "21117", "cmdline"), "vim\0");
      expect((await linuxProcessTable(root, 14967).holders(of(file))).pids).toEqual([21117]);
      status(root, 21117, (text) => text.replace(/^NSpid:.*$/m, "NSpid:\t21117"));
      expect((await linuxProcessTable(root, 14967).holders(of(file))).pids).toEqual([]);
    });

    test("the kernel's own threads are not asked; only the kernel can mark them as such", async () => {
      const file = put(path.join(tempDir(), "lock"));
      const holders = async (flags: number) => {
        const root = recorded("nested");
        open(root, 21117, file);
        put(path.join(root, "2/stat"), `2 (kthreadd) S 0 0 0 0 -1 ${flags} 0 0 0 0 0 3 0 0 20 0 1 0 25 0 0\n`);
        put(path.join(root, "2/task/2/children"), "3 21117 14 ");
        return (await linuxProcessTable(root, 14967).holders(of(file))).pids;
      };
      expect(await holders(0x20_8040)).toEqual([]);
      expect(await holders(0x40_8040), "an ordinary process").toEqual([21117]);
    });

    test("no process of ours is taken for a thread of this machine's kernel", () => {
      const threads = kernelThreads("/proc");
      for (const pid of [1, process.pid, process.ppid]) expect(threads.has(String(pid))).toBe(false);
      for (const pid of threads) if (pid !== "") expect(readArgs("/proc", Number(pid))).toEqual([]);
    });

    test("without /proc nobody holds and nothing is trusted", async () => {
      const table = linuxProcessTable(path.join(tempDir(), "none"));
      expect((await table.holders({ dev: "1", ino: "1", path: "" })).pids).toEqual([]);
      expect(table.namespace()).toEqual({ trusted: false, initial: null, startedAtMs: null, lastPid: null });
    });
  });

  describe("namespace", () => {
    function container(self: string, ns: string, selfPid = 2) {
      const root = recorded("container");
      symlinkSync(self, path.join(root, "self"));
      mkdirSync(path.join(root, self, "ns"), { recursive: true });
      symlinkSync(ns, path.join(root, self, "ns", "pid"));
      return linuxProcessTable(root, selfPid).namespace();
    }

    test("inside a container: when it started and how far its pids go", () => {
      const namespace = container("2", "pid:[4026532180]");
      expect(namespace).toMatchObject({ trusted: true, initial: false, lastPid: 10 });
      // Process 1 started a tick before process 2, which stands for ourselves here.
      expect(Math.abs((namespace.startedAtMs ?? 0) - performance.timeOrigin)).toBeLessThan(200);
    });

    test("the machine's first one", () => {
      expect(container("2", "pid:[4026531836]")).toMatchObject({ trusted: true, initial: true, startedAtMs: null });
    });

    test("/proc of another namespace is not trusted", () => {
      expect(container("1", "pid:[4026532180]", 2)).toMatchObject({ trusted: false });
    });
  });
});

describe.skipIf(process.platform !== "linux")("the real /proc", () => {
  /** Starts a program that lives until the test ends; resolves with its first line of output. */
  async function start(command: string, args: readonly string[]): Promise<{ child: ChildProcess; line: string }> {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    return { child, line: await nextLine(child) };
  }
  const nextLine = async (child: ChildProcess): Promise<string> =>
    await new Promise((resolve) => child.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim())));

  test("this process", async () => {
    const table = linuxProcessTable();
    expect(table.namespace().trusted).toBe(true);
    expect(table.canReadDescriptors(process.pid)).toBe(true);
    const self = await table.get(process.pid);
    expect(self).toMatchObject({ state: "alive", uid: process.getuid?.(), foreign: false });
    if (self.state !== "alive") throw new Error("not alive");
    expect(Math.abs((self.startedAtMs ?? 0) - performance.timeOrigin)).toBeLessThan(200);
  });

  test("a child started just now, then killed and collected", async () => {
    const before = Date.now();
    const { child } = await start("sh", ["-c", "echo up; exec sleep 60"]);
    const pid = child.pid as number;
    const state = await linuxProcessTable().get(pid);
    if (state.state !== "alive") throw new Error("not alive");
    expect(Math.abs((state.startedAtMs ?? 0) - before)).toBeLessThan(1000);
    expect(state.startTicks).toBeGreaterThan(0);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    expect(await linuxProcessTable().get(pid)).toEqual({ state: "absent", zombie: false });
  });

  test("a zombie", async () => {
    // The shell becomes `sleep`, which never collects the child; only then may the child end.
    const { child, line } = await start("sh", ["-c", "exec 3<&0; read end <&3 & echo $!; exec sleep 60"]);
    await expect.poll(() => readFileSync(`/proc/${child.pid}/comm`, "utf8")).toBe("sleep\n");
    child.stdin?.write("\n");
    await expect
      .poll(async () => await linuxProcessTable().get(Number(line)))
      .toEqual({ state: "absent", zombie: true });
  });

  test("a worker thread's id", async () => {
    const before = new Set(readdirSync("/proc/self/task"));
    const worker = new Worker("setInterval(() => {}, 60_000)", { eval: true });
    await new Promise((resolve) => worker.once("online", resolve));
    const [tid] = readdirSync("/proc/self/task").filter((id) => !before.has(id));
    expect(await linuxProcessTable().get(Number(tid))).toEqual({ state: "thread", threadOf: process.pid });
    await worker.terminate();
    await expect
      .poll(async () => await linuxProcessTable().get(Number(tid)))
      .toEqual({ state: "absent", zombie: false });
  });

  test("a process titled openclaw is seen holding a file, until it closes it", async () => {
    const file = put(path.join(tempDir(), "a.jsonl.lock"));
    const { child } = await start(process.execPath, [
      "-e",
      `process.title = "openclaw-gateway --port 1";
       const fs = require("node:fs");
       const fd = fs.openSync(process.argv[1]);
       console.log("open");
       process.stdin.once("data", () => { fs.closeSync(fd); console.log("closed"); });`,
      file,
    ]);
    const pid = child.pid as number;
    const { dev, ino } = statSync(file, { bigint: true });
    const holders = async () => await linuxProcessTable().holders({ dev: String(dev), ino: String(ino), path: file });
    expect(await holders()).toEqual({ pids: [pid], seen: "own", blind: false });
    expect(await linuxProcessTable().get(pid)).toMatchObject({ title: "openclaw-gateway", openclaw: true });
    child.stdin?.write("\n");
    await nextLine(child);
    expect(await holders()).toEqual({ pids: [], seen: "own", blind: false });
  });

  test.skipIf(!hasPermissions)("another user's process: alive, foreign, descriptors closed to us", async () => {
    // `sleep` of this user (root, or whoever runs the tests) looked at by nobody; pid 1 when we are not root.
    const { child } = await start("sh", ["-c", "echo up; exec sleep 60"]);
    const pid = process.getuid?.() === 0 ? (child.pid as number) : 1;
    const { stdout } = await runUnprivileged(
      `import { linuxProcessTable } from ${JSON.stringify(moduleUrl("src/facts/processes-linux.ts"))};
       const table = linuxProcessTable();
       console.log(JSON.stringify([await table.get(Number(process.argv[1])), table.canReadDescriptors(Number(process.argv[1]))]));`,
      [String(pid)],
    );
    const [state, readable] = JSON.parse(stdout) as [object, boolean];
    expect(state).toMatchObject({ state: "alive", foreign: true });
    expect(readable).toBe(false);
  });
});

describe("isOpenClawCommand", () => {
  test.each([
    ["openclaw"],
    ["openclaw-gateway"],
    ["openclaw-agent"],
    ["openclaw-gateway --port 1"],
    ["/usr/local/bin/openclaw", "gateway"],
    ["node", "/x/openclaw.mjs"],
    ["node", "--max-old-space-size=4096", "/x/openclaw/dist/index.js", "gateway"],
    ["node", "/x/node_modules/.bin/openclaw", "doctor"],
    ["C:\\nodejs\\node.exe", "C:\\npm\\node_modules\\openclaw\\dist\\entry.js"],
    ["/home/my user/bin/openclaw-gateway"],
    ["OpenClaw"],
  ])("%s %s is OpenClaw", (...args) => {
    expect(isOpenClawCommand(args)).toBe(true);
  });

  test.each([
    [],
    [""],
    ["my-openclaw-notes.txt"],
    ["vim", "my-openclaw-notes.txt"],
    ["vim", "openclaw.json"],
    ["vim", "/home/me/.openclaw/openclaw.json"],
    ["tail", "-f", "/tmp/openclaw/openclaw-2026-05-22.log"],
    ["node", "/x/openclaw-vitals/dist/src/cli/bin.js"],
    ["node", "/x/node_modules/.bin/openclaw-vitals", "fix"],
    ["openclaw-vitals"],
    ["openclaw-vitals fix"],
    ["/usr/local/bin/openclaw-vitals", "fix"],
    ["node", "/x/node_modules/openclaw-vitals/dist/src/cli/demo-agent.js"],
    ["notopenclaw"],
  ])("%s %s is not", (...args) => {
    expect(isOpenClawCommand(args)).toBe(false);
  });
});
