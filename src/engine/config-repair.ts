import { isDeepStrictEqual } from "node:util";
import { type ConfigGraph, formatPath, readConfigGraph } from "../facts/config-graph.ts";
import type { Facts } from "../facts/facts.ts";
import { crossesUsers, isInside } from "../facts/paths.ts";
import { whyRefused } from "./config-accepts.ts";
import { configDiff } from "./config-diff.ts";
import { editConfigText } from "./config-edit.ts";
import type { ConfigDraft } from "./config-keys.ts";
import { type ConfigChange, type FileEdits, planConfigEdits } from "./config-plan.ts";
import { withChanges } from "./config-value.ts";
import { writeConfig } from "./config-write.ts";
import { errorText, UserError } from "./errors.ts";
import type { Policy } from "./policy.ts";
import { reloadOf } from "./reload-rules.ts";
import { readStoredFile, type StoredFile } from "./replace-file.ts";
import type { Finding, Fix, Repair, RepairEffect, Skip } from "./types.ts";

/** Finds again what a check said of the config. */
export type FindDrafts = (facts: Facts, policy: Policy) => Promise<readonly ConfigDraft[]>;

interface EditedFile extends FileEdits {
  readonly before: StoredFile;
  readonly text: string;
}

/** Plans the edits a rule has for its finding: exactly these keys, in the files that own them. */
export function planConfigRepair(findDrafts: FindDrafts): Fix["plan"] {
  return async (finding, facts, policy) => {
    const drafts = await findDrafts(facts, policy);
    const draft = drafts.find(({ finding: { target } }) => target === finding.target);
    if (draft === undefined || draft.edits.length === 0)
      return { skip: "no key of the config is to be changed for it" };
    const refused = mayNotWrite(facts);
    if (refused !== null) return { skip: refused };
    const graph = facts.configGraph();
    if (graph.problem !== null) return { skip: `${graph.problem.message} ${graph.problem.remedy}` };
    try {
      return await planEdits(draft.edits, finding, facts, graph);
    } catch (error) {
      if (error instanceof UserError) return { skip: `${error.message} ${error.remedy}` };
      throw error;
    }
  };
}

/** Why the config must not be written; null when it may. As the host decides it. */
function mayNotWrite({ configReadOnly }: Facts): string | null {
  if (configReadOnly === null) return null;
  return `the config is read-only here (${configReadOnly}): change it where it comes from`;
}

async function planEdits(
  edits: readonly ConfigChange[],
  finding: Finding,
  facts: Facts,
  graph: ConfigGraph,
): Promise<Repair | Skip> {
  const files = planConfigEdits(graph, edits).map(edited);
  const outside = facts.updating
    ? [facts.configPath, ...files.map(({ real }) => real)].find((file) => !isInside(facts.stateDir, file))
    : undefined;
  if (outside !== undefined) return { skip: `${outside} lies outside of the state directory of this update` };
  const { version } = facts.host();
  const refused = version === null ? null : await whyRefused(edits, version);
  if (refused !== null) return { skip: refused };
  const changes = await sentences(edits, version);
  return {
    summary: finding.fix?.summary ?? "",
    risk: finding.fix?.risk ?? "confirm",
    effects: edits.map(
      (edit): RepairEffect => ({ kind: "config", action: action(edit), target: formatPath(edit.path) }),
    ),
    diffs: files.map(({ real, before, text, edits: own }) =>
      configDiff(
        real,
        before.bytes.toString("utf8"),
        text,
        own.map(({ path }) => path),
      ),
    ),
    config: { edits, included: files.find(({ included }) => included)?.file ?? null, changes },
    async apply(run) {
      // Read anew: another repair of this run may have written the same file.
      const now = readConfigGraph(facts.configPath, facts.env);
      if (now.problem !== null) return { status: "failed", reason: now.problem.message };
      if (!edits.every(({ path }) => isDeepStrictEqual(now.ownerOf(path)?.raw, graph.ownerOf(path)?.raw)))
        return { status: "skipped", reason: "it was changed since it was judged" };
      const writes = planConfigEdits(now, edits).map(edited);
      // Up to 2026.7 the host takes the config's lock for all its files, later also that of each file it includes.
      const own = (await facts.era()) === "sqlite" ? writes.filter(({ included }) => included) : [];
      const locks = [facts.configPath, ...own.map(({ real }) => real)].map((file) => `${file}.lock`);
      const verify = (): string | null => whatIsWrong(now, edits, readConfigGraph(facts.configPath, facts.env));
      return await writeConfig({ files: writes, locks, changes, verify }, run);
    },
  };
}

/** @throws UserError when the file cannot be read or edited as wanted. */
function edited(file: FileEdits): EditedFile {
  if (crossesUsers(file.file))
    throw new UserError(`${file.file} leads to a file of another user.`, "Change it by hand.");
  let before: StoredFile;
  try {
    before = readStoredFile(file.real);
  } catch (error) {
    throw new UserError(`${file.file} cannot be read (${errorText(error)}).`, "Change it by hand.");
  }
  return { ...file, before, text: editConfigText(before.bytes.toString("utf8"), file.edits).text };
}

/** The whole config as it was, with these keys changed and nothing else. */
function whatIsWrong(before: ConfigGraph, edits: readonly ConfigChange[], after: ConfigGraph): string | null {
  if (after.problem !== null) return `the config could not be read afterwards: ${after.problem.message}`;
  return isDeepStrictEqual(after.raw, withChanges(before.raw, edits)) ? null : "other keys would change with it";
}

function action(edit: ConfigChange): string {
  return "set" in edit ? `set to ${JSON.stringify(edit.set)}` : "remove";
}

/** What is done, and when a running gateway takes it over. */
async function sentences(edits: readonly ConfigChange[], version: string | null): Promise<string[]> {
  const said = edits.map((edit) =>
    "set" in edit ? `set ${formatPath(edit.path)} to ${JSON.stringify(edit.set)}` : `removed ${formatPath(edit.path)}`,
  );
  if (version === null) return said;
  const reloads = edits.map(({ path }) => reloadOf(formatPath(path), version));
  const taken = reloads.includes("restart")
    ? "a running gateway takes it with a restart"
    : reloads.includes("next-run")
      ? "a running gateway heeds it from the next run on"
      : "a running gateway takes it over at once";
  return [...said, taken];
}
