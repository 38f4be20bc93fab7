import { expect, test } from "vitest";
import { whyRefused } from "../../src/engine/config-accepts.ts";
import type { ConfigChange } from "../../src/engine/config-plan.ts";

const max = ["agents", "defaults", "runRetries", "max"];
const attempts = ["cron", "retry", "maxAttempts"];

test.each<[string, ConfigChange, string, string | null]>([
  ["a key of that version", { path: max, set: 32 }, "2026.5.22", null],
  [
    "a key it gave up",
    { path: max, set: 32 },
    "2026.9.6",
    "OpenClaw 2026.9.6 does not know agents.defaults.runRetries.max",
  ],
  ["its removal", { path: max, remove: true }, "2026.9.6", null],
  [
    "too low",
    { path: max, set: 0 },
    "2026.5.22",
    "OpenClaw 2026.5.22 does not accept 0 for agents.defaults.runRetries.max",
  ],
  ["the lowest", { path: max, set: 1 }, "2026.5.22", null],
  ["the highest", { path: attempts, set: 10 }, "2026.5.22", null],
  [
    "too high",
    { path: attempts, set: 11 },
    "2026.5.22",
    "OpenClaw 2026.5.22 does not accept 11 for cron.retry.maxAttempts",
  ],
  ["a key nobody looked at", { path: ["ui", "theme"], set: 1 }, "2026.9.6", null],
  ["a version nobody looked at", { path: max, set: 32 }, "2026.7.2-beta.8", null],
])("%s", async (_name, change, version, expected) => {
  expect(await whyRefused([change], version)).toBe(expected);
});
