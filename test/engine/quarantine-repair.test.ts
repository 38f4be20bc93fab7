/** What is planned for one finding, and what a second look says of its lock. */
import { linkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Removal } from "../../src/engine/quarantine.ts";
import { planLockRemoval } from "../../src/engine/quarantine-repair.ts";
import type { Finding, Repair, RepairRun, Skip, Verdict } from "../../src/engine/types.ts";
import type { Facts } from "../../src/facts/facts.ts";
import type { UnseenGateway } from "../../src/facts/gateway-port.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import * as processes from "../../src/facts/processes.ts";
import { deadPayload, temporaryFolder } from "./sandbox.ts";

const policy = { locks: { graceSeconds: 30 } } as Parameters<ReturnType<typeof planLockRemoval>>[2];
let file: string;
let unseenGateway: UnseenGateway | null;

beforeEach(async () => {
  unseenGateway = null;
  file = path.join(temporaryFolder(), "s.jsonl.lock");
  writeFileSync(file, JSON.stringify(await deadPayload()));
});

async function plan(verdict: Verdict | null, finding: Partial<Finding> = {}, known = {}): Promise<Repair | Skip> {
  const judgement = verdict === null ? null : { verdict };
  const lock = { path: file, look: lookAtLock(file), unchanged: true, sharedFileSystem: null, judgement };
  const other = { ...lock, path: "/elsewhere", judgement: null };
  const facts = {
    configLocks: async (grace: number) => ({ locks: grace === 30 ? [other, lock] : [], problems: [] }),
    fresh: () => ({ unseenGateway: async () => unseenGateway }),
    ...known,
  } as unknown as Facts;
  const fix = { id: "config-lock", risk: "safe", summary: "moves it" } as const;
  return await planLockRemoval("configLocks")({ path: file, fix, ...finding } as Finding, facts, policy);
}

/** What the repair asks of the quarantine, and what its second judgement says. */
async function applied(repair: Repair | Skip, change: () => void = () => {}) {
  if (!("apply" in repair)) throw new Error(repair.skip);
  let says: unknown;
  const asked: object[] = [];
  const quarantine = {
    async remove({ judgeAgain, ...removal }: Pick<Removal, "path" | "judgeAgain">) {
      asked.push(removal);
      change();
      says = await judgeAgain(lookAtLock(file));
      return { status: "repaired", changes: ["moved"] };
    },
  };
  const run = { run: "r", checkId: "c", fixId: "f", findingId: "i", quarantine } as unknown as RepairRun;
  expect(await repair.apply(run)).toEqual({ status: "repaired", changes: ["moved"] });
  return { says, asked };
}

describe("the plan", () => {
  test("says everything before it is done", async () => {
    const repair = await plan("gone");
    expect(repair).toMatchObject({
      summary: "moves it",
      risk: "safe",
      effects: [{ kind: "file", action: "move into the quarantine", target: file, dryRunSafe: true }],
      diffs: [],
    });
    const { asked } = await applied(repair);
    const look = lookAtLock(file);
    const judged = look.kind === "file" ? look.snapshot : null;
    expect(asked).toEqual([{ path: file, judged, checkId: "c", fixId: "f", findingId: "i" }]);
  });

  test("asks when the finding does not say how risky it is", async () => {
    expect(await plan("gone", { fix: null })).toMatchObject({ risk: "confirm", summary: "" });
  });

  test.each(["gone", "residue", "leaked"] as const)("moves what is %s", async (verdict) => {
    expect(await plan(verdict)).toHaveProperty("apply");
  });

  test.each(["held", "overdue", "unknown"] as const)("leaves what is %s", async (verdict) => {
    expect(await plan(verdict)).toEqual({ skip: "its owner is not proven to be gone" });
  });

  test("needs a lock file, and a judgement of it", async () => {
    const skip = "there is no lock file to move";
    expect(await plan(null)).toEqual({ skip });
    expect(await plan("gone", { path: "/nowhere" })).toEqual({ skip });
    rmSync(file);
    symlinkSync("nowhere", file);
    expect(await plan("gone")).toEqual({ skip });
  });
});

describe("a second look", () => {
  test("finds a gateway at work that cannot be seen", async () => {
    const repair = await plan("gone");
    unseenGateway = { port: 18_789, listener: null, answers: true };
    expect((await applied(repair)).says).toBe('a second look says "unknown"');
  });

  test("comes to the same verdict", async () => {
    expect((await applied(await plan("gone"))).says).toBe(true);
  });

  test("comes to another", async () => {
    expect((await applied(await plan("leaked"))).says).toBe('a second look says "gone"');
  });

  test("judges what it is shown, not what was there before", async () => {
    const shared = (): void => linkSync(file, `${file}.other`);
    expect((await applied(await plan("gone"), shared)).says).toBe('a second look says "unknown"');
    const gone = (): void => rmSync(file);
    expect((await applied(await plan("gone"), gone)).says).toBe('a second look says "no file"');
  });

  test("reads the process table anew, but not for every lock of a moment", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const read = vi.spyOn(processes, "openProcessTable");
    try {
      const repair = await plan("gone");
      await applied(repair);
      vi.advanceTimersByTime(250);
      await applied(repair);
      expect(read).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(1);
      await applied(repair);
      expect(read).toHaveBeenCalledTimes(2);
      await applied(await plan("gone"));
      expect(read, "another run looks for itself").toHaveBeenCalledTimes(3);
    } finally {
      vi.useRealTimers();
      read.mockRestore();
    }
  });

  test("asks the gateway's port anew, but not for every look of a moment", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    let asked = 0;
    const fresh = () => ({
      unseenGateway: async () => {
        asked += 1;
        return null;
      },
    });
    try {
      const repair = await plan("gone", {}, { fresh });
      await applied(repair);
      vi.advanceTimersByTime(250);
      await applied(repair);
      expect(asked).toBe(1);
      vi.advanceTimersByTime(1);
      await applied(repair);
      expect(asked).toBe(2);
      await applied(await plan("gone", {}, { fresh }));
      expect(asked, "another run asks for itself").toBe(3);
    } finally {
      vi.useRealTimers();
    }
  });
});
