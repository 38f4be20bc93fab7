import type { CatalogueEntry } from "../src/engine/catalogue.ts";

/** The check whose facts and repair the example shares. */
const MODEL = "stale-lock";

/** The entry of the example; what this does not decide it has from the check it is like. */
export function exampleEntry(id: string, checks: readonly CatalogueEntry[]): CatalogueEntry {
  const model = checks.find((entry) => entry.id === MODEL);
  if (model === undefined) throw new Error(`the catalogue has no ${MODEL}`);
  return {
    ...model,
    id,
    title: `The example ${id}`,
    protects: "Nobody yet: one sentence on what happens to a user when nobody looks.",
    severity: "info",
    needs: ["sessionLocks"],
    hosts: "*",
    fix: { id, risk: "safe", summary: "Move the lock into the quarantine; it can be put back." },
    references: [],
  };
}

/** Everything else that a check consists of: path in the package → content. */
export function exampleFiles(id: string): Record<string, string> {
  return {
    [`checks/${id}.ts`]: check(id),
    [`fixes/${id}.ts`]: fix(id),
    [`test/checks/${id}.test.ts`]: test(id),
    [`test/fixtures/${id}/lock.json`]: FIXTURE,
    [`docs/checks/${id}.md`]: page(id),
  };
}

const check = (id: string): string => `import type { Check } from "../src/engine/types.ts";

/** Why this is a problem for somebody; not what the code does. */
const check: Check = {
  id: "${id}",
  async run(facts, policy) {
    const { locks } = await facts.sessionLocks(policy.locks.graceSeconds);
    return locks
      .filter((lock) => lock.session === "${id}" && lock.judgement?.verdict === "gone")
      .map((lock) => ({
        severity: "info",
        message: \`Session \${lock.session} in agent \\\`\${lock.agent}\\\` is that of the example.\`,
        path: lock.path,
        target: \`agent \${lock.agent}, session \${lock.session}\`,
        verdict: "gone",
        confidence: "proven",
        evidence: [{ what: "session", value: lock.session, source: "session folder" }],
      }));
  },
};

export default check;
`;

const fix = (id: string): string => `import { planLockRemoval } from "../src/engine/quarantine-repair.ts";
import type { Fix } from "../src/engine/types.ts";

/** What is done about it, and why nothing is lost by that. */
const fix: Fix = { id: "${id}", plan: planLockRemoval("sessionLocks") };

export default fix;
`;

/** As OpenClaw 2026.5.22 writes it. */
const FIXTURE = `{
  "pid": 4242,
  "createdAt": "2026-05-22T10:00:00.000Z",
  "maxHoldMs": 1020000
}
`;

const test = (id: string): string => `import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../src/engine/diagnose.ts";
import { repair } from "../../src/engine/repair.ts";
import { deadPayload, makeSandbox, treeOf } from "../engine/sandbox.ts";

const recorded = "${id}/lock";
const only = ["${id}"];

describe("${id}", () => {
  test("is found, with the evidence", async () => {
    const sandbox = makeSandbox();
    const path = sandbox.plant({ session: "${id}", payload: await deadPayload(recorded) });
    const { findings } = await diagnose({ ...sandbox.options, only });
    expect(findings).toMatchObject([{ checkId: "vitals/${id}", severity: "info", path, verdict: "gone" }]);
    expect(findings[0]?.evidence).toContainEqual({ what: "session", value: "${id}", source: "session folder" });
  });

  test("is silent about everything else, and changes nothing", async () => {
    const sandbox = makeSandbox();
    sandbox.plant({ session: "another", payload: await deadPayload(recorded) });
    const before = treeOf(sandbox.stateDir);
    expect((await diagnose({ ...sandbox.options, only })).findings).toEqual([]);
    expect(treeOf(sandbox.stateDir)).toEqual(before);
  });

  test("is repaired", async () => {
    const sandbox = makeSandbox();
    const path = sandbox.plant({ session: "${id}", payload: await deadPayload(recorded) });
    const { repairs, remaining } = await repair({ ...sandbox.options, only });
    expect(repairs).toMatchObject([{ fixId: "${id}", status: "repaired" }]);
    expect(remaining).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });
});
`;

const page = (id: string): string => `# ${id}

One paragraph: how OpenClaw does this when all is well.

## What it finds

The dead lock of a session that is called \`${id}\`.

## What it means for you

What no longer works, in the words of somebody who meets it.

## Evidence

    session   the name of the session

## Verdicts

    gone      The owner does not exist any more. Info. Moved away by \`fix\`.

## What the repair does

It moves the lock into \`<state dir>/vitals/quarantine/<run>/\`, with the same
steps and the same limit as \`stale-lock\`. Nothing is deleted.

## Undo

    openclaw-vitals undo                     the last run

The file comes back as it was, unless a newer one stands in its place.

## References

None yet: issue numbers at openclaw/openclaw, and the tests that show it.
`;
