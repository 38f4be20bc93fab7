import { expect, test } from "vitest";
import { choiceText } from "../../src/cli/consent.ts";
import type { PlannedRepair } from "../../src/engine/apply.ts";
import type { Risk } from "../../src/engine/types.ts";

const planned = (risk: Risk): PlannedRepair =>
  ({
    fixId: "stale-lock",
    finding: { message: "Session a is stuck." },
    repair: { risk, effects: [{ kind: "service", action: "restart the gateway, which interrupts 2 turns" }] },
  }) as unknown as PlannedRepair;

test("a repair that interrupts running work says so before it is chosen, others stay short", () => {
  expect(choiceText(planned("disruptive"))).toBe(
    "[disruptive] Session a is stuck. Repair: restart the gateway, which interrupts 2 turns.",
  );
  expect(choiceText(planned("safe"))).toBe("[safe] Session a is stuck.");
});
