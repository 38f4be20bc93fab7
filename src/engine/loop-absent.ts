import { configValue } from "../facts/config.ts";
import type { Facts } from "../facts/facts.ts";
import { UNSEEN_GATEWAY_HINT } from "./lock-sentences.ts";
import type { Policy } from "./policy.ts";
import type { Evidence, FindingDraft } from "./types.ts";

/** Why no gateway can be looked at: down, two of them, another user's, or behind a wall. Nothing where none is expected. */
export async function absentGateway(facts: Facts, policy: Policy): Promise<FindingDraft[]> {
  const { locks } = await facts.gatewayLocks(policy.locks.graceSeconds);
  const unseen = await facts.unseenGateway();
  const held = locks.filter(({ judgement }) => judgement?.verdict === "held" || judgement?.verdict === "overdue");
  const pids = [...new Set(held.flatMap(({ look }) => pidOf(look)))];
  if (pids.length > 1)
    return [
      note(
        "two",
        `${pids.length} gateways hold locks of this state directory (processes ${pids.join(" and ")}), so it is not known which of them serves it.`,
        "Stop all but one of them.",
      ),
    ];
  if (locks.some(({ judgement }) => judgement?.reason === "other-user"))
    return [
      note(
        "other user",
        "The gateway of this state directory belongs to another user, so from here nothing can be said of it.",
        "Run openclaw-vitals as the user that runs OpenClaw.",
      ),
    ];
  if (unseen !== null) {
    const evidence = [{ what: "port of the gateway", value: unseen.port, source: "its port" }];
    if (unseen.answers)
      return [
        note(
          "unseen",
          "The gateway answers, but its process cannot be seen from here, perhaps because it runs in a container.",
          UNSEEN_GATEWAY_HINT,
          evidence,
        ),
      ];
    // Somebody else may have that port, unless a lock says that there is a gateway.
    const likely = locks.length > 0;
    return [
      {
        ...note(
          "unseen",
          `Somebody takes connections on the gateway's port ${unseen.port} but does not answer, and cannot be seen from here: perhaps a gateway in a container that is stuck.`,
          UNSEEN_GATEWAY_HINT,
          evidence,
        ),
        severity: likely ? "warning" : "info",
        confidence: likely ? "likely" : "unknown",
      },
    ];
  }
  if (
    locks.some(
      ({ judgement }) => judgement?.reason === "other-namespace" || judgement?.reason === "held-from-elsewhere",
    )
  )
    return [
      note(
        "unseen",
        "The gateway of this state directory runs in a container or another namespace, so from here nothing can be said of it.",
        UNSEEN_GATEWAY_HINT,
      ),
    ];
  if (locks.length === 0 && configValue(facts.config, "gateway.mode") !== "local") return [];
  return [
    note(
      "down",
      "No gateway runs for this state directory, so there is no event loop to look at.",
      "If one should run, start it: `openclaw gateway run`, or `openclaw gateway start` where it is a service.",
    ),
  ];
}

function pidOf(look: { readonly kind: string }): number[] {
  const { snapshot } = look as { snapshot?: { payload: { status: string; pid?: number } } };
  return snapshot?.payload.status === "ok" && snapshot.payload.pid !== undefined ? [snapshot.payload.pid] : [];
}

function note(identity: string, message: string, fixHint: string, evidence: readonly Evidence[] = []): FindingDraft {
  return {
    severity: "info",
    target: "gateway",
    message,
    fixHint,
    confidence: "proven",
    evidence,
    identity,
    risk: null,
  };
}
