/** `watch`, in this process: what it writes to pipes and terminals, and how it ends. */
import { EventEmitter } from "node:events";
import { rmSync } from "node:fs";
import path from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/main.ts";
import { parseCommandLine } from "../../src/cli/options.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { brokenState, inventory, put } from "../facts/sandbox.ts";
import { cli } from "./terminal.ts";

class Stream extends Writable {
  text = "";
  readonly columns = 60;
  readonly isTTY: boolean;
  readonly #onWrite: (text: string) => void;

  constructor(isTTY: boolean, onWrite: (text: string) => void = () => {}) {
    super();
    this.isTTY = isTTY;
    this.#onWrite = onWrite;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.#onWrite(chunk.toString());
    done();
  }
}

interface Watched {
  readonly isTTY?: boolean;
  /** What a look is followed by: Ctrl-C, the reader going away. */
  readonly end?: "interrupt" | "reader";
}

/** Runs `watch` until its first look is told. */
async function watch(args: readonly string[], { isTTY = false, end = "interrupt" }: Watched = {}) {
  const signals = new EventEmitter();
  const finish = (): void => {
    if (end === "interrupt") signals.emit("SIGINT");
    else stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  };
  let told = false;
  const stdout = new Stream(isTTY, () => {
    if (!told) setImmediate(finish);
    told = true;
  });
  stdout.on("error", () => {});
  const stderr = new Stream(isTTY);
  const streams = { stdout, stderr, stdin: { isTTY: false } };
  const [on, off] = [signals.on.bind(signals), signals.off.bind(signals)];
  const terminal = { ...streams, env: { PATH: "" }, on, off } as unknown as Terminal;
  const code = await runCli(["watch", "--host-version", "2026.5.22", ...args], terminal);
  return { code, stdout: stdout.text, stderr: stderr.text, listening: signals.listenerCount("SIGINT") };
}

describe("watch", () => {
  test("into a pipe: plain lines with their time, the code of the last look, and nothing was changed", async () => {
    const { stateDir } = brokenState();
    const before = inventory(stateDir);
    const { code, stdout, stderr } = await watch(["--state-dir", stateDir, "--every", "7s", "--skip", "host-hazard"]);
    expect(code).toBe(1);
    expect(stderr).toBe("");
    const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    expect(stdout).toMatch(new RegExp(`^${time}  OpenClaw 2026\\.5\\.22 at .*, a look every 7s; Ctrl-C ends it\\.\n`));
    expect(stdout).toMatch(new RegExp(`\n${time}  new        error  Session one in agent .*\n  stale-lock, gone`));
    expect(stdout).not.toContain("\x1b");
    expect(inventory(stateDir)).toEqual(before);
  });

  test("on a terminal a last line says when the next look is, and is cleared at the end", async () => {
    const { stateDir, locks } = brokenState();
    rmSync(locks[0] ?? "");
    const { code, stderr, stdout } = await watch(["--state-dir", stateDir, "--no-color"], { isTTY: true });
    expect(code).toBe(0);
    expect(stdout).toMatch(/a look every 5m; .*\n.* looked {5}nothing found\n$/);
    expect(stderr.replace(/\d\d:\d\d:\d\d/, "later")).toBe("Nothing found. Next look later. Ctrl-C ends it.\r\x1b[2K");
  });

  test("--json: one document a line, that of check with what changed", async () => {
    const { stateDir } = brokenState();
    const { code, stdout, stderr } = await watch(["--state-dir", stateDir, "--json", "--only", "stale-lock"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const document = JSON.parse(stdout);
    const id = document.findings[0].id;
    expect(document).toMatchObject({
      schemaVersion: 1,
      ok: false,
      findings: [{ checkId: "vitals/stale-lock" }],
      watch: { new: [id], gone: [], changed: [], unchanged: [] },
    });
    expect(Date.parse(document.watch.next) - Date.parse(document.watch.at)).toBeGreaterThan(200_000);
  });

  test("a reader that goes away ends it", async () => {
    const { stateDir } = brokenState();
    expect((await watch(["--state-dir", stateDir], { end: "reader" })).code).toBe(1);
  });

  test("--quiet: only what changed; --severity-min counts as everywhere", async () => {
    const { stateDir } = brokenState();
    const { stdout } = await watch(["--state-dir", stateDir, "--quiet", "--severity-min", "error"]);
    expect(stdout).toMatch(/^\S+ \S+ {2}new {8}error /);
  });

  test("what cannot be looked at is an error at once, with --json as one document", async () => {
    const missing = path.join(path.dirname(brokenState().stateDir), "none");
    expect(await cli(["watch", "--state-dir", missing])).toMatchObject({ code: 2, stdout: "" });
    const { code, stdout } = await cli(["watch", "--state-dir", missing, "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { message: expect.stringContaining("No OpenClaw") } });
    const { stateDir } = brokenState();
    put(path.join(stateDir, "vitals.config.yaml"), "nonsense: true");
    expect((await cli(["watch", "--state-dir", stateDir])).code).toBe(2);
  });

  test("leaves no listener behind", async () => {
    expect(await watch(["--state-dir", brokenState().stateDir])).toMatchObject({ listening: 0 });
  });
});

describe("--every", () => {
  test.each([
    ["5s", 5000],
    ["24h", 86_400_000],
    ["0.5m", 30_000],
  ])("%s", (text, ms) => {
    expect(parseCommandLine(["watch", "--every", text])).toMatchObject({ everyMs: ms, everyText: text });
  });

  test.each([
    ["4s", "--every does not take 4s.", "Allowed: from 5s to 24h."],
    ["25h", "--every does not take 25h.", "Allowed: from 5s to 24h."],
    ["5", '--every does not know "5".', "Give a duration such as 30s or 2m."],
  ])("%s is refused", (text, message, remedy) => {
    expect(() => parseCommandLine(["watch", "--every", text])).toThrow(expect.objectContaining({ message, remedy }));
  });

  test("belongs to watch, which takes no other command's flags", () => {
    expect(() => parseCommandLine(["check", "--every", "5m"])).toThrow("`check` has no --every.");
    expect(() => parseCommandLine(["watch", "--watch-for", "5m"])).toThrow("`watch` has no --watch-for.");
    expect(() => parseCommandLine(["watch", "now"])).toThrow('`watch` does not take "now".');
  });
});
