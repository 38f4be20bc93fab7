import type { GatewayLife } from "../facts/gateway.ts";
import type { Supervisor } from "../facts/supervisor.ts";
import type { CommandAnswer, RestartResult } from "./restart.ts";

const MIB = 1_048_576;

/** What a proven restart came to, e.g. `restarted the gateway in 12 s: process 7 is now process 19`. */
export function successText(
  { seconds, sameProcess, now }: RestartResult & { status: "restarted" },
  before: GatewayLife,
  rssBefore: number | null,
  rssAfter: number | null,
): string {
  const took = `restarted the gateway in ${seconds} s`;
  if (sameProcess) return `${took}, within process ${before.pid}, so its memory was not freed`;
  const memory =
    rssBefore === null || rssAfter === null
      ? ""
      : `, ${Math.round(rssBefore / MIB)} MiB of memory before and ${Math.round(rssAfter / MIB)} MiB after`;
  return `${took}: process ${before.pid} is now process ${now.pid}${memory}`;
}

/**
 * Why a restart is none, with what to do instead.
 * @param answered Whether the gateway answered before: one that is blocked hears a request only once it is free.
 */
export function failureText(
  result: Exclude<RestartResult, { status: "restarted" }>,
  { restart }: Supervisor,
  answered: boolean,
): string {
  const { status, seconds, answers } = result;
  if (status === "lost")
    return `the gateway went away and did not come back within ${seconds} s; see its log, then start it: ${restart}`;
  if (status === "unproven")
    return `the gateway has a new lock, but did not answer within ${seconds} s that it is up, so its restart is not proven; see its log, and look again`;
  const silent =
    answered || answers.length === 0
      ? ""
      : " (it does not answer: a request that reached it counts once it is free again, so look again later)";
  return `${said(answers)}${silent}; to restart it: ${restart}`;
}

function said(answers: readonly CommandAnswer[]): string {
  switch (answers.at(-1)?.said) {
    case undefined:
      return "neither a service of this gateway nor its port is known";
    case "ok":
      return "the command said ok and nothing happened, the gateway runs on as before";
    case "not-loaded":
      return "the host knows no service that runs this gateway, so nothing happened";
    case "refused":
      return "the gateway did not accept the request (this device may not restart it, see `openclaw devices list`), so nothing happened";
    case "timeout":
      return "the host's command did not end in time, and the gateway runs on as before";
    case "not found":
      return "the host's command could not be started";
    default:
      return "the host's command failed, and the gateway runs on as before";
  }
}
