/** Findings about locks are put into words when they are read: nobody may see a difference. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { writeJson } from "../../src/cli/json-output.ts";
import { diagnose, runChecks } from "../../src/engine/diagnose.ts";
import { LateDraft, LateFinding, plainFinding } from "../../src/engine/late-finding.ts";
import { lateLockFindings, lockFinding } from "../../src/engine/lock-findings.ts";
import { applySilences } from "../../src/engine/silence.ts";
import { judgeLock } from "../../src/engine/verdict.ts";
import type { JudgedLock } from "../../src/facts/facts.ts";
import { seen, truths } from "./imagined-lock.ts";
import { deadPayload, makeSandbox } from "./sandbox.ts";

const hosts = [
  { era: "jsonl", version: "2026.5.22" },
  { era: "sqlite", version: "2026.9.6" },
] as const;

property.prop([truths, fc.constantFrom(...hosts)], { numRuns: 2_000 })(
  "what ranks a finding is what it says",
  (truth, host) => {
    const about = seen(truth);
    const { path, snapshot, unchanged, sharedFileSystem } = about;
    const lock: JudgedLock = {
      path,
      agent: "coder",
      session: "s",
      look: { kind: "file", snapshot },
      unchanged,
      sharedFileSystem,
      hasTranscript: true,
      judgement: judgeLock(about),
    };
    const told = lockFinding(lock, host);
    const late = lateLockFindings(host)(lock);
    if (told === null || !(late instanceof LateDraft)) {
      expect(late).toEqual(told);
      return;
    }
    const { severity, verdict, confidence, risk } = told;
    expect(late.telling.head(late.lock)).toEqual({ severity, verdict, confidence, risk });
    expect(late.telling.tell(late.lock)).toEqual(told);
  },
);

test("a link in the place of a lock is told at once", () => {
  const lock: JudgedLock = {
    path: "/state/agents/coder/sessions/s.jsonl.lock",
    agent: "coder",
    session: "s",
    look: { kind: "link" },
    unchanged: true,
    sharedFileSystem: null,
    hasTranscript: false,
    judgement: null,
  };
  expect(lateLockFindings(hosts[0])(lock)).toEqual(lockFinding(lock, hosts[0]));
});

describe("a finding that is not told yet", () => {
  async function look() {
    const sandbox = makeSandbox();
    sandbox.plant({ payload: await deadPayload() });
    const { diagnosis, policy } = await runChecks(sandbox.options);
    const [late] = diagnosis.findings;
    if (!(late instanceof LateFinding)) throw new Error("it is told already");
    return { sandbox, diagnosis, policy, late };
  }

  test("says the same in each of its parts as when it is told", async () => {
    const { sandbox, late } = await look();
    const [plain] = (await diagnose(sandbox.options)).findings;
    if (plain === undefined) throw new Error("unreachable");
    const aged = /age in seconds/;
    for (const [key, value] of Object.entries(plain)) {
      const part = late[key as keyof LateFinding] as unknown;
      if (key === "evidence") {
        const steady = (all: typeof plain.evidence) => all.filter(({ what }) => !aged.test(what));
        expect(steady(part as typeof plain.evidence)).toEqual(steady(plain.evidence));
      } else expect(part, key).toEqual(value);
    }
    expect(Object.keys(plainFinding(late))).toEqual(Object.keys(plain));
  });

  test("is the same JSON as the told one", async () => {
    const { diagnosis } = await look();
    const many = { ...diagnosis, findings: Array.from({ length: 100 }, () => diagnosis.findings[0]) };
    const stream = new PassThrough();
    const written = text(stream);
    await writeJson(stream, many);
    stream.end();
    const told = diagnosis.findings.map(plainFinding);
    expect(JSON.parse(await written).findings).toEqual(Array.from({ length: 100 }, () => told[0]));
  });

  test("keeps all of its parts where it is silenced, and where its severity is changed", async () => {
    const { late } = await look();
    const plain = plainFinding(late);
    const silence = { id: late.id, reason: "known", until: "2999-01-01" };
    const { silenced } = applySilences([late], [silence], Date.now());
    expect(silenced).toEqual([{ ...plain, silence: { reason: "known", until: "2999-01-01" } }]);
    expect(plainFinding(late.ranked("info"))).toEqual({ ...plain, severity: "info" });
  });
});
