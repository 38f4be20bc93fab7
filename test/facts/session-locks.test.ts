/** Long because each place and form of a lock is its own case, and none may be missing from the list. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { gatherFacts } from "../../src/facts/facts.ts";
import { agentsOnDisk, readSessionLocks, type SessionStores } from "../../src/facts/session-locks.ts";
import { hasPermissions, moduleUrl, payload, put, runUnprivileged, tempDir } from "./sandbox.ts";

const posix = test.skipIf(process.platform === "win32");

function state(more: Partial<SessionStores> = {}): SessionStores {
  return { stateDir: tempDir(), store: null, agents: [], confined: false, ...more };
}

function plant(folder: string, session: string, content = payload(4242)): string {
  return put(path.join(folder, `${session}.jsonl.lock`), content);
}

const sessions = ({ stateDir }: SessionStores, agent: string): string =>
  path.join(stateDir, "agents", agent, "sessions");
const read = async (stores: SessionStores) => {
  const { locks, problems } = await readSessionLocks(stores);
  return { found: locks.map(({ agent, session }) => `${agent}/${session}`), locks, problems };
};

describe("where locks are looked for", () => {
  test("every agent's folder, in the config or not", async () => {
    const stores = state({ agents: ["main"] });
    for (const agent of ["main", "forgotten", "my agent"]) plant(sessions(stores, agent), "s");
    expect(await read(stores)).toMatchObject({ found: ["forgotten/s", "main/s", "my agent/s"], problems: [] });
  });

  test("nothing at all is no problem", async () => {
    const stores = state();
    expect(await read(stores)).toMatchObject({ found: [], problems: [] });
    put(path.join(stores.stateDir, "agents", "file.txt"));
    mkdirSync(path.join(stores.stateDir, "agents", "empty"));
    put(path.join(stores.stateDir, "agents", "odd", "sessions"), "a file where the folder should be");
    expect(await read(stores)).toMatchObject({ found: [], problems: [] });
  });

  test("only files named like a lock; topics keep their name; the transcript is looked for", async () => {
    const stores = state();
    const folder = sessions(stores, "a");
    for (const name of ["x.jsonl", "x.jsonl.lock.reclaim", "sessions.json.lock", "y.jsonl-wal"])
      put(path.join(folder, name));
    plant(folder, "sid-topic-7");
    put(path.join(folder, "sid-topic-7.jsonl"));
    plant(folder, "sid");
    expect((await read(stores)).locks.map(({ session, hasTranscript }) => ({ session, hasTranscript }))).toEqual([
      { session: "sid-topic-7", hasTranscript: true },
      { session: "sid", hasTranscript: false },
    ]);
  });

  posix("a linked agent is followed, the same folder counted once", async () => {
    const stores = state();
    const elsewhere = tempDir();
    plant(path.join(elsewhere, "sessions"), "far");
    mkdirSync(path.join(stores.stateDir, "agents"));
    symlinkSync(elsewhere, path.join(stores.stateDir, "agents", "linked"));
    symlinkSync(elsewhere, path.join(stores.stateDir, "agents", "twin"));
    mkdirSync(path.join(stores.stateDir, "agents", "third"));
    symlinkSync(path.join(elsewhere, "sessions"), sessions(stores, "third"));
    const { found, locks, problems } = await read(stores);
    expect({ found, problems }).toEqual({ found: ["linked/far"], problems: [] });
    expect(locks[0]?.path).toBe(path.join(elsewhere, "sessions", "far.jsonl.lock"));
  });

  posix("a loop of links ends, is said, and hides nothing else", async () => {
    const stores = state();
    plant(sessions(stores, "good"), "s");
    const agents = path.join(stores.stateDir, "agents");
    symlinkSync("round", path.join(agents, "about"));
    symlinkSync("about", path.join(agents, "round"));
    symlinkSync(agents, path.join(agents, "up")); // agents/up/up/up/… is the same folder again
    mkdirSync(path.join(agents, "self"));
    symlinkSync("sessions", sessions(stores, "self"));
    symlinkSync(path.join(agents, "nowhere"), path.join(agents, "dangling"));
    const { found, problems } = await read(stores);
    expect(found).toEqual(["good/s"]);
    expect(problems).toEqual(
      ["about", "round", "self"].map(
        (agent) => `${sessions(stores, agent)} cannot be read (ELOOP), its locks were not looked at`,
      ),
    );
  });

  posix("things that are no file are reported as what they are", async () => {
    const stores = state();
    mkdirSync(path.join(sessions(stores, "a"), "dir.jsonl.lock"), { recursive: true });
    symlinkSync("nowhere", path.join(sessions(stores, "a"), "link.jsonl.lock"));
    expect((await read(stores)).locks.map((lock) => lock.look.kind)).toEqual(["directory", "link"]);
  });

  posix("names with line breaks, escapes and quotes stay whole", async () => {
    const stores = state();
    const names = ["a\nb", "\u001b[31mred", 'it\'s "so" `$(id)`', "ünï", "$&", "-rf"];
    for (const name of names) plant(sessions(stores, "a"), name);
    plant(sessions(stores, "new\nline"), "s");
    const { locks } = await read(stores);
    expect(locks.map(({ session }) => session).sort()).toEqual([...names, "s"].sort());
    expect(locks.every(({ look }) => look.kind === "file")).toBe(true);
  });
});

describe("a custom session.store", () => {
  test("without {agentId} it is one more folder", async () => {
    const dir = tempDir();
    const stores = state({ store: path.join(dir, "all", "sessions.json") });
    plant(path.join(dir, "all"), "shared");
    plant(sessions(stores, "old"), "before");
    expect((await read(stores)).found).toEqual(["old/before", "main/shared"]);
  });

  test("with {agentId}: named agents, those on disk, main, and whoever has a folder there", async () => {
    const dir = tempDir();
    const stores = state({ store: path.join(dir, "{agentId}", "s", "sessions.json"), agents: ["named"] });
    mkdirSync(path.join(stores.stateDir, "agents", "ondisk"), { recursive: true });
    for (const agent of ["named", "ondisk", "main", "forgotten", "$&"]) plant(path.join(dir, agent, "s"), "x");
    expect((await read(stores)).found.sort()).toEqual(["$&/x", "forgotten/x", "main/x", "named/x", "ondisk/x"]);
  });

  test("with {agentId} within a name only known agents are tried", async () => {
    const dir = tempDir();
    const stores = state({ store: path.join(dir, "agent-{agentId}", "sessions.json"), agents: ["coder"] });
    plant(path.join(dir, "agent-coder"), "x");
    plant(path.join(dir, "agent-unknown"), "y");
    expect((await read(stores)).found).toEqual(["coder/x"]);
  });

  test("the same as the default is counted once", async () => {
    const stores = state();
    plant(sessions(stores, "a"), "x");
    const store = path.join(stores.stateDir, "agents", "{agentId}", "sessions", "sessions.json");
    expect((await read({ ...stores, store })).found).toEqual(["a/x"]);
  });

  test("through the config: ~, variables, agents.list", async () => {
    const home = tempDir();
    const stateDir = path.join(home, ".openclaw");
    put(
      path.join(stateDir, "openclaw.json"),
      JSON.stringify({
        session: { store: `~/\${STORE}/{agentId}/sessions.json` },
        agents: { list: [{ id: "coder" }, null, "odd", { id: "a/b" }] },
      }),
    );
    plant(path.join(home, "kept", "coder"), "x");
    const facts = gatherFacts({ env: { HOME: home, STORE: "kept", PATH: "" } });
    const { locks, problems } = await facts.sessionLocks(30);
    expect(locks.map(({ agent, session }) => `${agent}/${session}`)).toEqual(["coder/x"]);
    expect(problems).toEqual([]);
  });

  posix("in an update only what lies inside the given state dir is read", async () => {
    const outside = tempDir();
    const stores = state({ confined: true, store: path.join(outside, "store", "sessions.json") });
    plant(path.join(outside, "store"), "far");
    plant(path.join(outside, "agent", "sessions"), "linked");
    plant(sessions(stores, "a"), "near");
    plant(sessions(stores, "..b"), "dotted");
    symlinkSync(path.join(outside, "agent"), path.join(stores.stateDir, "agents", "gone"));
    expect((await read(stores)).found).toEqual(["..b/dotted", "a/near"]);
    expect((await read({ ...stores, confined: false })).found).toEqual([
      "..b/dotted",
      "a/near",
      "gone/linked",
      "main/far",
    ]);
  });

  test("OPENCLAW_UPDATE_IN_PROGRESS confines", async () => {
    const outside = tempDir();
    const stateDir = tempDir();
    plant(outside, "far");
    put(
      path.join(stateDir, "openclaw.json"),
      JSON.stringify({ session: { store: path.join(outside, "sessions.json") } }),
    );
    const env = { OPENCLAW_STATE_DIR: stateDir, PATH: "" };
    expect((await gatherFacts({ env }).sessionLocks(30)).locks).toHaveLength(1);
    const updating = gatherFacts({ env: { ...env, OPENCLAW_UPDATE_IN_PROGRESS: "1" } });
    expect(updating.updating).toBe(true);
    expect((await updating.sessionLocks(30)).locks).toEqual([]);
  });
});

describe("two looks at a lock that names no owner", () => {
  // The first look is over when the call returns its promise: what is written now falls between the two.
  test("unchanged", async () => {
    const stores = state();
    plant(sessions(stores, "a"), "x", "");
    expect((await read(stores)).locks).toMatchObject([{ unchanged: true }]);
  });

  test("written meanwhile: changed, and what it says now counts", async () => {
    const stores = state();
    const lock = plant(sessions(stores, "a"), "x", "");
    const pending = readSessionLocks(stores);
    writeFileSync(lock, payload(4242));
    expect((await pending).locks).toMatchObject([
      { unchanged: false, look: { snapshot: { payload: { status: "ok", pid: 4242 } } } },
    ]);
  });

  test("the same bytes written again are a change too", async () => {
    const stores = state();
    const lock = plant(sessions(stores, "a"), "x", "{");
    const pending = readSessionLocks(stores);
    writeFileSync(lock, "{");
    expect((await pending).locks).toMatchObject([{ unchanged: false }]);
  });

  test("released meanwhile: dropped; the others stay", async () => {
    const stores = state();
    const lock = plant(sessions(stores, "a"), "x", "");
    plant(sessions(stores, "a"), "y");
    const pending = readSessionLocks(stores);
    rmSync(lock);
    expect((await pending).locks.map(({ session }) => session)).toEqual(["y"]);
  });

  test("a lock with an owner is looked at once", async () => {
    const stores = state();
    const lock = plant(sessions(stores, "a"), "x");
    const pending = readSessionLocks(stores);
    rmSync(lock);
    expect((await pending).locks).toHaveLength(1);
  });
});

describe.skipIf(!hasPermissions)("closed folders", () => {
  async function readAsNobody(stateDir: string): Promise<{ problems: string[]; locks: unknown[] }> {
    const { stdout } = await runUnprivileged(
      `import { readSessionLocks } from ${JSON.stringify(moduleUrl("src/facts/session-locks.ts"))};
       console.log(JSON.stringify(await readSessionLocks(
         { stateDir: process.argv[1], store: null, agents: [], confined: false })));`,
      [stateDir],
    );
    return JSON.parse(stdout);
  }

  test.each([
    ["the folder of all agents", "agents", "agents"],
    ["the folder of one agent", "agents/a", "agents/a/sessions"],
    ["the sessions of one agent", "agents/a/sessions", "agents/a/sessions"],
  ])("%s", async (_what, closed, named) => {
    const stores = state();
    chmodSync(stores.stateDir, 0o755);
    plant(sessions(stores, "a"), "x");
    chmodSync(path.join(stores.stateDir, closed), 0);
    const { problems, locks } = await readAsNobody(stores.stateDir);
    chmodSync(path.join(stores.stateDir, closed), 0o755);
    expect(locks).toEqual([]);
    expect(problems).toEqual([
      `${path.join(stores.stateDir, named)} cannot be read (EACCES), its locks were not looked at`,
    ]);
  });
});

test("agents on disk are folders, sorted", () => {
  const { stateDir } = state();
  for (const name of ["b", "a"]) mkdirSync(path.join(stateDir, "agents", name), { recursive: true });
  put(path.join(stateDir, "agents", "c"));
  expect(agentsOnDisk(stateDir)).toEqual(["a", "b"]);
  expect(agentsOnDisk(path.join(stateDir, "none"))).toEqual([]);
});
