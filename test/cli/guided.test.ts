/**
 * The guided repair on a real terminal, with keys pressed and the screen read.
 * Long because each screen and key of the one conversation, with the states that lead to it.
 */

import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { finishInterrupted } from "../../src/engine/settle.ts";
import { readLife } from "../../src/facts/gateway.ts";
import { FAKE_HOST, startFakeGateway } from "../engine/fake-gateway.ts";
import { onLinux } from "../engine/sandbox.ts";
import { brokenState, inventory, put, tempDir } from "../facts/sandbox.ts";
import { signalGroup, start } from "../hosts/harness/processes.ts";
import { hasTmux } from "../hosts/harness/terminal.ts";
import { BIN } from "../hosts/harness/vitals.ts";
import { onTerminal, PATIENCE_MS } from "./on-terminal.ts";

const WHICH = /Which of these shall be repaired\?/;
const PLAN = /This will be done:/;
const NOW = /Do this now\? \([Yy]\/[nN]\)/;
const HOST = ["--host-version", "2026.4.15"];
/** A number of retries that is too high, for a repair with a diff. */
const RETRIES = { agents: { defaults: { runRetries: { min: 64, max: 160 } } } };

/** Two sessions that a dead process locked, and retries without a sensible end. */
function broken() {
  const { stateDir, locks } = brokenState(["one", "two"]);
  const config = put(path.join(stateDir, "openclaw.json"), `${JSON.stringify(RETRIES, null, 2)}\n`);
  const at = ["--state-dir", stateDir, ...HOST];
  return { stateDir, locks: locks as [string, string], config, at };
}

/** Nothing runs off the screen's edge but words that cannot be broken. */
function expectWrapped(screen: string, columns: number): void {
  for (const line of screen.split("\n").filter((text) => text.length > columns))
    expect(Math.max(...line.split(" ").map((word) => word.length)), line).toBeGreaterThan(columns / 3);
}

describe.skipIf(!hasTmux).each([60, 160])("on %i columns (needs tmux)", (columns) => {
  test("findings by what is broken; safe repairs are chosen; a look at the diff; each result; undone afterwards", async () => {
    const { stateDir, locks, config, at } = broken();
    const before = [...locks, config].map((file) => readFileSync(file, "utf8"));
    const terminal = await onTerminal(at, { columns });
    const question = await terminal.waitFor(WHICH, PATIENCE_MS);
    expect(question).toMatch(/^Sessions that fail\n {2}error {2}Session one[\s\S]*^Retries and limits\n {2}warning/m);
    expect(question).toMatch(/3 findings\. All can be repaired now\.\n\n\? Which/);
    expect(question.match(/\[x\] safe {2}/g)).toHaveLength(3);
    expectWrapped(question, columns);

    await terminal.press("Enter");
    const plan = await terminal.waitFor(NOW, PATIENCE_MS);
    expect(plan).toMatch(/move into the quarantine:\s+agents\/coder\/sessions\/one\.jsonl\.lock/);
    expect(plan).toMatch(/- +"max": 160\n +\+ +"min": 32/);
    expect(
      locks.map((lock) => existsSync(lock)),
      "nothing before the last yes",
    ).toEqual([true, true]);

    await terminal.press("Enter");
    const { code, screen } = await terminal.ended();
    expect(code).toBe(0);
    expect(screen.match(/^✓ repaired {2}/gm)).toHaveLength(3);
    expect(screen).toMatch(/Take it back: `openclaw-vitals undo \S+`\n\n3 repaired\. Nothing is left\.$/);
    expect(locks.map((lock) => existsSync(lock))).toEqual([false, false]);
    expectWrapped(screen, columns);

    const undo = await onTerminal(["undo", "--state-dir", stateDir], { columns });
    await undo.waitFor(/Take back 3 repairs/, PATIENCE_MS);
    await undo.press("y", "Enter");
    expect((await undo.ended()).code).toBe(0);
    expect([...locks, config].map((file) => readFileSync(file, "utf8"))).toEqual(before);
  });

  test("space takes one out, arrows go to another, and what was not chosen is left and said", async () => {
    const { locks, config, at } = broken();
    const terminal = await onTerminal(["fix", ...at], { columns });
    await terminal.waitFor(WHICH, PATIENCE_MS);
    await terminal.press("Space");
    await terminal.waitFor(/>\[ \] safe {2}lock of agent coder, session one/, PATIENCE_MS);
    await terminal.press("Down", "Down", "Space");
    await terminal.waitFor(/>\[ \] safe {2}agents\.defaults\.runRetries/, PATIENCE_MS);
    await terminal.press("Enter");
    const plan = await terminal.waitFor(NOW, PATIENCE_MS);
    expect(plan.slice(plan.search(PLAN))).toMatch(/session two/);
    expect(plan.slice(plan.search(PLAN))).not.toMatch(/session one|runRetries/);
    await terminal.press("y", "Enter");
    const { code, screen } = await terminal.ended();
    expect(code).toBe(1);
    expect(screen).toMatch(/^Left:\n[\s\S]*Session one[\s\S]*not chosen[\s\S]*^1 repaired\. 2 left\.$/m);
    expect([...locks, config].map((file) => existsSync(file))).toEqual([true, false, true]);
    expect(readFileSync(config, "utf8")).toContain("160");
  });
});

describe.skipIf(!hasTmux)("nothing is changed (needs tmux)", () => {
  test.each([
    ["nothing chosen", ["a"], null],
    ["no", [], "n"],
  ])("when declined: %s", async (_what, keys, answer) => {
    const { stateDir, at } = broken();
    const before = inventory(stateDir);
    const terminal = await onTerminal(at);
    await terminal.waitFor(WHICH, PATIENCE_MS);
    await terminal.press(...keys, "Enter");
    if (answer !== null) {
      await terminal.waitFor(NOW, PATIENCE_MS);
      await terminal.press(answer, "Enter");
    }
    const { code, screen } = await terminal.ended();
    expect(code).toBe(1);
    expect(screen).toMatch(/Nothing was changed\.$/);
    expect(inventory(stateDir)).toEqual(before);
  });

  test.each([
    ["at the choice", WHICH, []],
    ["at the last yes", NOW, ["Enter"]],
  ])("by Ctrl-C %s", async (_where, until, keys) => {
    const { stateDir, at } = broken();
    const before = inventory(stateDir);
    const terminal = await onTerminal(at);
    await terminal.waitFor(WHICH, PATIENCE_MS);
    if (keys.length > 0) await terminal.press(...keys);
    await terminal.waitFor(until, PATIENCE_MS);
    await terminal.press("C-c");
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).toMatch(/Interrupted\. Nothing was changed\.$/);
    expect(screen).not.toMatch(/\bat .*:\d+:\d+|Error:/);
    expect(inventory(stateDir)).toEqual(before);
  });

  test.each([[[]], [["check"]]])("by Ctrl-C while it reads: %j", async (command) => {
    const { stateDir, at } = broken();
    const before = inventory(stateDir);
    // What listens and never answers keeps it reading.
    const silent = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void silent.close());
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const asked = once(silent, "connection");
    const terminal = await onTerminal([...command, ...at], { env: { OPENCLAW_GATEWAY_PORT: String(port) } });
    await asked;
    await terminal.press("C-c");
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).toMatch(/Interrupted\. Nothing was changed\.$/);
    expect(inventory(stateDir)).toEqual(before);
  });

  test.each([
    ["check", ["check"], {}],
    ["--non-interactive", ["--non-interactive"], {}],
    ["CI", [], { CI: "1" }],
    ["an update", [], { OPENCLAW_UPDATE_IN_PROGRESS: "1" }],
    ["--quiet", ["--quiet"], {}],
  ])("and nothing asked with %s", async (_what, args, env) => {
    const { stateDir, at } = broken();
    const before = inventory(stateDir);
    const { code, screen } = await (await onTerminal([...args, ...at], { env })).ended();
    expect(code).toBe(1);
    expect(screen).toContain("Session one");
    expect(screen).not.toMatch(WHICH);
    expect(inventory(stateDir)).toEqual(before);
  });

  test.each([
    ["stdout is a pipe", '"$@" | tee "$0.file"', "stdout"],
    ["stderr is a pipe", '"$@" 2>"$0.file"', "stderr"],
    ["the terminal cannot be drawn on", 'TERM=dumb "$@" | tee "$0.file"', "stdout"],
  ])("and nothing asked or drawn when %s", async (_what, how, stream) => {
    const { stateDir, at } = broken();
    const before = inventory(stateDir);
    const dir = tempDir();
    const env = { NO_COLOR: undefined as unknown as string };
    const { screen } = await (await onTerminal(at, { env }, how, dir)).ended();
    expect(screen).toContain("Session one");
    expect(screen).not.toMatch(WHICH);
    const written = readFileSync(path.join(dir, "stty.file"), "utf8");
    expect(written).not.toContain("\u001b");
    if (stream === "stderr") expect(written).toBe("");
    expect(inventory(stateDir)).toEqual(before);
  });

  test("when there is nothing to repair: no question", async () => {
    const { stateDir } = brokenState([]);
    const { code, screen } = await (await onTerminal(["--state-dir", stateDir, ...HOST])).ended();
    expect(code).toBe(0);
    expect(screen).toMatch(/Nothing found\.$/);
    expect(screen).not.toMatch(WHICH);
  });
});

/** As OpenClaw's launcher does it, which knows nothing of a repair. */
const LAUNCHED = `"${process.execPath}" --no-warnings "${fileURLToPath(new URL("launcher.ts", import.meta.url))}" "$@"`;

/** A gateway stuck in two turns, whose restart waits for the file `go`. */
async function stuck() {
  const { stateDir } = brokenState([]);
  const session = (name: string) => path.join(stateDir, "agents/coder/sessions", `${name}.jsonl.lock`);
  const locks = [session("one"), session("two")] as const;
  for (const lock of locks) put(lock.replace(".lock", ""), "{}\n");
  const lockPath = path.join(stateDir, "tmp", `openclaw-${os.userInfo().uid}`, "gateway.state.lock");
  const gateway = await startFakeGateway({ lockPath, sessionLocks: locks });
  const bin = path.join(path.dirname(stateDir), "bin");
  mkdirSync(bin);
  writeFileSync(path.join(bin, "openclaw"), `#!/bin/sh\nexec "${process.execPath}" "${FAKE_HOST}" "$@"\n`);
  chmodSync(path.join(bin, "openclaw"), 0o755);
  const go = path.join(path.dirname(stateDir), "go");
  // Nobody waits for ever for a test that failed.
  onTestFinished(() => writeFileSync(go, ""));
  const env = {
    HOME: path.dirname(stateDir),
    PATH: `${bin}:${process.env["PATH"]}`,
    OPENCLAW_GATEWAY_PORT: String(gateway.port),
    FAKE_SERVICE: "within",
    FAKE_GO: go,
  };
  const restarts = () => readJournal(stateDir).filter(({ kind }) => kind === "restart");
  const begun = async (): Promise<void> =>
    await expect.poll(() => existsSync(`${go}.awaited`), { timeout: PATIENCE_MS }).toBe(true);
  const args = ["--state-dir", stateDir, "--host-version", "2026.9.6", "--only", "stale-lock"];
  return { stateDir, locks, gateway, restarts, go, env, args, begun };
}

/** As `stuck`, on a terminal where both restarts were chosen and the first has begun. */
async function restarting(how = '"$@"') {
  const { env, args, begun, ...rest } = await stuck();
  const terminal = await onTerminal(args, { env, columns: 100 }, how);
  const screen = await terminal.waitFor(WHICH, PATIENCE_MS);
  expect(screen.match(/\[ \] disruptive/g), "what interrupts work is not preselected").toHaveLength(2);
  await terminal.press("a", "Enter");
  const plan = await terminal.waitFor(NOW, PATIENCE_MS);
  expect(plan, "and no is the default").toMatch(/\(y\/N\)/);
  await terminal.press("y", "Enter");
  await begun();
  return { ...rest, terminal };
}

describe.skipIf(!hasTmux || !onLinux)("Ctrl-C in the middle of a repair (needs tmux)", () => {
  test.each([
    ["by itself", '"$@"'],
    ["started by OpenClaw", LAUNCHED],
  ])("lets it come to its end, and the others are left out: %s", async (_what, how) => {
    const { terminal, go, gateway, restarts, locks } = await restarting(how);
    await terminal.waitFor(/Repair 1 of 2, which can take minutes/, PATIENCE_MS);
    await terminal.press("C-c");
    await terminal.waitFor(/Interrupted: what has begun is brought to its end/, PATIENCE_MS);
    // Long enough for a launcher that heard of it to end us.
    if (how === LAUNCHED) await sleep(1500);
    writeFileSync(go, "");
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).toMatch(/^✓ repaired {2}agent coder, session one/m);
    expect(screen).toMatch(/^– skipped {2}agent coder, session two: interrupted/m);
    expect(screen).toMatch(/Interrupted\. 1 repaired\. \S[^\n]*\.$/);
    expect(readLife(gateway.lockPath)?.createdAtMs).not.toBe(gateway.createdAtMs);
    expect(restarts().map(({ phase }) => phase)).toEqual(["intent", "done"]);
    expect(existsSync(locks[0])).toBe(false);
  });

  test("a second time leaves at once; the restart goes on, and the journal learns of it later", async () => {
    const { terminal, go, gateway, restarts, stateDir } = await restarting();
    await terminal.press("C-c");
    await terminal.waitFor(/Ctrl-C again leaves at once/, PATIENCE_MS);
    await terminal.press("C-c");
    const { code, screen } = await terminal.ended();
    expect(code).toBe(130);
    expect(screen).toMatch(/Left at once\. What was begun is in the journal/);
    expect(restarts().map(({ phase }) => phase)).toEqual(["intent"]);
    expect(readLife(gateway.lockPath)?.createdAtMs).toBe(gateway.createdAtMs);
    writeFileSync(go, "");
    await expect
      .poll(() => readLife(gateway.lockPath)?.createdAtMs ?? gateway.createdAtMs, { timeout: PATIENCE_MS })
      .not.toBe(gateway.createdAtMs);
    expect(finishInterrupted(stateDir, false)).toBe(1);
    expect(restarts().at(-1)?.phase).toBe("done");
  });
});

test.skipIf(!onLinux)(
  "Ctrl-C without a terminal to read keys from: the same, and the host's command does not hear of it",
  async () => {
    const { env, args, begun, go, restarts } = await stuck();
    const run = await start(process.execPath, [BIN, "fix", "--force", "--json", ...args], { env });
    await begun();
    // As a shell does it: to all that belong to the command.
    signalGroup(run.pid, "SIGINT");
    await expect.poll(() => run.stderr(), { timeout: PATIENCE_MS }).toMatch(/Interrupted: what has begun/);
    writeFileSync(go, "");
    const { code, stdout } = await run.finished;
    expect(code).toBe(130);
    expect(JSON.parse(stdout).repairs).toMatchObject([
      { status: "repaired" },
      { status: "skipped", reason: "interrupted" },
    ]);
    expect(restarts().map(({ phase }) => phase)).toEqual(["intent", "done"]);
  },
);
