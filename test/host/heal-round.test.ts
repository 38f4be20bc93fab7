/**
 * One round of self-healing: what is repaired, what is only told, and what is left alone.
 * Long because each permission of the policy is tried on each risk, on one imagined gateway.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { history, undoRun } from "../../src/engine/undo.ts";
import { healRound } from "../../src/host/heal-round.ts";
import {
  deadPayload,
  makeSandbox,
  onLinux,
  quarantined,
  type Sandbox,
  SESSION,
  startHolder,
  startTicks,
} from "../engine/sandbox.ts";
import { put } from "../facts/sandbox.ts";

const AGE = 120_000;

function sandbox(policy?: string): Sandbox {
  const made = makeSandbox();
  made.writeConfig({});
  if (policy !== undefined) writeFileSync(path.join(made.stateDir, "vitals.config.yaml"), policy);
  return made;
}

const round = async ({ options: { only: _only, ...options } }: Sandbox, nowMs?: number) =>
  await healRound(options, nowMs);

async function plantDead(state: Sandbox, session = SESSION): Promise<string> {
  return state.plant({ session, payload: await deadPayload(), ageMs: AGE });
}

/** As many repairs of this lock as are too many. */
async function healedThrice(state: Sandbox): Promise<string> {
  let lock = "";
  for (let n = 0; n < 3; n += 1) {
    lock = state.plant({ payload: { ...(await deadPayload()), createdAt: new Date(Date.now() - n).toISOString() } });
    expect((await round(state)).done).toHaveLength(3);
    expect(existsSync(lock)).toBe(false);
  }
  state.plant({ payload: await deadPayload() });
  return lock;
}

describe("by default", () => {
  test("a round only reports: with evidence, without the place of the state dir", async () => {
    const state = sandbox();
    const lock = await plantDead(state);
    const { mode, done, notes, summary } = await round(state);
    expect({ mode, done }).toEqual({ mode: "report", done: [] });
    expect(notes).toHaveLength(1);
    const { pid } = await deadPayload();
    expect(notes[0]?.line).toMatch(
      new RegExp(
        `^vitals: found stale-lock, error: .*; at agents/coder/sessions/${SESSION}.jsonl.lock; verdict gone \\(proven\\); .*pid in the lock: ${pid};.*process with this pid: none; .*see: openclaw vitals fix --only stale-lock \\(safe\\)$`,
      ),
    );
    expect(notes[0]?.line).not.toContain(state.stateDir);
    expect(summary).toEqual({ line: expect.stringMatching(/ checks, 1 error: stale-lock gone 1$/), clean: false });
    expect(existsSync(lock)).toBe(true);
    expect((await round(state)).notes).toEqual([{ key: notes[0]?.key, line: expect.any(String) }]);
  });

  test("of a healthy install it only says so", async () => {
    expect(await round(sandbox())).toMatchObject({ done: [], notes: [], summary: { clean: true } });
  });
});

test("off: nothing is looked at", async () => {
  const state = sandbox("autoHeal: off");
  await plantDead(state);
  expect(await round(state)).toEqual({ mode: "off", done: [], notes: [], summary: null });
});

describe("autoHeal: fix", () => {
  test("moves a dead lock away, says all there is to know, and it can be undone", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await plantDead(state);
    const bytes = readFileSync(lock);
    const { done, notes, summary } = await round(state);
    const [past] = history(state.stateDir);
    const run = past?.run ?? "";
    expect(past?.repairs).toMatchObject([{ path: lock, checkId: "vitals/stale-lock", canUndo: true }]);
    const place = `agents/coder/sessions/${SESSION}\\.jsonl\\.lock`;
    expect(done).toEqual([
      expect.stringMatching(/^vitals \S+ on 2026\.5\.22: \d+ checks, 1 error: stale-lock gone 1$/),
      `vitals healed 1 of 1, run ${run}; undo: openclaw vitals undo ${run}`,
      expect.stringMatching(
        new RegExp(
          `^vitals: healed stale-lock ${place}; verdict gone \\(proven\\); lock age in seconds: \\d+; pid in the lock: \\d+; lock created: \\S+Z; .*; moved into the quarantine, run ${run}; undo: openclaw vitals undo ${run}$`,
        ),
      ),
    ]);
    if (onLinux) expect(done[2]).toMatch(/; start of the owner in ticks: \d+;/);
    expect({ notes, clean: summary?.clean }).toEqual({ notes: [], clean: true });
    expect(existsSync(lock)).toBe(false);
    expect(undoRun(state.stateDir, run)).toMatchObject([{ status: "restored" }]);
    expect(readFileSync(lock)).toEqual(bytes);
  });

  test("what a person put back stays, and it is said why", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await plantDead(state);
    await round(state);
    undoRun(state.stateDir, history(state.stateDir)[0]?.run ?? "");
    const { done, notes } = await round(state);
    expect(done).toEqual([]);
    expect(notes.map(({ line }) => line)).toEqual([
      expect.stringMatching(
        /^vitals: stale-lock agents\/\S+ was put back by an undo, so self-healing leaves it alone;/,
      ),
      expect.stringMatching(/^vitals: found stale-lock, error: /),
    ]);
    expect(existsSync(lock)).toBe(true);
    // Another lock in its place is not what was put back.
    rmSync(lock);
    state.plant({ payload: { ...(await deadPayload()), createdAt: new Date().toISOString() } });
    expect((await round(state)).done).toHaveLength(3);
    expect(existsSync(lock)).toBe(false);
  });

  test("the fourth time within an hour it leaves the lock, the same after a restart, and says what to do", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await healedThrice(state);
    const [first, second] = [await round(state), await round(state)];
    expect(first.done).toEqual([]);
    expect(first.notes[0]?.line).toMatch(
      / repaired again and again within an hour, .*repair by hand: openclaw vitals fix/,
    );
    expect(second.notes).toEqual(first.notes.map(({ key }) => ({ key, line: expect.any(String) })));
    expect(existsSync(lock)).toBe(true);
    // Another lock is another matter.
    const other = await plantDead(state, "other");
    expect((await round(state)).done).toHaveLength(3);
    expect([existsSync(lock), existsSync(other)]).toEqual([true, false]);
  });

  test("a day later it tries again", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await healedThrice(state);
    expect((await round(state, Date.now() + 23 * 3_600_000)).done).toEqual([]);
    expect((await round(state, Date.now() + 25 * 3_600_000)).done).toHaveLength(3);
    expect(existsSync(lock)).toBe(false);
  });

  test("nor does it wait for years where the clock was set back by them", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await healedThrice(state);
    expect((await round(state, Date.now() - 3_600_000)).done).toEqual([]);
    expect((await round(state, Date.now() - 3 * 365 * 86_400_000)).done).toHaveLength(3);
    expect(existsSync(lock)).toBe(false);
  });

  test("repairs of one lock over a long time are no reason to stop", async () => {
    const state = sandbox("autoHeal: fix");
    await healedThrice(state);
    const journal = path.join(state.stateDir, "vitals", "journal.jsonl");
    const earlier = (text: string, n: number): string =>
      text.replace(/"at":"[^"]+"/, `"at":"2026-01-01T0${n}:00:00.000Z"`);
    const runs = [...new Set(history(state.stateDir).map(({ run }) => run))];
    const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
    const dated = lines.map((line) =>
      earlier(
        line,
        runs.findIndex((run) => line.includes(`"run":"${run}"`)),
      ),
    );
    writeFileSync(journal, `${dated.join("\n")}\n`);
    expect((await round(state, Date.parse("2026-01-01T03:00:00Z"))).done).toHaveLength(3);
  });

  test("a journal that cannot be written stops the repair, not the report", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await plantDead(state);
    put(path.join(state.stateDir, "vitals"), "no folder");
    const { done, notes } = await round(state);
    expect(done).toEqual([]);
    expect(notes.map(({ line }) => line)).toEqual([
      expect.stringMatching(/^vitals: self-healing cannot repair: vitals /),
      expect.stringMatching(/^vitals: found stale-lock/),
    ]);
    expect(existsSync(lock)).toBe(true);
  });

  test("the policy has to allow safe repairs as well", async () => {
    const state = sandbox("autoHeal: fix\nrepair: { allow: [] }");
    const lock = await plantDead(state);
    expect(await round(state)).toMatchObject({ done: [], notes: [{}] });
    expect(existsSync(lock)).toBe(true);
  });

  test("no config is changed, and nothing that needs a yes is done, even where the policy allows it", async () => {
    const state = sandbox("autoHeal: fix\nrepair: { allow: [safe, confirm] }");
    const config = {
      agents: { defaults: { runRetries: { base: 500, max: 500 }, subagents: { runTimeoutSeconds: 0 } } },
    };
    state.writeConfig(config);
    const { done, notes } = await round(state);
    expect(done).toEqual([]);
    expect(notes.map(({ line }) => line).join("\n")).toMatch(/found retry-ceiling/);
    expect(JSON.parse(readFileSync(path.join(state.stateDir, "openclaw.json"), "utf8"))).toEqual(config);
    expect(quarantined(state.stateDir)).toEqual([]);
  });

  test.skipIf(!onLinux)("locks of a living owner stay: held, and leaked, which is only told", async () => {
    const state = sandbox("autoHeal: fix\nrepair: { allow: [safe, confirm] }");
    const holder = await startHolder("openclaw");
    const payload = { pid: holder.pid, createdAt: new Date().toISOString(), starttime: holder.starttime };
    const held = path.join(state.sessions(), "held.jsonl.lock");
    const leaked = state.plant({ session: "leaked", payload, ageMs: AGE });
    await holder.take(held, { ...payload, maxHoldMs: 1_020_000 });
    const { done, notes } = await round(state);
    expect(done).toEqual([]);
    expect(notes.map(({ line }) => line)).toEqual([
      expect.stringMatching(/^vitals: found stale-lock.* verdict leaked/),
    ]);
    expect([existsSync(held), existsSync(leaked)]).toEqual([true, true]);
  });

  test.skipIf(!onLinux)("leaked by the very process that looks: only told", async () => {
    const state = sandbox("autoHeal: fix\nrepair: { allow: [safe, confirm] }");
    const { title } = process;
    process.title = "openclaw";
    onTestFinished(() => {
      process.title = title;
    });
    const own = { pid: process.pid, createdAt: new Date().toISOString(), starttime: startTicks(process.pid) };
    const lock = state.plant({ payload: own, ageMs: AGE });
    const { done, notes } = await round(state);
    expect(done).toEqual([]);
    expect(notes.map(({ line }) => line)).toEqual([
      expect.stringMatching(/ verdict leaked .*fix --only stale-lock \(confirm\)$/),
    ]);
    expect(existsSync(lock)).toBe(true);
  });

  test("in an update nothing is repaired", async () => {
    const state = sandbox("autoHeal: fix");
    const lock = await plantDead(state);
    const { only: _only, ...options } = state.options;
    const made = await healRound({ ...options, env: { ...options.env, OPENCLAW_UPDATE_IN_PROGRESS: "1" } });
    expect(made).toMatchObject({ done: [], notes: [{}] });
    expect(existsSync(lock)).toBe(true);
  });
});

describe("the policy", () => {
  test("is read anew each round", async () => {
    const state = sandbox();
    const lock = await plantDead(state);
    await round(state);
    expect(existsSync(lock)).toBe(true);
    state.writeConfig({ plugins: { entries: { vitals: { config: { autoHeal: "fix" } } } } });
    await round(state);
    expect(existsSync(lock)).toBe(false);
  });

  test("that is not valid is told, without secrets, and only reported by", async () => {
    const state = sandbox("autoHeal: hunter2 is my password");
    const lock = await plantDead(state);
    const { mode, done, notes } = await round(state);
    expect({ mode, done }).toEqual({ mode: "report", done: [] });
    expect(notes.map(({ line }) => line)).toEqual([
      'vitals: the policy is not valid, so self-healing only reports, with the defaults: vitals.config.yaml: "autoHeal" cannot be this text. Allowed: "off", "report", "fix".',
      expect.stringMatching(/^vitals: found stale-lock/),
    ]);
    expect(existsSync(lock)).toBe(true);
  });

  test("silences are kept: neither told nor repaired", async () => {
    const until = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const state = sandbox(`autoHeal: fix\nsilence: [{ check: stale-lock, reason: known, until: ${until} }]`);
    const lock = await plantDead(state);
    expect(await round(state)).toMatchObject({ done: [], notes: [], summary: { clean: true } });
    expect(existsSync(lock)).toBe(true);
  });
});

test("names of other programs and texts of the lock stay out of the log", async () => {
  const state = sandbox();
  const payload = { ...(await deadPayload()), note: "hunter2" };
  const lock = state.plant({ payload, ageMs: AGE });
  appendFileSync(lock, "\n");
  if (onLinux) {
    const { pid } = await startHolder("some-secret-program");
    state.plant({ session: "reused", payload: { pid, createdAt: "2020-01-01T00:00:00Z" }, ageMs: AGE });
  }
  const text = JSON.stringify(await round(state));
  expect(text).not.toMatch(/hunter2|some-secret-program/);
  if (onLinux) expect(text).toContain("process with this pid: (not shown)");
});
