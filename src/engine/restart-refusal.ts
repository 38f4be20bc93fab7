import type { Facts } from "../facts/facts.ts";
import type { GatewayProcess } from "../facts/gateway.ts";
import { listensOn } from "../facts/listeners.ts";
import type { Supervisor } from "../facts/supervisor.ts";
import { readJournal } from "./journal.ts";
import type { Policy } from "./policy.ts";
import { cooldownLeft } from "./restart-kind.ts";

/** Why there is no gateway to restart, a clause. Asks the ports it would have, on loopback. */
export async function whyNoGateway(facts: Facts, { locks: { graceSeconds } }: Policy): Promise<string> {
  const { locks } = await facts.gatewayLocks(graceSeconds);
  const verdicts = locks.map(({ judgement }) => judgement?.verdict);
  if (verdicts.filter((verdict) => verdict === "held" || verdict === "overdue").length > 1)
    return "two gateways run on this state directory: stop one of them first";
  const unseen = await facts.unseenGateway();
  if (unseen !== null)
    return `the gateway on port ${unseen.port} runs in a container or as another user: restart it where it runs`;
  if (verdicts.includes("unknown"))
    return "whether a gateway of this state directory runs cannot be told from here: restart it where it runs";
  return "no gateway of this state directory runs: start it with its service, or with `openclaw gateway run`";
}

/** Why this gateway cannot be restarted from here with proof; null when it can. */
export async function whyOutOfReach(
  { pid, port, ownsPort }: GatewayProcess,
  facts: Facts,
  { restart }: Supervisor,
): Promise<string | null> {
  const table = await facts.processes();
  const owner = await table.get(pid);
  if (owner.state === "alive" && owner.uid !== null && table.uid !== null && owner.uid !== table.uid)
    return `the gateway, process ${pid}, belongs to another user; to restart it as that user: ${restart}`;
  // Its own clock could not be read, so nothing would prove that it was restarted.
  if (!ownsPort && listensOn(pid, port) === false)
    return `the gateway, process ${pid}, does not listen on port ${port}, where it is expected; to restart it: ${restart}`;
  return null;
}

/** Why no gateway of this state dir may be restarted now, whichever it is; null when one may. */
export function mayNotRestart({ stateDir, updating }: Facts, { restart: { cooldownMinutes } }: Policy): string | null {
  if (updating) return "not during an update";
  const left = cooldownLeft(readJournal(stateDir), cooldownMinutes);
  if (left === 0) return null;
  const minutes = Math.ceil(left / 60_000);
  return `a restart was tried less than ${cooldownMinutes} minutes ago (\`openclaw-vitals history\`); another one in ${minutes} min`;
}
