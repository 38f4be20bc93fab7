/** Owners in other PID namespaces (containers that share a state dir): never judged dead, from either side. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createHome, type Home } from "./harness/home.ts";
import { ensureHost } from "./harness/hosts.ts";
import { plantLock } from "./harness/plant.ts";
import { until } from "./harness/processes.ts";
import { lockPath } from "./harness/turn.ts";
import { BIN, NO_NOTES, vitalsJson } from "./harness/vitals.ts";

// Making a PID namespace needs root here; elsewhere the table of verdicts is covered by unit tests alone.
const asRoot = test.skipIf(process.getuid?.() !== 0);

/** Takes a lock as the host does, keeps the descriptor, and says its own pid. */
const HOLDER = `
const fs = require("node:fs");
process.title = "openclaw";
const stat = fs.readFileSync("/proc/self/stat", "utf8");
const starttime = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
const fd = fs.openSync(process.argv[1], "wx");
fs.writeSync(fd, JSON.stringify({ pid: process.pid, createdAt: new Date().toISOString(), maxHoldMs: 1020000, starttime }));
setInterval(() => {}, 1e6);
`;

const HOST = ["--host-version", "2026.5.22", ...NO_NOTES];
const NEW_NAMESPACE = ["--pid", "--fork", "--kill-child", "--mount-proc"];
let home: Home;

beforeEach(async () => {
  home = await createHome(await ensureHost("2026.5.22"));
});
afterEach(async () => await home.dispose());

async function expectUntouched(path: string, document: { findings: unknown[] }): Promise<void> {
  expect(document.findings).toMatchObject([{ verdict: "unknown", fix: null, path }]);
  const text = readFileSync(path, "utf8");
  const fix = await vitalsJson(home, ["fix", "--yes", "--force", ...HOST]);
  expect(fix.document.repairs).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe(text);
}

asRoot(
  "seen from outside: a holder in a container is unknown, although its pid is dead or another's here",
  async () => {
    const other = await plantLock(home, { sessionId: "folder", raw: "{}" });
    const path = lockPath(home, "main", "inside");
    await home.spawnFile("unshare", [...NEW_NAMESPACE, home.host.node, "-e", HOLDER, path]);
    await until(() => existsSync(path) && readFileSync(path, "utf8") !== "", 30_000, "the container holds the lock");
    expect(existsSync(other)).toBe(true);
    const { document } = await vitalsJson(home, ["check", ...HOST]);
    await expectUntouched(path, document);
  },
);

asRoot("seen from inside a container: a lock made outside is unknown, whatever its pid is here", async () => {
  const path = lockPath(home, "main", "outside");
  await plantLock(home, { sessionId: "folder", raw: "{}" });
  await home.spawnFile(home.host.node, ["-e", HOLDER, path]);
  await until(() => existsSync(path) && readFileSync(path, "utf8") !== "", 30_000, "the holder has the lock");
  const inside = await home.spawnFile("unshare", [...NEW_NAMESPACE, home.host.node, BIN, "check", "--json", ...HOST]);
  const { stdout } = await inside.finished;
  expect(JSON.parse(stdout).findings).toMatchObject([{ verdict: "unknown", fix: null, path }]);
  const fix = await home.spawnFile("unshare", [
    ...NEW_NAMESPACE,
    home.host.node,
    BIN,
    "fix",
    "--yes",
    "--json",
    ...HOST,
  ]);
  expect(JSON.parse((await fix.finished).stdout).repairs).toEqual([]);
  expect(existsSync(path)).toBe(true);
});

/** In a container: something holds `$2`, then the command runs on the folder and says what it did. */
const HOLD_AND_FIX = `"$0" -e "$3" "$2" & until [ -s "$2" ]; do sleep 0.05; done
shift 3; "$0" "$@"`;

asRoot(
  "a container restarted over its lock heals it unasked only where the policy says the folder is its own",
  async () => {
    const [left, held] = [
      await plantLock(home, {
        sessionId: "left",
        transcript: true,
        payload: { pid: 7, createdAt: new Date(Date.now() - 3_600_000).toISOString(), starttime: 100 },
      }),
      lockPath(home, "main", "held"),
    ];
    const fix = async (): Promise<{ repairs: unknown[]; remaining: unknown[] }> => {
      rmSync(held, { force: true });
      const command = [BIN, "fix", "--non-interactive", "--json", ...HOST];
      const inside = await home.spawnFile("unshare", [
        ...NEW_NAMESPACE,
        ...["sh", "-c", HOLD_AND_FIX, home.host.node, BIN, held, HOLDER],
        ...command,
      ]);
      return JSON.parse((await inside.finished).stdout);
    };
    expect(await fix()).toMatchObject({ repairs: [], remaining: [{ verdict: "unknown", path: left }] });
    expect(existsSync(left)).toBe(true);

    writeFileSync(join(home.stateDir, "vitals.config.yaml"), "locks: { soleOwner: true }\n");
    expect(await fix()).toMatchObject({ repairs: [{ status: "repaired", risk: "safe", path: left }], remaining: [] });
    expect([existsSync(left), existsSync(held)]).toEqual([false, true]);
  },
);

asRoot("without a /proc of its own namespace nothing is judged", async () => {
  const path = await plantLock(home, {
    sessionId: "blind",
    payload: { pid: 4_000_000, createdAt: new Date(Date.now() - 3_600_000).toISOString() },
  });
  const blind = await home.spawnFile("unshare", ["--pid", "--fork", home.host.node, BIN, "check", "--json", ...HOST]);
  const { stdout } = await blind.finished;
  expect(JSON.parse(stdout).findings).toMatchObject([{ verdict: "unknown", fix: null, path }]);
});
