import type { CronJob } from "../facts/cron-jobs.ts";
import { LONGEST_TIMER_SECONDS } from "./timeout-rules.ts";
import { costOfNoLimit, type TimeoutTraits } from "./timeout-traits.ts";
import type { FindingDraft } from "./types.ts";

/** What the host gives a job that says nothing: 60 minutes. Seconds. */
const CRON_DEFAULT_SECONDS = 3600;

/** A finding about a job, and the arguments of `openclaw` that mend it; the gateway has to be running for that. */
export interface CronDraft {
  readonly job: string;
  /** The option that sets the limit of this kind of job. */
  readonly option: string;
  readonly command: readonly string[];
  readonly finding: FindingDraft;
}

export interface CronRulesInput {
  readonly jobs: readonly CronJob[];
  /** Where the jobs are kept. */
  readonly path: string;
  readonly traits: TimeoutTraits;
}

/** Cron jobs that are switched on and have no time limit. A job that says nothing has one, so only numbers count. */
export function cronDrafts({ jobs, path, traits }: CronRulesInput): CronDraft[] {
  return jobs.flatMap((job) => {
    const { timeoutSeconds: seconds } = job;
    if (!job.enabled || seconds === null || !TIMED.has(job.kind)) return [];
    if (seconds > 0 && seconds < LONGEST_TIMER_SECONDS) return [];
    const option = job.kind === "script" ? "--script-timeout-seconds" : "--timeout-seconds";
    const command = ["cron", "edit", job.id, option, String(CRON_DEFAULT_SECONDS)];
    return [{ job: job.id, option, command, finding: finding(job, seconds, { path, traits, command }) }];
  });
}

/** Kinds of jobs whose own limit the host heeds; each version knows some of them. */
const TIMED = new Set(["agentTurn", "command", "script"]);

interface Place {
  readonly path: string;
  readonly traits: TimeoutTraits;
  readonly command: readonly string[];
}

function finding(job: CronJob, seconds: number, { path, traits, command }: Place): FindingDraft {
  // Below 0 only the scheduler's limit is off: the run itself then falls back on that of the agents.
  const agentLimit = job.kind === "agentTurn" && seconds < 0;
  const message = agentLimit
    ? `Cron job ${job.id} has no time limit of its own: its runs end only with the limit of agents, 48 hours unless you set another.`
    : `Cron job ${job.id} has no time limit: ${costOfNoLimit(traits)}.`;
  return {
    severity: "warning",
    message,
    path,
    target: `cron job ${job.id}`,
    identity: `cron ${job.id}`,
    requirement: "a limit for the runs of this job",
    fixHint: `Run \`openclaw ${command.join(" ")}\` while the gateway is running.`,
    confidence: "proven",
    evidence: [
      { what: "payload.timeoutSeconds", value: seconds, source: path },
      { what: "kind of job", value: job.kind, source: path },
      {
        what: "limit of a job that says nothing, seconds",
        value: CRON_DEFAULT_SECONDS,
        source: "OpenClaw's built-in number",
      },
    ],
  };
}
