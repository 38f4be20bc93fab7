import type { JudgedLease, Lease } from "../facts/leases.ts";
import { isRemovable, type LeaseJudgement, type LeaseReason } from "./lease-verdict.ts";
import { gatewayEvidence } from "./lock-evidence.ts";
import { UNSEEN_GATEWAY_HINT } from "./lock-sentences.ts";
import type { Evidence, FindingDraft, Severity } from "./types.ts";

/** What a state lease stands for and what it stops while it stands; other scopes stop nothing a user would miss. */
const SCOPES: Readonly<Record<string, { readonly target: string; readonly stops: string }>> = {
  "gateway-owner": { target: "gateway", stops: "The gateway cannot start" },
  "startup-migrations": {
    target: "state migration",
    stops: "After an update, when there is state to migrate, the gateway cannot start",
  },
  "core:agent-database-maintenance": {
    target: "agent databases",
    stops: "No agent can run and `openclaw doctor --fix` refuses to",
  },
};

/** The finding for one judged lease; null when it stops nothing. */
export function leaseFinding(lease: JudgedLease, path: string, nowMs: number): FindingDraft | null {
  const { judgement } = lease;
  const scope = lease.agent === null ? SCOPES[lease.name] : agentScope(lease.agent);
  if (!judgement.blocks || scope === undefined) return null;
  const seconds = lease.expiresAtMs === null ? null : Math.ceil((lease.expiresAtMs - nowMs) / 1000);
  const time = seconds === null ? "" : ` for the next ${seconds} s`;
  const removable = isRemovable(lease, nowMs);
  return {
    severity: severityOf(judgement),
    message: `${scope.stops}${time}: ${why(judgement.reason, lease)}.`,
    fixHint: remedy(lease, removable),
    path,
    target: scope.target,
    identity: leaseIdentity(lease),
    verdict: judgement.verdict,
    confidence: judgement.confidence,
    evidence: evidence(lease, nowMs),
    ...(removable ? {} : { risk: null }),
  };
}

/** The same lease at another look, however often it was renewed meanwhile. */
export function leaseIdentity({ table, name, createdAtMs }: Lease): string {
  return `${table} ${name} ${createdAtMs}`;
}

function agentScope(agent: string): { target: string; stops: string } {
  return { target: `agent ${agent}`, stops: "Neither the gateway nor `openclaw doctor --fix` can start" };
}

function severityOf({ verdict, fresh }: LeaseJudgement): Severity {
  if (verdict === "gone") return "error";
  return fresh ? "info" : "warning";
}

function why(reason: LeaseReason, { owner, agent }: Lease): string {
  const lease = agent === null ? "the lease" : `the lease on the database of agent \`${agent}\``;
  const names = `${lease} names process ${owner?.pid ?? "?"}`;
  const reasons: Partial<Record<LeaseReason, string>> = {
    "other-host": `${lease} belongs to another host or container`,
    "no-owner": `${lease} does not say which process holds it`,
    "pid-reused": `${names}, which started after the lease was made and is not OpenClaw`,
    "not-openclaw": `${names}, which runs but is not OpenClaw`,
    "other-user": `${names}, which belongs to another user and cannot be looked into`,
    "unseen-gateway": `${names}, perhaps of a gateway which is at work but cannot be seen from here`,
    "other-namespace": `${names}, which cannot be seen from this container`,
  };
  return reasons[reason] ?? `${names}, of which it cannot be told whether it is OpenClaw`;
}

/** Exactly what frees the host. Leases with a time to live need none but patience; an agent's has none. */
function remedy(lease: JudgedLease, removable: boolean): string {
  const { reason, fresh } = lease.judgement;
  if (reason === "unseen-gateway") return UNSEEN_GATEWAY_HINT;
  if (lease.expiresAtMs !== null) {
    const end = `it ends by itself at ${new Date(lease.expiresAtMs).toISOString()}.`;
    if (reason === "other-host")
      return `If an OpenClaw on another host or in another container uses this state, stop it there first. Else wait: ${end}`;
    if (lease.name === "core:agent-database-maintenance")
      return `${fresh ? "It was renewed just now: let" : "Let"} a running \`openclaw doctor --fix\` finish. If there is none, wait: ${end}`;
    return `Start the gateway after that: ${end}`;
  }
  const stop = `If process ${lease.owner?.pid ?? "?"} is not needed, stop it`;
  if (removable)
    return `${stop}; OpenClaw then takes the lease back. Else stop OpenClaw and run \`openclaw-vitals fix\`.`;
  const remove = "stop OpenClaw, copy the folder `state` of the state dir, and remove the row in there";
  return `${stop}; OpenClaw then takes the lease back. Else ${remove}: \`${removal(lease)}\``;
}

/** Compare-and-delete of exactly this row, for what this tool does not repair. */
function removal({ table, name, owner, agent, createdAtMs }: Lease): string {
  const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const row =
    agent === null
      ? `scope = ${literal(name)} AND lease_key = 'global' AND created_at = ${createdAtMs}`
      : `lease_id = ${literal(name)} AND owner_pid = ${owner?.pid ?? 0} AND opened_at = ${createdAtMs}`;
  return `sqlite3 openclaw.sqlite "DELETE FROM ${table} WHERE ${row}"`;
}

function evidence(lease: JudgedLease, nowMs: number): Evidence[] {
  const { table, owner, createdAtMs, expiresAtMs, heartbeatAtMs, process, unseenGateway } = lease;
  const list: Evidence[] = [];
  const add = (what: string, value: Evidence["value"], source: string): void => {
    list.push({ what, value, source });
  };
  add("lease made", new Date(createdAtMs).toISOString(), table);
  if (heartbeatAtMs !== null) add("seconds since it was renewed", Math.round((nowMs - heartbeatAtMs) / 1000), table);
  if (table === "state_leases")
    add("ends", expiresAtMs === null ? "never" : new Date(expiresAtMs).toISOString(), table);
  if (owner === null) add("process in the lease", "none", table);
  else {
    add("pid in the lease", owner.pid, table);
    if (owner.sameHost !== null) add("made on this host", owner.sameHost, table);
    add("start of the owner", owner.startTime ?? "not recorded", table);
  }
  if (process?.state === "alive") {
    const source = `process ${owner?.pid ?? ""}`;
    add("process with this pid", process.title ?? "running", source);
    if (process.startedAtMs !== null) add("its start", new Date(process.startedAtMs).toISOString(), source);
  }
  if (unseenGateway) list.push(...gatewayEvidence(unseenGateway));
  return list;
}
