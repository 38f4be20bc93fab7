import type { Facts } from "../facts/facts.ts";
import { errorText } from "./errors.ts";
import { ownPlaces } from "./own-places.ts";
import type { StepHook } from "./put-back.ts";
import { openQuarantine } from "./quarantine.ts";
import type { Finding, Repair, RepairOutcome } from "./types.ts";

/** The config of a host that runs us, as it will write it. */
export interface HostConfig {
  value: Readonly<Record<string, unknown>>;
}

export interface PlannedRepair {
  readonly finding: Finding;
  readonly fixId: string;
  readonly repair: Repair;
}

/** Who watches repairs happen, one after the other. Must not throw. */
export interface RepairWatcher {
  /** The repair begins; it may take minutes. */
  begin(planned: PlannedRepair): void;
  /** What came of it. Whether its finding is gone is only known at the end of the run. */
  end(planned: PlannedRepair, outcome: RepairOutcome): void;
  /** All had their turn, and everything is looked at again. */
  lookAgain(): void;
}

/** The part of the options of a repair that says how it is applied. */
export interface ApplyOptions {
  readonly watcher?: RepairWatcher | undefined;
  /** Once aborted, the repair at work is brought to its end and no other begins. */
  readonly signal?: AbortSignal | undefined;
  /** Changes of the config are not written but made in this, where the host that runs us takes them from. */
  readonly hostConfig?: HostConfig | undefined;
  /** Called before each step of a removal; for tests. */
  readonly onStep?: StepHook | undefined;
}

/**
 * Locks first: one that a dead process left keeps us from the config as it keeps the host. What was judged while a
 * gateway ran is repaired while it runs.
 */
export function inOrder(agreed: ReadonlySet<PlannedRepair>): PlannedRepair[] {
  const rank = ({ repair }: PlannedRepair): number => {
    if (repair.risk === "disruptive") return 2;
    return repair.config === undefined ? 0 : 1;
  };
  return [...agreed].sort((a, b) => rank(a) - rank(b));
}

export interface Applied {
  readonly planned: PlannedRepair;
  readonly outcome: RepairOutcome;
  /** The host makes the change and keeps the old config: nothing is in our journal. */
  readonly byHost?: true;
  /** Its turn never came. */
  readonly untouched?: true;
}

/** A removal may pass without a pause in which an interruption could be heard: how long that may go on. Milliseconds. */
const DEAF_MS = 10;

/** Waits for what came meanwhile, when there was no pause for so long. */
function pausing(): () => Promise<void> | undefined {
  let heardAt = performance.now();
  return () => {
    if (performance.now() - heardAt < DEAF_MS) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        heardAt = performance.now();
        resolve();
      }),
    );
  };
}

/** So many removals are begun together: their intents reach the disk with one sync, and none waits long for its turn. */
const TOGETHER = 16;

/** Removals together, everything else by itself. */
function* grouped(agreed: readonly PlannedRepair[], most: number): Iterable<readonly PlannedRepair[]> {
  let group: PlannedRepair[] = [];
  for (const planned of agreed) {
    const joins = planned.repair.removes && group[0]?.repair.removes && group.length < most;
    if (!joins && group.length > 0) {
      yield group;
      group = [];
    }
    group.push(planned);
  }
  if (group.length > 0) yield group;
}

/**
 * Applies repairs one after the other, through the journal of the run. None keeps another from its turn. Where nobody
 * watches, removals are begun together.
 */
export async function applyAll(
  agreed: readonly PlannedRepair[],
  facts: Facts,
  run: string,
  { onStep, hostConfig, watcher, signal }: ApplyOptions,
): Promise<Applied[]> {
  const own = ownPlaces(facts.stateDir, facts);
  const quarantine = openQuarantine(facts.stateDir, run, { onStep, confined: facts.updating, own, signal });
  const applied: Applied[] = [];
  const hearSignals = pausing();
  const applyOne = async (planned: PlannedRepair): Promise<Applied> => {
    const { finding, fixId, repair } = planned;
    if (signal?.aborted) return { planned, outcome: { status: "skipped", reason: "interrupted" }, untouched: true };
    watcher?.begin(planned);
    if (repair.config !== undefined && hostConfig !== undefined)
      return { planned, outcome: await changeHostConfig(hostConfig, repair, repair.config, finding), byHost: true };
    const outcome = await repair
      .apply({ run, fixId, checkId: finding.checkId, findingId: finding.id, quarantine })
      .catch((error: unknown): RepairOutcome => ({ status: "failed", reason: errorText(error) }));
    return { planned, outcome };
  };
  try {
    for (const group of grouped(agreed, watcher === undefined ? TOGETHER : 1)) {
      if (signal !== undefined) await hearSignals();
      for (const one of await Promise.all(group.map(applyOne))) {
        watcher?.end(one.planned, one.outcome);
        applied.push(one);
      }
    }
  } finally {
    quarantine.close();
  }
  watcher?.lookAgain();
  return applied;
}

/** The host does not persist for us what a `$include` owns, and writing it under the host's feet is undone by it. */
async function changeHostConfig(
  host: HostConfig,
  { risk }: Repair,
  { edits, included, changes }: NonNullable<Repair["config"]>,
  { checkId }: Finding,
): Promise<RepairOutcome> {
  if (included !== null) {
    // It came to this because somebody agreed: a script that runs the command must not be asked again.
    const command = `openclaw vitals fix --only ${checkId.replace(/^vitals\//, "")}${risk === "confirm" ? " --yes" : ""}`;
    return { status: "skipped", reason: `it is set in ${included}, which is included: run \`${command}\`` };
  }
  host.value = (await import("./config-value.ts")).withChanges(host.value, edits);
  return { status: "repaired", changes };
}
