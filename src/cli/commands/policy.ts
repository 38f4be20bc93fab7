import { policyFor } from "../../engine/diagnose.ts";
import { policyRows, silenceRows } from "../../engine/policy-view.ts";
import { gatherFacts } from "../../facts/facts.ts";
import { renderPolicy } from "../../report/policy.ts";
import { type Command, EXIT } from "../main.ts";
import { painter } from "../terminal.ts";

const policy: Command = async (options, terminal) => {
  const facts = gatherFacts({ ...options, env: terminal.env });
  const effective = await policyFor(facts, options);
  const { stateDir } = facts;
  const document = {
    schemaVersion: 1,
    ok: true,
    stateDir,
    values: policyRows(effective),
    silences: silenceRows(effective, Date.now()),
    // Of a config that cannot be read, nothing counts.
    problems: facts.config.problem === null ? [] : [facts.config.problem],
  };
  return { code: EXIT.clean, document, text: renderPolicy(document, painter(terminal.stdout, options.color)) };
};

export default policy;
