import path from "node:path";
import type { Judged } from "../../src/facts/facts.ts";
import type { GatewayLock } from "../../src/facts/gateway-locks.ts";
import { lookAtLock } from "../../src/facts/lock-file.ts";
import { put, tempDir } from "./sandbox.ts";

/** A judged gateway lock with this payload. */
export function judgedLock(
  payload: object,
  verdict: "held" | "overdue" | "gone" | "unknown" = "held",
): Judged<GatewayLock> {
  const file = put(path.join(tempDir(), "gateway.1.lock"), JSON.stringify(payload));
  const judgement = {
    verdict,
    reason: "holding",
    confidence: "proven",
    evidence: [],
    report: false,
    solid: true,
  } as const;
  const found = { place: "state", guard: null, losers: [], unchanged: true, sharedFileSystem: null } as const;
  return { path: file, look: lookAtLock(file), judgement, ...found };
}
