import { expect, test } from "vitest";
import { choiceText } from "../../src/cli/consent.ts";
import type { PlannedRepair } from "../../src/engine/apply.ts";
import type { RepairEffect, Risk, Verdict } from "../../src/engine/types.ts";

const planned = (risk: Risk, effects: readonly RepairEffect[], verdict?: Verdict): PlannedRepair =>
  ({
    fixId: "stale-lock",
    finding: { id: "0123456789ab", target: "agent a, session b", ...(verdict && { verdict }) },
    repair: { risk, effects },
  }) as unknown as PlannedRepair;

test("a repair is offered with its risk, what it is about and what is done, whatever it interrupts", () => {
  const restart = { kind: "service", action: "restart the gateway, which interrupts 2 turns" } as const;
  expect(choiceText(planned("disruptive", [restart], "overdue"))).toBe(
    "disruptive  agent a, session b: restart the gateway, which interrupts 2 turns",
  );
});

test("a lock is called one: a file's name alone would be taken for the file itself", () => {
  const move = { kind: "file", action: "move into the quarantine", target: "/x.lock" } as const;
  expect(choiceText(planned("safe", [move], "gone"))).toBe(
    "safe  lock of agent a, session b: move into the quarantine",
  );
});

test("the same change of several keys is said once", () => {
  const set = (target: string): RepairEffect => ({ kind: "config", action: "set to 32", target });
  expect(choiceText(planned("safe", [set("min"), set("max")]))).toBe("safe  agent a, session b: set to 32");
});
