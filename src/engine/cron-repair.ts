import type { Facts } from "../facts/facts.ts";
import { type GatewayProcess, readUptime } from "../facts/gateway.ts";
import type { HostCommand } from "../facts/installation.ts";
import { cronTimeoutDrafts } from "./config-findings.ts";
import type { CronDraft } from "./cron-timeout-rules.ts";
import { runHost } from "./host-run.ts";
import type { Policy } from "./policy.ts";
import { writeDurably } from "./replace-file.ts";
import type { Finding, Repair, RepairOutcome, RepairRun, Skip } from "./types.ts";

/** How long the gateway may take to say that it is there, and the command to do its work. Milliseconds. */
const ANSWER_MS = 5_000;
const COMMAND_MS = 120_000;
/** The command by itself gives up after 30 s, which a gateway that has just started can need. */
const PATIENCE = ["--timeout", "90000"];

/** Plans the host's own command for a cron job without a limit; null when the finding is not about one. */
export async function planCronEdit(finding: Finding, facts: Facts, policy: Policy): Promise<Repair | Skip | null> {
  const draft = (await cronTimeoutDrafts(facts)).find(({ finding: { target } }) => target === finding.target);
  if (draft === undefined) return null;
  const command = `openclaw ${draft.command.join(" ")}`;
  if (facts.updating) return { skip: "not during an update" };
  const gateway = await facts.gateway(policy.locks.graceSeconds);
  const host = facts.hostCommand();
  if (gateway === null || !gateway.ownsPort || (await readUptime(gateway.port, ANSWER_MS)) === null)
    return { skip: `the gateway does not answer; start it and run \`${command}\`` };
  if (host === null) return { skip: `\`openclaw\` is not on the PATH; run \`${command}\` where it is` };
  return {
    summary: finding.fix?.summary ?? "",
    risk: finding.fix?.risk ?? "confirm",
    effects: [{ kind: "state", action: `run \`${command}\``, target: draft.job, dryRunSafe: true }],
    diffs: [],
    final: true,
    apply: async (run) => await apply(draft, { facts, gateway, host }, run),
  };
}

interface Parts {
  readonly facts: Facts;
  readonly gateway: GatewayProcess;
  readonly host: HostCommand;
}

async function apply(draft: CronDraft, { facts, gateway, host }: Parts, run: RepairRun): Promise<RepairOutcome> {
  const { checkId, fixId, findingId, quarantine } = run;
  const { jobs, path } = await facts.cronJobs();
  const before = jobs.find(({ id }) => id === draft.job)?.timeoutSeconds ?? null;
  const command = `openclaw ${draft.command.join(" ")}`;
  const change = { kind: "cron", checkId, fixId, findingId, from: path, keepAs: "cron-job.json" } as const;
  return await quarantine.change(
    { ...change, detail: { job: draft.job, option: draft.option, before } },
    async ({ to }) => {
      writeDurably(to, Buffer.from(`${JSON.stringify({ job: draft.job, timeoutSeconds: before, command })}\n`));
      const ran = await runHost([...draft.command, ...PATIENCE], host, gateway, COMMAND_MS);
      if (ran.ended === "not found") return { status: "failed", reason: `\`openclaw\` could not be run: ${command}` };
      if (await hasLimit(draft, facts)) return { status: "repaired", changes: [`ran \`${command}\``] };
      const how = ran.ended === "timeout" ? "did not end in time" : `ended with code ${ran.exitCode}`;
      return { status: "failed", reason: `\`${command}\` ${how} and the job is as before` };
    },
  );
}

/** Whether the job is no finding any more: the word of the command proves nothing. */
async function hasLimit({ job }: CronDraft, facts: Facts): Promise<boolean> {
  return !(await cronTimeoutDrafts(facts.fresh())).some((draft) => draft.job === job);
}
