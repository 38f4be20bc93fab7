import type { Judged } from "../facts/facts.ts";
import type { GatewayLock } from "../facts/gateway-locks.ts";
import type { FindingDraft } from "./types.ts";

/** A gateway whose lock another one removed: on 2026.5.22 one with another port does so, and both run on. */
export function gatewayWithoutLock(lock: Judged<GatewayLock>, pid: number, target: string): FindingDraft {
  const payload = lock.look.kind === "file" ? lock.look.snapshot.payload : null;
  const live = lock.judgement?.verdict === "held" || lock.judgement?.verdict === "overdue";
  const second = live && payload?.status === "ok" ? payload.pid : null;
  return {
    severity: "error",
    message:
      second === null
        ? `A gateway (process ${pid}) runs without its lock, so a second one can start on the same state dir.`
        : `Two gateways run on the same state dir: process ${second} took the lock away from process ${pid}.`,
    path: lock.path,
    target,
    fixHint: `Stop process ${pid}${second === null ? "" : ` or process ${second}`}, then run \`openclaw gateway restart\`.`,
    confidence: "proven",
    evidence: [
      { what: "process that has the removed lock open", value: pid, source: "open descriptors" },
      { what: "process that holds the lock now", value: second ?? "none", source: "lock payload" },
    ],
    identity: `without lock ${pid}`,
    risk: null,
  };
}
