import { item, type PreflightItem, type PreflightLevel, type Upgrade } from "./preflight-item.ts";
import { type Finding, isAside } from "./types.ts";

/** What an upgrade runs into, by the check that finds it. */
const LEVELS: Readonly<Record<string, PreflightLevel>> = {
  // The doctor of either version waits for these, and then gives up.
  "config-lock": "blocker",
  "gateway-lock": "blocker",
  "stranded-lease": "blocker",
  "stale-lock": "warning",
  "lock-without-transcript": "warning",
  "event-loop-delay": "warning",
  "rss-growth": "warning",
};

/** The checks whose findings bear on an upgrade. */
export const CHECKED: readonly string[] = Object.keys(LEVELS);

/** Runs that are at work, and a gateway: what the upgrade would take away from under them. */
export async function liveRunItems({ facts, to, migrates, graceSeconds }: Upgrade): Promise<PreflightItem[]> {
  const { locks } = await facts.sessionLocks(graceSeconds);
  const live = locks.filter(({ judgement }) => judgement?.verdict === "held" || judgement?.verdict === "overdue");
  const unknown = locks.filter(({ judgement }) => judgement?.verdict === "unknown");
  const gateway = await facts.gateway(graceSeconds);
  const items: PreflightItem[] = [];
  if (live.length > 0)
    items.push(
      item(
        "live-runs",
        "blocker",
        `${count(live.length, "session is", "sessions are")} being written by a run that is at work.`,
        {
          remedy: "Wait until the runs have ended, or stop them, and ask again.",
          evidence: live.map(({ path: lock, judgement }) => ({
            what: "held lock",
            value: judgement?.verdict ?? "",
            source: lock,
          })),
        },
      ),
    );
  if (unknown.length > 0)
    items.push(
      item(
        "live-runs",
        "warning",
        `Of ${count(unknown.length, "session", "sessions")} it cannot be told whether a run is at work.`,
        {
          remedy: "See `openclaw-vitals check` for each; wait, or make sure that nothing is at work.",
          evidence: unknown.map(({ path: lock }) => ({ what: "lock", value: "unknown", source: lock })),
        },
      ),
    );
  if (gateway !== null)
    items.push(
      item(
        "gateway",
        migrates ? "warning" : "note",
        `A gateway runs (process ${gateway.pid})${migrates ? `, and the doctor of OpenClaw ${to} moves nothing into its database before it has ended` : ""}.`,
        {
          remedy: "Stop it for the upgrade; `openclaw update` does so itself for one that runs as a service.",
          evidence: [{ what: "gateway", value: gateway.pid, source: gateway.lockPath }],
        },
      ),
    );
  return items;
}

/** What our own checks find that has to go, or had better go, before the upgrade. */
export function findingItems(findings: readonly Finding[]): PreflightItem[] {
  return findings.filter((finding) => !isAside(finding) && finding.severity !== "info").map(asItem);
}

function asItem({ checkId, severity, message, fix, fixHint, evidence, path: file, id }: Finding): PreflightItem {
  const check = checkId.replace(/^vitals\//, "");
  const level = severity === "error" ? (LEVELS[check] ?? "warning") : "warning";
  const remedy =
    fix === null
      ? (fixHint ?? `See \`openclaw-vitals explain ${check}\`.`)
      : `Run \`openclaw-vitals fix --only ${check}\`.`;
  const where = file === undefined ? [] : [{ what: "finding", value: id, source: file }];
  return item(check, level, message, { remedy, evidence: [...where, ...evidence] });
}

function count(number: number, one: string, more: string): string {
  return `${number} ${number === 1 ? one : more}`;
}
