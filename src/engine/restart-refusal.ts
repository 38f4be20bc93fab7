import type { Facts } from "../facts/facts.ts";
import { type GatewayProcess, sameLife } from "../facts/gateway.ts";
import { listensOn } from "../facts/listeners.ts";
import { isStartedBy } from "../facts/process-parents.ts";
import type { Supervisor } from "../facts/supervisor.ts";
import { readJournal } from "./journal.ts";
import type { Policy } from "./policy.ts";
import { cooldownLeft } from "./restart-kind.ts";

const NOT_NOW = "not during an update";

/** Why there is no gateway to restart, a clause. May ask the ports it would have, on loopback. */
export async function whyNoGateway(facts: Facts, { locks: { graceSeconds } }: Policy): Promise<string> {
  const none = await facts.noGateway(graceSeconds);
  switch (none?.kind) {
    case "several":
      return `several gateways run on this state directory (processes ${none.pids.join(", ")}): stop all but one first`;
    case "unseen":
      return `the gateway on port ${none.gateway.port} runs in a container or as another user: restart it where it runs`;
    case "other":
      return `the gateway on port ${none.port} is of another state directory or user: restart it from there`;
    case "unknown":
      return "whether a gateway of this state directory runs cannot be told from here: restart it where it runs";
    case "updating":
      return NOT_NOW;
    default:
      return "no gateway of this state directory runs: start it with its service, or with `openclaw gateway run`";
  }
}

/** With the port that is proven to be its own, when one is: only there its own clock can be read. */
export async function withPort(gateway: GatewayProcess, facts: Facts, { locks }: Policy): Promise<GatewayProcess> {
  if (gateway.ownsPort) return gateway;
  const probed = (await facts.gatewayProbe(locks.graceSeconds))?.gateway;
  return probed?.ownsPort === true && sameLife(probed, gateway)
    ? { ...gateway, port: probed.port, ownsPort: true }
    : gateway;
}

/** Why this gateway cannot be restarted from here with proof; null when it can. */
export async function whyOutOfReach(
  { pid, port, ownsPort }: GatewayProcess,
  facts: Facts,
  { restart }: Supervisor,
): Promise<string | null> {
  if (isStartedBy(pid))
    return `this command was started by the gateway, process ${pid}, and may end with it before anything is proven: run it from a terminal of your own, or restart it: ${restart}`;
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
  if (updating) return NOT_NOW;
  const left = cooldownLeft(readJournal(stateDir), cooldownMinutes);
  if (left === 0) return null;
  const minutes = Math.ceil(left / 60_000);
  return `a restart was tried less than ${cooldownMinutes} minutes ago (\`openclaw-vitals history\`); another one in ${minutes} min`;
}
