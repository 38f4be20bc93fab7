/**
 * Every command on a hostile state dir, as real processes, in every format and under strange umasks: nothing outside is
 * told or changed, nothing reaches the terminal but text, nothing hangs.
 */
import { linkSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { strFromU8, unzipSync } from "fflate";
import { x } from "tinyexec";
import { describe, expect, test } from "vitest";
import { FORMATS } from "../../src/cli/options.ts";
import { onLinux } from "../engine/sandbox.ts";
import { put, tempDir } from "../facts/sandbox.ts";
import { BIN } from "../hosts/harness/vitals.ts";
import { type Era, type HostileState, hostileState, MARKER, mkfifo, sparse, VERSION } from "./hostile-state.ts";

/** A command takes some tenths of a second; on a machine with other things to do some more. */
const DEADLINE_MS = 60_000;

interface Run {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command under this umask, with colours as on a terminal. */
async function vitals(made: HostileState, era: Era, args: readonly string[], umask = "077"): Promise<Run> {
  const cwd = tempDir();
  const env = { PATH: "/usr/bin:/bin", HOME: cwd, TMPDIR: cwd, OPENCLAW_GATEWAY_PORT: "1", FORCE_COLOR: "1" };
  const none = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]));
  const flags = ["--state-dir", made.stateDir, "--host-version", VERSION[era], "--non-interactive"];
  const { stdout, stderr, exitCode } = await x(
    "sh",
    ["-c", `umask ${umask}; exec "$@"`, "sh", process.execPath, "--no-warnings", BIN, ...args, ...flags],
    { timeout: DEADLINE_MS, nodePath: false, nodeOptions: { cwd, env: { ...none, ...env } } },
  );
  return { code: exitCode, stdout, stderr };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const COLOUR = /\u001b\[\d+(?:;\d+)*m/g;

function expectHarmless({ code, stdout, stderr }: Run, at: string, coloured: boolean): void {
  expect([0, 1, 2], `${at} ends by itself: ${stderr}`).toContain(code);
  const text = stdout + stderr;
  expect(text, at).not.toContain(MARKER);
  expect(Buffer.from(text, "base64").toString("latin1"), at).not.toContain(MARKER);
  const shown = (coloured ? text.replace(COLOUR, "") : text).replaceAll("@\u200b", "@").replaceAll("\n", " ");
  expect(/[\p{Cc}\p{Cf}\u2028\u2029]/u.exec(shown), `${at}: ${shown.slice(0, 200)}`).toBeNull();
  expect(stderr, at).not.toContain("This is a defect");
}

/** One look at everything a command did. */
async function expectSafe(
  made: HostileState,
  era: Era,
  args: readonly string[],
  format: string,
  umask?: string,
): Promise<Run> {
  const at = `${args.join(" ")} --format ${format} on ${era}`;
  const run = await vitals(made, era, [...args, "--format", format], umask);
  expectHarmless(run, at, format === "human");
  if (format === "json" || format === "sarif") expect(() => JSON.parse(run.stdout), at).not.toThrow();
  made.expectOutsideUntouched(at);
  expectPrivate(made, at);
  return run;
}

/** What we made is its owner's only, and so is our folder from then on. */
function expectPrivate({ stateDir, planted }: HostileState, at: string): void {
  const vitals = path.join(stateDir, "vitals");
  for (const name of readdirSync(vitals, { recursive: true, encoding: "utf8" })) {
    const stat = lstatSync(path.join(vitals, name));
    if (planted.has(name) || name.startsWith("quarantine/")) continue;
    expect((stat.mode & 0o777).toString(8), `${at}: ${name}`).toBe(stat.isDirectory() ? "700" : "600");
  }
}

const REPORTED = ["check", "fix --dry-run --yes --force"];
const PLAIN = ["history", "policy", "list", "explain stale-lock", "preflight --to 2026.9.6", "report", "undo --yes"];

describe.skipIf(!onLinux).each<Era>(["jsonl", "sqlite"])("a hostile state of the %s era", (era) => {
  test("what only looks changes nothing at all", async () => {
    const made = await hostileState({ era });
    for (const command of REPORTED)
      for (const format of FORMATS) await expectSafe(made, era, command.split(" "), format);
    for (const command of PLAIN)
      for (const format of ["human", "json"]) await expectSafe(made, era, command.split(" "), format);
    for (const format of ["human", "json"]) await expectSafe(made, era, ["nothing"], format);
  });

  test.each(["000", "777"])("repairs, undone again, under umask %s", async (umask) => {
    const made = await hostileState({ era });
    const fixed = await expectSafe(made, era, ["fix", "--yes", "--force"], "json", umask);
    const { repairs, run } = JSON.parse(fixed.stdout);
    expect(repairs.filter(({ status }: { status: string }) => status === "repaired").length).toBeGreaterThan(5);
    const vitals = path.join(made.stateDir, "vitals");
    for (const name of ["", "quarantine", `quarantine/${run}`, "journal.jsonl"])
      expect((lstatSync(path.join(vitals, name)).mode & 0o077).toString(8), name).toBe("0");
    await expectSafe(made, era, ["history"], "human", umask);
    const undone = await expectSafe(made, era, ["undo", run, "--yes"], "json", umask);
    expect(JSON.parse(undone.stdout).undone.map(({ status }: { status: string }) => status)).toContain("restored");
    for (const format of ["human", "markdown", "sarif", "prometheus"])
      await expectSafe(made, era, ["fix", "--yes", "--force"], format, umask);
    await expectSafe(made, era, ["undo", "--yes"], "human", umask);
  });

  test("a report as a file", async () => {
    const made = await hostileState({ era });
    const dir = tempDir();
    for (const ending of ["zip", "md"]) {
      const file = path.join(dir, `report.${ending}`);
      await expectSafe(made, era, ["report", "--output", file], "json", "000");
      expect(lstatSync(file).mode & 0o777).toBe(0o600);
      const files = ending === "zip" ? unzipSync(readFileSync(file)) : { "report.md": readFileSync(file) };
      for (const [name, bytes] of Object.entries(files)) {
        expect(name).toMatch(/^[\w-]+(?:\.[a-z]+)+$/);
        expectHarmless({ code: 0, stdout: strFromU8(bytes), stderr: "" }, name, false);
      }
    }
    expect(readdirSync(dir).sort()).toEqual(["report.md", "report.zip"]);
    const link = path.join(dir, "link.md");
    symlinkSync(path.join(made.outside, "secret.txt"), link);
    await expectSafe(made, era, ["report", "--output", link], "json");
    await expectSafe(made, era, ["report", "--output", link, "--force"], "json");
  });

  test("a baseline, compared with hostile ones", async () => {
    const made = await hostileState({ era });
    const only = ["--only", "startup"];
    for (const name of ["../../x", "a\nb", "-x"])
      expect((await vitals(made, era, ["baseline", "save", ...only, "--", name])).code, name).toBe(2);
    await expectSafe(made, era, ["baseline", "compare", "none", ...only], "human");
    await expectSafe(made, era, ["baseline", "save", "before"], "json", "000");
    await expectSafe(made, era, ["baseline", "compare"], "human");
    expect(readdirSync(made.stateDir)).not.toContain("x");
  });
});

/** Something else in the place of a file or folder. */
const swaps: readonly (readonly [string, Era, NonNullable<Parameters<typeof hostileState>[0]>["then"]])[] = [
  [
    "the config is a link",
    "jsonl",
    swap("openclaw.json", (at, outside) => symlinkSync(path.join(outside, "secret.json"), at)),
  ],
  ["the config is a FIFO", "jsonl", swap("openclaw.json", (at) => mkfifo([at]))],
  ["the config is a device", "jsonl", swap("openclaw.json", (at) => symlinkSync("/dev/zero", at))],
  ["the config is huge", "jsonl", swap("openclaw.json", sparse)],
  ["the config is a loop", "jsonl", swap("openclaw.json", (at) => symlinkSync(at, at))],
  [
    "includes from outside, of FIFOs and devices",
    "jsonl",
    swap("openclaw.json", (at) => {
      put(at, '{ "$include": ["./a.json", "../outside/secret.json"] }');
      symlinkSync("../outside/secret.json", path.join(path.dirname(at), "a.json"));
    }),
  ],
  [
    "a FIFO is included",
    "jsonl",
    swap("openclaw.json", (at) => {
      put(at, '{ "$include": "./pipe.json" }');
      mkfifo([path.join(path.dirname(at), "pipe.json")]);
    }),
  ],
  ["the policy is a FIFO", "jsonl", swap("vitals.config.json", (at) => mkfifo([at]))],
  ["the policy is a device", "jsonl", swap("vitals.config.yaml", (at) => symlinkSync("/dev/zero", at))],
  [
    "the policy is a link",
    "jsonl",
    swap("vitals.config.json", (at, outside) => symlinkSync(path.join(outside, "policy.json"), at)),
  ],
  ["our folder is a link", "jsonl", swap("vitals", (at, outside) => symlinkSync(path.join(outside, "agent"), at))],
  [
    "the quarantine is a link",
    "jsonl",
    swap("vitals/quarantine", (at, outside) => symlinkSync(path.join(outside, "agent"), at)),
  ],
  [
    "the journal is a hard link",
    "jsonl",
    ({ stateDir, outside }) => {
      const journal = path.join(stateDir, "vitals", "journal.jsonl");
      rmSync(journal);
      linkSync(path.join(outside, "secret.txt"), journal);
    },
  ],
  ["the journal is a FIFO", "jsonl", swap("vitals/journal.jsonl", (at) => mkfifo([at]))],
  ["the journal is huge", "jsonl", swap("vitals/journal.jsonl", sparse)],
  ["all agents are elsewhere", "jsonl", swap("agents", (at, outside) => symlinkSync(outside, at))],
  [
    "the database is a link",
    "sqlite",
    swap("state/openclaw.sqlite", (at, outside) => symlinkSync(path.join(outside, "outside.sqlite"), at)),
  ],
  ["the database is a FIFO", "sqlite", swap("state/openclaw.sqlite", (at) => mkfifo([at]))],
  ["the database is huge", "sqlite", swap("state/openclaw.sqlite", sparse)],
  ["the databases are elsewhere", "sqlite", swap("state", (at, outside) => symlinkSync(outside, at))],
];

function swap(name: string, make: (at: string, outside: string) => void): (typeof swaps)[number][2] {
  return ({ stateDir, outside }) => {
    const at = path.join(stateDir, name);
    if (lstatSync(at, { throwIfNoEntry: false }) !== undefined) renameSync(at, `${at}.aside`);
    make(at, outside);
  };
}

describe.skipIf(!onLinux)("something else in its place", () => {
  test.each(swaps)("%s", async (_name, era, then) => {
    const made = await hostileState({ era, ...(then === undefined ? {} : { then }) });
    for (const command of ["check", "fix --yes --force", "history", "policy", "undo --yes"])
      await expectSafe(made, era, command.split(" "), command === "check" ? "human" : "json");
  });
});
