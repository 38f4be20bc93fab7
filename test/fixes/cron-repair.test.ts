/** Cron jobs without a limit: only the host's own command changes them, and only what the job then says counts. */
import { chmodSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readJournal } from "../../src/engine/journal.ts";
import { history, type RepairOptions, repair, undo } from "../../src/index.ts";
import { FAKE_HOST, startFakeGateway } from "../engine/fake-gateway.ts";
import { makeSandbox, onLinux } from "../engine/sandbox.ts";
import { inventory, put } from "../facts/sandbox.ts";

interface Given {
  /** What the command of the host does. */
  readonly how?: string;
  readonly gateway?: boolean;
  readonly command?: boolean;
  readonly kind?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const TEXT = "planted-text-of-the-job";
const EDIT = "openclaw cron edit nightly --timeout-seconds 3600";

/** A state dir with one job without a limit. */
async function jobs({ how = "done", gateway = true, command = true, kind = "agentTurn", env = {} }: Given = {}) {
  const { stateDir } = makeSandbox();
  const job = { id: "nightly", payload: { kind, timeoutSeconds: 0, message: TEXT } };
  const file = put(path.join(stateDir, "cron", "jobs.json"), JSON.stringify([job]));
  const lockPath = path.join(stateDir, "tmp", `openclaw-${os.userInfo().uid}`, "gateway.state.lock");
  const port = gateway ? (await startFakeGateway({ lockPath })).port : 1;
  const bin = path.join(path.dirname(stateDir), "bin");
  const script = `#!/bin/sh\nexec "${process.execPath}" "${FAKE_HOST}" "$@"\n`;
  if (command) chmodSync(put(path.join(bin, "openclaw"), script), 0o755);
  const options: RepairOptions = {
    stateDir,
    hostVersion: "2026.9.6",
    only: ["unbounded-timeout"],
    yes: true,
    env: { PATH: bin, OPENCLAW_GATEWAY_PORT: String(port), FAKE_JOBS: file, FAKE_CRON: how, ...env },
  };
  const limit = (): number => JSON.parse(readFileSync(file, "utf8"))[0].payload.timeoutSeconds;
  return { stateDir, options, limit };
}

describe.skipIf(!onLinux)("while the gateway answers", () => {
  test("the host's command sets the limit; undo names the command back and leaves the job alone", async () => {
    const { stateDir, options, limit } = await jobs();
    const planned = await repair({ ...options, dryRun: true });
    expect(planned.repairs).toMatchObject([
      {
        status: "planned",
        risk: "confirm",
        effects: [{ kind: "state", action: `run \`${EDIT}\``, target: "nightly" }],
      },
    ]);
    expect(limit()).toBe(0);
    expect((await repair({ ...options, yes: false })).repairs).toMatchObject([{ status: "skipped" }]);

    const { ok, run, repairs } = await repair(options);
    expect(repairs).toMatchObject([{ status: "repaired", target: "cron job nightly", changes: [`ran \`${EDIT}\``] }]);
    expect([ok, limit()]).toEqual([true, 3600]);
    expect(history(stateDir)[0]?.repairs).toMatchObject([{ kind: "cron", state: "done", canUndo: false }]);
    expect(JSON.stringify(readJournal(stateDir))).not.toContain(TEXT);
    const back = "only OpenClaw changes its jobs: `openclaw cron edit nightly --timeout-seconds 0`";
    expect(await undo({ stateDir, ...(run === null ? {} : { run }) })).toMatchObject([
      { status: "skipped", reason: back },
    ]);
    expect(limit()).toBe(3600);
  });

  test("the way back of a script's job is its own option", async () => {
    const { stateDir, options } = await jobs({ kind: "script" });
    const { run, repairs } = await repair(options);
    expect(repairs[0]?.changes).toEqual(["ran `openclaw cron edit nightly --script-timeout-seconds 3600`"]);
    const [undone] = await undo({ stateDir, run: run ?? "" });
    expect(undone?.reason).toContain("`openclaw cron edit nightly --script-timeout-seconds 0`");
  });

  test.each([
    ["ignored", "ended with code 0"],
    ["failed", "ended with code 3"],
  ])("a command that %s it: failed, whatever its exit code says", async (how, sentence) => {
    const { stateDir, options, limit } = await jobs({ how });
    const { ok, repairs } = await repair(options);
    expect(repairs).toMatchObject([{ status: "failed", reason: `\`${EDIT}\` ${sentence} and the job is as before` }]);
    expect([ok, limit()]).toEqual([false, 0]);
    expect(history(stateDir)[0]?.repairs).toMatchObject([{ state: "kept", canUndo: false }]);
  });

  test("without the command: skipped with what to run", async () => {
    const { options, limit } = await jobs({ command: false });
    expect((await repair(options)).repairs).toMatchObject([
      { status: "skipped", reason: `\`openclaw\` is not on the PATH; run \`${EDIT}\` where it is` },
    ]);
    expect(limit()).toBe(0);
  });
});

test.each<[string, Given, string]>([
  ["the gateway is down", { gateway: false }, `the gateway does not answer; start it and run \`${EDIT}\``],
  ["an update runs", { gateway: false, env: { OPENCLAW_UPDATE_IN_PROGRESS: "1" } }, "not during an update"],
])("when %s nothing is run or written", async (_, given, reason) => {
  const { stateDir, options } = await jobs(given);
  const before = inventory(stateDir);
  expect((await repair(options)).repairs).toMatchObject([{ status: "skipped", reason }]);
  expect(inventory(stateDir)).toEqual(before);
});
