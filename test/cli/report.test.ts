import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { unzipSync } from "fflate";
import { x } from "tinyexec";
import { describe, expect, test } from "vitest";
import { createRedactor } from "../../src/report/redact.ts";
import type { Vitals } from "../../src/report/vitals.ts";
import { renderVitals, shareVitals } from "../../src/report/vitals-text.ts";
import { brokenState, moduleUrl, put, tempDir } from "../facts/sandbox.ts";
import { cli, cliJson } from "./terminal.ts";

const HOST = ["--host-version", "2026.5.22"];

/** Headings of the host's form for bug reports that it insists on. */
const REQUIRED = [
  "Bug type",
  "Summary",
  "Steps to reproduce",
  "Expected behavior",
  "Actual behavior",
  "OpenClaw version",
  "Operating system",
  "Model",
  "Provider / routing chain",
];

function place(name: string) {
  const { stateDir } = brokenState();
  return {
    args: ["report", "--state-dir", stateDir, "--only", "stale-lock", ...HOST],
    file: path.join(tempDir(), name),
    stateDir,
  };
}

describe("report", () => {
  test("is Markdown under the form's headings, and exit code 0 whatever was found", async () => {
    const { args } = place("x");
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const headings = [...stdout.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(expect.arrayContaining(REQUIRED));
    expect(stdout).toMatch(/### OpenClaw version\n\n2026\.5\.22 /);
    expect(stdout).toMatch(/#### error: stale-lock `[0-9a-f]{12}`/);
    expect(stdout).toMatch(
      /#### What could not be measured\n\n- Answers of the gateway: no gateway runs for this state dir\./,
    );
  });

  test("goes on without a journal that cannot be read", async () => {
    const { args, stateDir } = place("x");
    symlinkSync("vitals", path.join(stateDir, "vitals"));
    const { code, stdout } = await cli(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/stale-lock[\s\S]*The journal cannot be read\./);
  });

  test("its document is one line of JSON", async () => {
    const { args } = place("x");
    const { code, document } = await cliJson(args);
    expect(code).toBe(0);
    expect(document).toMatchObject({
      ok: true,
      written: [],
      report: { diagnosis: { findings: [{}] }, journal: [] },
    });
    expect(document.report.diagnosis).not.toHaveProperty("stateDir");
  });

  test.each(["report.zip", "report.md"])("%s is for its owner only, and not replaced unless told so", async (name) => {
    const { args, file } = place(name);
    expect(await cli([...args, "--output", file])).toMatchObject({ code: 0, stdout: `Wrote ${file}\n`, stderr: "" });
    if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
    const first = readFileSync(file);
    writeFileSync(file, "mine");
    const again = await cli([...args, "--output", file]);
    expect(again).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(/there already.*--force/) });
    expect(readFileSync(file, "utf8")).toBe("mine");
    const beside = `${file}.${process.pid}.tmp`;
    writeFileSync(beside, "mine too");
    expect(await cli([...args, "--output", file, "--force"])).toMatchObject({ code: 0 });
    expect(readFileSync(file).subarray(0, 4)).toEqual(first.subarray(0, 4));
    expect(readFileSync(beside, "utf8"), "a file that only looks like a draft").toBe("mine too");
    if (name.endsWith(".zip")) expect(Object.keys(unzipSync(readFileSync(file)))).toContain("report.md");
  });

  test.each([
    [["--output", "report.txt"], /ending of "report\.txt".*\.zip or \.md/],
    [["--output", path.join("no", "such", "folder", "r.zip")], /cannot be written \(ENOENT\)/],
    [["--with-diagnostics"], /needs a file.*--output/],
    [["--output", ""], /--output is empty/],
    [["--format", "sarif"], /no format "sarif"/],
  ])("%j is refused", async (flags, why) => {
    const { args } = place("x");
    const { code, stdout, stderr } = await cli([...args, ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(why);
  });

  test("says why the host's own export is missing, and goes on", async () => {
    const { args, file } = place("r.zip");
    const { code, stderr } = await cli([...args, "--output", file, "--with-diagnostics"]);
    expect(code).toBe(0);
    expect(stderr).toBe("OpenClaw's own diagnostics export is missing: no `openclaw` command was found on the PATH.\n");
    const files = unzipSync(readFileSync(file));
    expect(Buffer.from(files["report.md"] ?? []).toString()).toContain("export is missing: no `openclaw` command");
  });

  // The command that stands in for the host's is a shell script.
  test.skipIf(process.platform === "win32").each([
    ["zip", 'printf "PK export" > "$6"', 0],
    ["zip", 'echo "secret-of-the-host"; exit 3', 3],
    ["md", 'printf "PK export" > "$6"', 0],
  ])("the host's own export goes with a %s: %s", async (ending, script, exit) => {
    const { args, file } = place(`r.${ending}`);
    const bin = tempDir();
    chmodSync(put(path.join(bin, "openclaw"), `#!/bin/sh\n${script}\n`), 0o755);
    const { code, stderr, stdout } = await cli([...args, "--output", file, "--with-diagnostics"], {
      PATH: `${bin}:/usr/bin:/bin`,
    });
    expect(code).toBe(0);
    const beside = file.replace(".md", ".openclaw-own-diagnostics.zip");
    if (exit > 0) {
      expect(stderr).toMatch(/wrote no zip \(exit code 3\)/);
      expect(readFileSync(file).toString("latin1") + stderr + stdout).not.toContain("secret-of-the-host");
    } else if (ending === "md") {
      expect(stdout).toBe(`Wrote ${file}\nWrote ${beside}\n`);
      expect(readFileSync(beside, "utf8")).toBe("PK export");
      expect(readFileSync(file, "utf8")).toContain("redacted by OpenClaw's rules only");
    } else {
      const files = unzipSync(readFileSync(file));
      expect(Object.keys(files)).toContain("openclaw-own-diagnostics/README.txt");
      expect(Buffer.from(files["openclaw-own-diagnostics/openclaw-diagnostics.zip"] ?? []).toString()).toBe(
        "PK export",
      );
      expect(existsSync(beside)).toBe(true);
    }
  });
});

test("vital signs are told in numbers and plotted, without a name of a lane or a run", () => {
  const sample = (n: number) => ({
    atMs: n * 10_000,
    spanMs: 10_000,
    rssBytes: 3e8 + n * 1e6,
    maxDelayMs: n === 30 ? 137_036 : 20,
    p99DelayMs: 20,
    utilization: 0.1,
    heapBytes: 1,
    externalBytes: 1,
    note: "qxjzqxjz",
  });
  const vitals: Vitals = {
    gateway: { pid: 1, startTicks: 1, createdAtMs: 1, lockPath: "/qxjzqxjz", port: 1, ownsPort: true },
    probe: {
      gateway: { pid: 1, startTicks: 1, createdAtMs: 1, lockPath: "/qxjzqxjz", port: 1, ownsPort: true },
      atMs: 1,
      rssBytes: 3e8,
      health: { kind: "silent", ms: 3000.4, status: null },
      ready: { kind: "silent", ms: 3000, status: null, figures: null },
      silent: { state: "R", cpuMs: 990.2, starvedMs: 3, overMs: 1000 },
    },
    limits: {
      group: { bytes: 1_073_741_824, source: "/qxjzqxjz" },
      host: { totalBytes: 2e9, availableBytes: 1e9 },
      heapBytes: null,
    },
    log: {
      files: ["/qxjzqxjz"],
      fromMs: 0,
      shared: false,
      events: [
        { kind: "lane-wait", atMs: 1, lane: "qxjzqxjz", waitedMs: 5000, queued: 2 },
        { kind: "lane-wait", atMs: 2, lane: "qxjzqxjz", waitedMs: 7000, queued: 2 },
        {
          kind: "memory-pressure",
          atMs: 3,
          level: "qxjzqxjz",
          reason: "qxjzqxjz",
          rssBytes: 1,
          growthBytes: 1,
          windowMs: 1,
        },
      ],
    },
    stability: null,
    life: {
      pid: 1,
      startTicks: 1,
      startedAtMs: 0,
      hostVersion: "qxjzqxjz",
      samples: Array.from({ length: 60 }, (_, n) => sample(n)),
    },
    rssBytes: 3e8,
    slope: { estimate: 100_000, lower: 50_000, upper: 150_000 },
    maxDelayMs: { readyz: null, sampler: 137_036 },
    missing: [],
  };
  const shared = shareVitals(vitals, ["/home/qxjzqxjz cannot be read (EACCES)"], createRedactor("/s"), 120_000);
  expect(JSON.stringify(shared)).not.toContain("qxjzqxjz");
  const text = renderVitals(shared);
  expect(text).toContain("- /healthz: silent after 3000 ms\n- process: state R, 990 ms of processor time in 1000 ms");
  expect(text).toContain("- growth: 5.7 MiB a minute (99 % between 2.9 MiB and 8.6 MiB)");
  expect(text).toContain("  - lane-wait: 2, largest 7000 ms\n  - memory-pressure: 1\n");
  expect(text).toMatch(/^```text\nResident memory, MiB\n/m);
  expect(text).toMatch(/^137036 \| +█$/m);
  expect(shared.missing).toEqual(["[path outside of the state dir] cannot be read (EACCES)."]);
});

test("`check --json` loads nothing of the reports", async () => {
  const { stateDir } = brokenState();
  const code = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { runCli } = await import(${JSON.stringify(moduleUrl("src/cli/main.ts"))});
    await runCli(["check", "--json", "--state-dir", ${JSON.stringify(stateDir)}], process);
    process.stderr.write(JSON.stringify(loaded.filter((url) => /src\\/(engine\\/diagnose|report)|fflate/.test(url))));`;
  const { stderr } = await x(process.execPath, ["--no-warnings", "--input-type=module", "-e", code]);
  expect(JSON.parse(stderr)).toEqual([moduleUrl("src/engine/diagnose.ts")]);
});
