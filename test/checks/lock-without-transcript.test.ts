import { mkdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/engine/diagnose.ts";
import {
  deadPayload,
  makeSandbox,
  onLinux,
  recorded,
  SESSION,
  SESSION_LOCK_CHECKS,
  setAge,
  startHolder,
} from "../engine/sandbox.ts";

describe("a lock whose session has no transcript", () => {
  test.each(["2026.4.15", "2026.5.22"])(
    "owner killed, payload as %s writes it: one finding, by this check",
    async (version) => {
      const sandbox = makeSandbox();
      const payload = await deadPayload(`lock-without-transcript/${version}`);
      const file = sandbox.plant({ payload, transcript: false });
      const { findings, ok } = await diagnose(sandbox.options);
      expect(ok).toBe(false);
      expect(findings).toHaveLength(1);
      expect(findings[0]).toMatchObject({
        checkId: "vitals/lock-without-transcript",
        severity: "error",
        verdict: "gone",
        path: file,
        target: `agent coder, session ${SESSION}`,
        fix: { id: "lock-without-transcript", risk: "safe" },
      });
      expect(findings[0]?.message).toBe(
        `Session ${SESSION} in agent \`coder\` cannot run: process ${payload.pid}, which holds its lock, is gone, ` +
          "and it has no transcript yet, so its channel stays silent without a log line.",
      );
      expect(findings[0]?.evidence).toContainEqual({ what: "transcript", value: "none", source: "session folder" });
    },
  );

  test("each check alone says the same as both together", async () => {
    const sandbox = makeSandbox();
    const payload = await deadPayload();
    sandbox.plant({ session: "with", payload });
    sandbox.plant({ session: "without", payload, transcript: false });
    const run = async (only: readonly string[]) =>
      (await diagnose({ ...sandbox.options, only })).findings.map(({ checkId, target }) => `${checkId} ${target}`);
    expect(await run(["stale-lock"])).toEqual(["vitals/stale-lock agent coder, session with"]);
    expect(await run(["lock-without-transcript"])).toEqual([
      "vitals/lock-without-transcript agent coder, session without",
    ]);
    expect(await run(SESSION_LOCK_CHECKS)).toHaveLength(2);
  });

  test("another session's transcript is not its own", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ session: `${SESSION}-topic-1`, payload: await deadPayload(), transcript: false });
    sandbox.plant({ session: SESSION, raw: "" });
    const { findings } = await diagnose(sandbox.options);
    expect(findings.map(({ checkId }) => checkId)).toEqual(["vitals/lock-without-transcript"]);
  });

  test("no owner named, old: reported here", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ raw: "", transcript: false, ageMs: 60_000 });
    const { findings } = await diagnose(sandbox.options);
    expect(findings).toMatchObject([{ checkId: "vitals/lock-without-transcript", verdict: "gone" }]);
  });

  test("no owner named, fresh: no finding", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ raw: "", transcript: false });
    expect((await diagnose(sandbox.options)).findings).toEqual([]);
  });

  test("on a host that keeps sessions in a database it is stale-lock's residue", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload(), transcript: false });
    const { findings } = await diagnose({ ...sandbox.options, hostVersion: "2026.9.6" });
    expect(findings).toMatchObject([{ checkId: "vitals/stale-lock", verdict: "residue", severity: "info" }]);
  });

  describe.runIf(onLinux)("with a live owner", () => {
    async function firstTurn() {
      const sandbox = makeSandbox();
      const holder = await startHolder();
      mkdirSync(sandbox.sessions(), { recursive: true });
      const file = path.join(sandbox.sessions(), `${SESSION}.jsonl.lock`);
      const createdAt = new Date().toISOString();
      const { pid, starttime } = holder;
      await holder.take(file, recorded("lock-without-transcript/2026.5.22", { pid, starttime, createdAt }));
      return { sandbox, holder, file };
    }

    test("it is a first turn at work: no finding, however old", async () => {
      const { sandbox, file } = await firstTurn();
      expect((await diagnose(sandbox.options)).findings).toEqual([]);
      setAge(file, 600_000);
      expect((await diagnose(sandbox.options)).findings).toEqual([]);
    });

    test("after SIGKILL it is this finding", async () => {
      const { sandbox, holder } = await firstTurn();
      await holder.kill();
      const { findings } = await diagnose(sandbox.options);
      expect(findings).toMatchObject([{ checkId: "vitals/lock-without-transcript", verdict: "gone" }]);
    });

    test("let go of, but not removed: leaked, reported by stale-lock only", async () => {
      const { sandbox, holder, file } = await firstTurn();
      await holder.letGo(file);
      setAge(file, 600_000);
      const { findings } = await diagnose(sandbox.options);
      expect(findings).toMatchObject([{ checkId: "vitals/stale-lock", verdict: "leaked" }]);
    });
  });
});
