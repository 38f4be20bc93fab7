/** Long because each variable and place by which a host is found is a case, and their order matters. */
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { UserError } from "../../src/engine/errors.ts";
import type { ConfigFacts } from "../../src/facts/config.ts";
import { gatherFacts } from "../../src/facts/facts.ts";
import { findEra, findHostCommand, findHostPackage, findHostVersion, locate } from "../../src/facts/installation.ts";
import { hasPermissions, moduleUrl, put, runUnprivileged, tempDir } from "./sandbox.ts";

const posix = test.skipIf(process.platform === "win32");

function fails(run: () => unknown): { message: string; remedy: string } {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    const { message, remedy } = error as UserError;
    expect(remedy).not.toBe("");
    return { message, remedy };
  }
  throw new Error("nothing was thrown");
}

describe("the state dir", () => {
  /** A home with the folders named. */
  function home(...folders: string[]): string {
    const dir = tempDir();
    for (const folder of folders) mkdirSync(path.join(dir, folder), { recursive: true });
    return dir;
  }

  test("~/.openclaw by HOME, by USERPROFILE, by OPENCLAW_HOME over both", () => {
    const [a, b] = [home(".openclaw"), home(".openclaw")];
    expect(locate({ env: { HOME: a } }).stateDir).toBe(path.join(a, ".openclaw"));
    expect(locate({ env: { USERPROFILE: a } }).stateDir).toBe(path.join(a, ".openclaw"));
    expect(locate({ env: { HOME: b, USERPROFILE: a } }).stateDir).toBe(path.join(b, ".openclaw"));
    expect(locate({ env: { HOME: b, OPENCLAW_HOME: a } }).stateDir).toBe(path.join(a, ".openclaw"));
    expect(locate({ env: { HOME: b, OPENCLAW_HOME: "  " } }).stateDir).toBe(path.join(b, ".openclaw"));
  });

  test("~ in OPENCLAW_HOME is HOME, ~ in OPENCLAW_STATE_DIR is the home of OpenClaw", () => {
    const dir = home("oc/.openclaw", "oc/state");
    expect(locate({ env: { HOME: dir, OPENCLAW_HOME: "~/oc" } }).stateDir).toBe(path.join(dir, "oc/.openclaw"));
    expect(locate({ env: { HOME: dir, OPENCLAW_HOME: "~/oc", OPENCLAW_STATE_DIR: "~/state" } }).stateDir).toBe(
      path.join(dir, "oc/state"),
    );
    expect(locate({ env: { HOME: path.join(dir, "oc"), OPENCLAW_STATE_DIR: "~" } }).stateDir).toBe(
      path.join(dir, "oc"),
    );
  });

  test("a ~ the shell did not expand is expanded in --state-dir and --config too", () => {
    const dir = home("mine");
    const config = put(path.join(dir, "c.json"), "{}");
    expect(locate({ stateDir: "~/mine", configPath: "~/c.json", env: { HOME: dir } })).toEqual({
      stateDir: path.join(dir, "mine"),
      configPath: config,
    });
  });

  test("OPENCLAW_STATE_DIR over the home, --state-dir over that", () => {
    const dir = home("a", "b", ".openclaw");
    const env = { HOME: dir, OPENCLAW_STATE_DIR: path.join(dir, "a") };
    expect(locate({ env }).stateDir).toBe(path.join(dir, "a"));
    expect(locate({ stateDir: path.join(dir, "b"), env }).stateDir).toBe(path.join(dir, "b"));
  });

  test("~/.clawdbot only while there is no ~/.openclaw", () => {
    const dir = home(".clawdbot");
    put(path.join(dir, ".clawdbot/clawdbot.json"), "{}");
    expect(locate({ env: { HOME: dir } })).toEqual({
      stateDir: path.join(dir, ".clawdbot"),
      configPath: path.join(dir, ".clawdbot/clawdbot.json"),
    });
    mkdirSync(path.join(dir, ".openclaw"));
    expect(locate({ env: { HOME: dir } }).stateDir).toBe(path.join(dir, ".openclaw"));
  });

  test("OPENCLAW_PROFILE alone moves nothing", () => {
    const dir = home(".openclaw", ".openclaw-work");
    expect(locate({ env: { HOME: dir, OPENCLAW_PROFILE: "work" } }).stateDir).toBe(path.join(dir, ".openclaw"));
  });

  test("a missing one names the place and the way out", () => {
    const dir = home();
    expect(fails(() => locate({ env: { HOME: dir } }))).toEqual({
      message: `No OpenClaw state at ${path.join(dir, ".openclaw")}.`,
      remedy: expect.stringContaining("--state-dir"),
    });
    expect(fails(() => locate({ stateDir: path.join(dir, "x"), env: {} })).message).toContain(path.join(dir, "x"));
  });

  test("a file in its place, or above it", () => {
    const file = put(path.join(tempDir(), "file"));
    expect(fails(() => locate({ stateDir: file, env: {} })).message).toBe(`OpenClaw state ${file} is not a directory.`);
    expect(fails(() => locate({ stateDir: path.join(file, "x"), env: {} })).message).toMatch(/^No OpenClaw state at/);
  });

  posix("a loop of links", () => {
    const dir = tempDir();
    symlinkSync("loop", path.join(dir, "loop"));
    expect(fails(() => locate({ stateDir: path.join(dir, "loop"), env: {} })).message).toMatch(/\(ELOOP\)/);
  });

  test.skipIf(!hasPermissions)("one that is closed to us is an error, not an empty install", async () => {
    const dir = home("closed");
    chmodSync(dir, 0o755);
    chmodSync(path.join(dir, "closed"), 0);
    const { stdout } = await runUnprivileged(
      `import { locate } from ${JSON.stringify(moduleUrl("src/facts/installation.ts"))};
       try { console.log(JSON.stringify(locate({ stateDir: process.argv[1], env: {} }))); }
       catch (error) { console.log(JSON.stringify({ name: error.name, message: error.message, remedy: error.remedy })); }`,
      [path.join(dir, "closed")],
    );
    chmodSync(path.join(dir, "closed"), 0o755);
    expect(JSON.parse(stdout)).toEqual({
      name: "UserError",
      message: `OpenClaw state ${path.join(dir, "closed")} cannot be read (EACCES).`,
      remedy: "Run as the user that runs OpenClaw.",
    });
  });
});

describe("the config", () => {
  test("--config, else OPENCLAW_CONFIG_PATH, else in the state dir", () => {
    const dir = tempDir();
    const [given, own] = [put(path.join(dir, "given.json")), path.join(dir, "openclaw.json")];
    const env = { OPENCLAW_STATE_DIR: dir, OPENCLAW_CONFIG_PATH: path.join(dir, "by-env.json") };
    expect(locate({ configPath: given, env }).configPath).toBe(given);
    expect(locate({ env }).configPath).toBe(path.join(dir, "by-env.json"));
    expect(locate({ env: { OPENCLAW_STATE_DIR: dir } }).configPath).toBe(own);
  });

  test("--state-dir brings its own config: OPENCLAW_CONFIG_PATH belongs to another", () => {
    const dir = tempDir();
    const env = { OPENCLAW_CONFIG_PATH: put(path.join(tempDir(), "other.json")) };
    expect(locate({ stateDir: dir, env }).configPath).toBe(path.join(dir, "openclaw.json"));
  });

  test("a --config that is not there is an error; one a host names is not", () => {
    const dir = tempDir();
    const configPath = path.join(dir, "none.json");
    expect(fails(() => locate({ stateDir: dir, configPath, env: {} })).remedy).toBe("Check --config.");
    expect(gatherFacts({ stateDir: dir, configPath, config: { a: 1 }, env: {} })).toMatchObject({
      configPath,
      config: { value: { a: 1 }, problem: null },
    });
  });
});

describe("the version of the host", () => {
  const config = (value: Record<string, unknown> = {}): ConfigFacts => ({
    path: "",
    exists: true,
    value,
    problem: null,
  });
  const touched = config({ meta: { lastTouchedVersion: "2026.4.15" } });

  /** A global install as npm makes it: bin/openclaw is a link into lib/node_modules/openclaw. */
  function install(version: string, name = "openclaw"): { bin: string; program: string } {
    const dir = tempDir();
    const root = path.join(dir, "lib/node_modules", name);
    const program = put(path.join(root, "openclaw.mjs"));
    put(path.join(root, "package.json"), JSON.stringify({ name, version }));
    mkdirSync(path.join(dir, "bin"));
    symlinkSync(program, path.join(dir, "bin/openclaw"));
    return { bin: path.join(dir, "bin"), program };
  }

  test("the one given, before all", () => {
    expect(findHostVersion("2026.9.6", touched, {})).toEqual({ version: "2026.9.6", source: "--host-version" });
  });

  posix("the host we run in, then the PATH in its order, then the config's last writer", () => {
    const [first, second, other] = [install("2026.5.22"), install("2026.9.6"), install("1.0.0", "openclaw-other")];
    const PATH = [other.bin, "", "/nowhere", second.bin, first.bin].join(path.delimiter);
    expect(findHostVersion(undefined, touched, { PATH })).toEqual({
      version: "2026.9.6",
      source: "openclaw on the PATH",
    });
    const argv1 = process.argv[1] as string;
    process.argv[1] = first.program;
    onTestFinished(() => {
      process.argv[1] = argv1;
    });
    expect(findHostVersion(undefined, touched, { PATH })).toEqual({ version: "2026.5.22", source: "running host" });
    process.argv[1] = argv1;
    expect(findHostVersion(undefined, touched, { PATH: other.bin })).toEqual({
      version: "2026.4.15",
      source: "last writer of the config",
    });
  });

  test.each([undefined, null, 7, "", "latest", { a: 1 }])(
    "lastTouchedVersion %j says nothing",
    (lastTouchedVersion) => {
      expect(findHostVersion(undefined, config({ meta: { lastTouchedVersion } }), {})).toEqual({
        version: null,
        source: "not found",
      });
    },
  );

  posix("a program's package: four folders up, stops at another package, survives rubbish", () => {
    const { bin } = install("2026.5.22");
    expect(findHostPackage(path.join(bin, "openclaw"))?.version).toBe("2026.5.22");
    const dir = tempDir();
    put(path.join(dir, "package.json"), '{ "name": "openclaw", "version": "1.2.3" }');
    expect(findHostPackage(put(path.join(dir, "dist/src/cli/bin.js")))?.root).toBe(dir);
    expect(findHostPackage(put(path.join(dir, "dist/src/cli/deep/bin.js")))).toBeNull();
    put(path.join(dir, "dist/package.json"), '{ "name": "openclaw-vitals", "version": "1.2.3" }');
    expect(findHostPackage(path.join(dir, "dist/src/cli/bin.js"))).toBeNull();
    put(path.join(dir, "dist/package.json"), "{ broken");
    expect(findHostPackage(path.join(dir, "dist/src/cli/bin.js"))?.version).toBe("1.2.3");
    expect(findHostPackage(path.join(dir, "none"))).toBeNull();
    expect(findHostPackage(undefined)).toBeNull();
  });
});

describe("the era", () => {
  test.each([
    ["2026.4.15", "jsonl"],
    ["2026.5.22", "jsonl"],
    ["2026.7.1-2", "jsonl"],
    ["2026.7.2-beta.7", "jsonl"],
    ["2026.7.35", "jsonl"],
    ["2026.8.1-beta.1", "sqlite"],
    ["2026.8.1", "sqlite"],
    ["2026.9.6", "sqlite"],
    ["2026.10.1-3", "sqlite"],
    ["2027.1.1", "sqlite"],
  ])("%s is %s", (version, era) => {
    expect(findEra("/nowhere", version, [])).toBe(era);
  });

  test("the version decides even where a database lies", () => {
    const dir = tempDir();
    put(path.join(dir, "agents/a/agent/openclaw-agent.sqlite"));
    expect(findEra(dir, "2026.5.22", ["a"])).toBe("jsonl");
  });

  test("of an unknown version: by any agent's database", () => {
    const dir = tempDir();
    expect(findEra(dir, null, ["a", "b"])).toBe("jsonl");
    put(path.join(dir, "agents/b/agent/openclaw-agent.sqlite"));
    expect(findEra(dir, null, ["a", "b"])).toBe("sqlite");
    expect(findEra(dir, null, ["a"])).toBe("jsonl");
  });
});

describe("findHostCommand", () => {
  /** A home with a state dir, and a folder with the command in it. */
  function installed() {
    const home = tempDir();
    const stateDir = path.join(home, ".openclaw");
    const bin = path.join(home, "bin");
    for (const dir of [stateDir, bin, path.join(home, "other")]) mkdirSync(dir);
    const program = put(path.join(bin, process.platform === "win32" ? "openclaw.cmd" : "openclaw"), "");
    const env = { HOME: home, PATH: [path.join(home, "empty"), bin].join(path.delimiter) };
    return { home, program, env, place: { stateDir, configPath: path.join(stateDir, "openclaw.json") } };
  }

  test("is the first one on the PATH; the environment of the host's own state dir stays as it is", () => {
    const { program, env, place } = installed();
    expect(findHostCommand(place, env)).toEqual({ command: program, args: [], env, own: true });
  });

  test("is told of a state dir the host would not find by itself", () => {
    const { home, env } = installed();
    const place = { stateDir: path.join(home, "other"), configPath: path.join(home, "other/openclaw.json") };
    const told = { OPENCLAW_STATE_DIR: place.stateDir, OPENCLAW_CONFIG_PATH: place.configPath };
    expect(findHostCommand(place, env)).toMatchObject({ own: false, env: told });
  });

  test("the service goes by the profile: a state dir that is merely set has none, one of the profile has", () => {
    const { home, env } = installed();
    const own = (stateDir: string, more: NodeJS.ProcessEnv) =>
      findHostCommand({ stateDir, configPath: "c" }, { ...env, OPENCLAW_STATE_DIR: stateDir, ...more })?.own;
    expect(own(path.join(home, "other"), {})).toBe(false);
    expect(own(path.join(home, ".openclaw"), {})).toBe(true);
    expect(own(path.join(home, ".openclaw"), { OPENCLAW_PROFILE: "default" })).toBe(true);
    expect(own(path.join(home, ".openclaw"), { OPENCLAW_PROFILE: "work" })).toBe(false);
    expect(own(path.join(home, ".openclaw-work"), { OPENCLAW_PROFILE: "work" })).toBe(true);
  });

  test("is none when the PATH has none", () => {
    const { env, place } = installed();
    expect(findHostCommand(place, { ...env, PATH: "" })).toBeNull();
    expect(findHostCommand(place, { HOME: env.HOME })).toBeNull();
  });
});
