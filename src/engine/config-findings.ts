import { availableParallelism } from "node:os";
import { formatPath } from "../facts/config-file.ts";
import type { Facts } from "../facts/facts.ts";
import type { ConfigDraft } from "./config-keys.ts";
import { type Knobs, knobsOf } from "./config-knobs.ts";
import { type CronDraft, cronDrafts } from "./cron-timeout-rules.ts";
import { saturationDraft } from "./lane-rules.ts";
import { lockWaitDrafts } from "./lock-wait-rules.ts";
import { otherRetryDrafts } from "./other-retry-rules.ts";
import type { Policy } from "./policy.ts";
import { retiredKeyDrafts } from "./retired-keys.ts";
import { runRetryDrafts } from "./retry-rules.ts";
import { timeoutDrafts } from "./timeout-rules.ts";
import { timeoutTraits } from "./timeout-traits.ts";
import type { Confidence } from "./types.ts";

/**
 * What `retry-ceiling` has to say, with the edits that would mend it. Of a config that could not be read, nothing: that
 * is a finding of its own.
 */
export async function retryCeilingDrafts(facts: Facts, policy: Policy): Promise<readonly ConfigDraft[]> {
  if (facts.config.problem !== null) return [];
  const common = await commonInput(facts);
  const { ceiling } = policy.retries;
  const others = otherRetryDrafts({ ...common, ceiling });
  if (common.knobs === "retired") return located([...retiredKeyDrafts(common), ...others], facts);
  const { byAgent: profiles } = await facts.authProfiles();
  return located([...runRetryDrafts({ ...common, profiles, ceiling }), ...others], facts);
}

/** What `unbounded-timeout` has to say of the config and the environment. */
export async function configTimeoutDrafts(facts: Facts, policy: Policy): Promise<readonly ConfigDraft[]> {
  if (facts.config.problem !== null) return [];
  const common = await commonInput(facts);
  const traits = await timeoutTraits(common.host.version, common.knobs);
  const limits = timeoutDrafts({ ...common, traits, subagentSeconds: policy.timeouts.subagentSeconds });
  if (!traits.waitsForLocks) return located(limits, facts);
  return [...located(limits, facts), ...lockWaitDrafts({ ...common, variables: await facts.lockVariables() })];
}

/** What the gateway's log says of a loop that too many runs share, with fewer of them at once as the remedy. */
export async function saturationDrafts(facts: Facts, policy: Policy): Promise<readonly ConfigDraft[]> {
  if (facts.config.problem !== null) return [];
  const log = await facts.gatewayLog(policy.locks.graceSeconds);
  if (log.events.length === 0) return [];
  const [common, { changedMs }] = [await commonInput(facts), facts.configGraph()];
  const input = { ...common, log, changedMs, nowMs: Date.now(), processors: availableParallelism(), policy };
  const draft = saturationDraft(input);
  return draft === null ? [] : located([draft], facts);
}

/** What `unbounded-timeout` has to say of cron jobs, with the commands that would mend it. */
export async function cronTimeoutDrafts(facts: Facts): Promise<readonly CronDraft[]> {
  const { host, knobs } = await commonInput(facts);
  const { jobs, path } = await facts.cronJobs();
  return cronDrafts({ jobs, path, traits: await timeoutTraits(host.version, knobs) });
}

/** Says which file and line owns the key, where one does. */
function located(drafts: readonly ConfigDraft[], facts: Facts): ConfigDraft[] {
  return drafts.map((draft) => {
    const owner = facts.configGraph().ownerOf(draft.key);
    const ocPath = formatPath(draft.key);
    if (owner === null) return { ...draft, finding: { ...draft.finding, ocPath } };
    const where = { what: "set in line", value: owner.line, source: owner.file };
    const evidence = [...draft.finding.evidence, where];
    const location = { file: owner.file, line: owner.line, column: owner.column };
    return { ...draft, finding: { ...draft.finding, path: owner.file, ocPath, location, evidence } };
  });
}

async function commonInput(facts: Facts) {
  const host = facts.host();
  const knobs: Knobs = await knobsOf(host.version, await facts.era());
  // The config may be read by another version than the one that last wrote it.
  const sure = host.version !== null && host.source !== "last writer of the config";
  const confidence: Confidence = sure ? "proven" : "likely";
  return { config: facts.config.value, configPath: facts.configPath, host, knobs, confidence };
}
