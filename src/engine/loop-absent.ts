import type { NoGateway } from "../facts/vital-signs.ts";
import { UNSEEN_GATEWAY_HINT } from "./lock-sentences.ts";
import type { Evidence, FindingDraft } from "./types.ts";

/** Why no gateway can be looked at. @param expected whether there should be one: without that, none is no news */
export function absentGateway(why: NoGateway | null, expected: boolean): FindingDraft[] {
  switch (why?.kind) {
    case "down":
      if (!expected) return [];
      return [
        note(
          "No gateway runs for this state directory, so there is no event loop to look at.",
          "If one should run, start it: `openclaw gateway run`, or `openclaw gateway start` where it is a service.",
        ),
      ];
    case "several":
      return [
        note(
          `${why.pids.length} gateways hold locks of this state directory (processes ${why.pids.join(" and ")}), so it cannot be told which of them to look at.`,
          "Stop all but one of them.",
        ),
      ];
    case "other":
      if (!expected) return [];
      return [
        note(
          `No gateway runs for this state directory; the one on its port ${why.port}${why.pids.length > 0 ? ` (process ${why.pids.join(", ")})` : ""} serves another state directory or belongs to another user.`,
          "Look at that one with its own --state-dir and as its user. To run one here as well, give it another port.",
        ),
      ];
    case "unknown":
      return [
        {
          ...note(
            "Whether the gateway runs cannot be told from here: its lock belongs to another user, or was made in a container or on another machine.",
            "Run openclaw-vitals as the user, and on the machine, that runs OpenClaw.",
          ),
          path: why.lockPath,
          confidence: "unknown",
        },
      ];
    case "unseen":
      return [unseen(why.gateway)];
    default:
      return [];
  }
}

function unseen({ port, answers, listener }: Extract<NoGateway, { kind: "unseen" }>["gateway"]): FindingDraft {
  const evidence: Evidence[] = [
    { what: "port of the gateway", value: port, source: "config" },
    ...(listener === null ? [] : [{ what: "who listens there", value: listener, source: "/proc" }]),
  ];
  if (answers)
    return note(
      `A gateway answers on port ${port}, but its process cannot be seen from here, perhaps because it runs in a container.`,
      UNSEEN_GATEWAY_HINT,
      evidence,
    );
  // It may as well be something else that has this port, so it is no more than a note.
  return {
    ...note(
      `Somebody takes connections on the gateway's port ${port} and does not answer: perhaps a gateway in a container, which is stuck or not to be seen from here.`,
      UNSEEN_GATEWAY_HINT,
      evidence,
    ),
    severity: "warning",
    confidence: "unknown",
  };
}

function note(message: string, fixHint: string, evidence: readonly Evidence[] = []): FindingDraft {
  const common = { severity: "info", target: "gateway", confidence: "proven", identity: "absent", risk: null } as const;
  return { ...common, message, fixHint, evidence };
}
