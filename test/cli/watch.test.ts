/** `check --watch-for`: what the engine makes of the time it takes. How it ends early: interrupts.test.ts. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { runChecks } from "../../src/engine/diagnose.ts";
import { UserError } from "../../src/engine/errors.ts";
import { type FactOptions, gatherFacts } from "../../src/facts/facts.ts";
import { diagnose } from "../../src/index.ts";
import { put, tempDir } from "../facts/sandbox.ts";

function stateDir(): string {
  const dir = path.join(tempDir(), ".openclaw");
  mkdirSync(dir);
  put(path.join(dir, "openclaw.json"), '{ "gateway": { "mode": "local", "port": 1 } }');
  return dir;
}

test.each([0, 999, 3_600_001, Number.NaN])("watchForMs of %d is refused", async (watchForMs) => {
  await expect(diagnose({ stateDir: stateDir(), env: {}, watchForMs })).rejects.toThrow(UserError);
});

test("without a gateway there is nothing to wait for", async () => {
  const { findings, timings } = await diagnose({
    stateDir: stateDir(),
    env: {},
    only: ["event-loop-delay"],
    watchForMs: 3_600_000,
  });
  expect(findings).toMatchObject([{ message: expect.stringMatching(/^No gateway runs/) }]);
  expect(timings["total"]).toBeLessThan(3_600_000);
});

test("a look after a repair watches nobody again, also with the operator's word in the policy", async () => {
  const dir = stateDir();
  put(path.join(dir, "vitals.config.json"), '{ "locks": { "soleOwner": true } }');
  const facts = gatherFacts({ stateDir: dir, env: {} });
  const given: (FactOptions | undefined)[] = [];
  const known = {
    ...facts,
    fresh(changed?: FactOptions) {
      given.push(changed);
      return facts;
    },
  };
  await runChecks({ stateDir: dir, env: {}, only: ["host-hazard"], watchForMs: 3_600_000 }, known);
  expect(given).toEqual([{ soleOwner: true, watchForMs: undefined }]);
});
