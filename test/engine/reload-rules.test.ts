import { expect, test } from "vitest";
import { type Reload, reloadOf } from "../../src/engine/reload-rules.ts";

test.each<[string, Reload, Reload]>([
  ["agents.defaults.runRetries.max", "next-run", "hot"],
  ["agents.defaults.subagents.runTimeoutSeconds", "next-run", "hot"],
  ["agents.defaults.heartbeat.timeoutSeconds", "hot", "hot"],
  ["agents.list[3].runRetries", "hot", "hot"],
  ["agents.entries.main.tools.exec.timeoutSeconds", "next-run", "hot"],
  ["cron.retry", "hot", "hot"],
  ["cronies", "restart", "restart"],
  ["channels.telegram.retry.attempts", "hot", "hot"],
  ["channels", "restart", "restart"],
  ["tools.exec.timeoutSec", "next-run", "hot"],
  ["env.vars.NAME", "restart", "restart"],
  ["web", "restart", "restart"],
])("%s: %s on 2026.5.22, %s on 2026.9.6", (key, old, recent) => {
  expect([reloadOf(key, "2026.5.22"), reloadOf(key, "2026.9.6")]).toEqual([old, recent]);
});
