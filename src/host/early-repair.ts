import path from "node:path";
import type { RepairResult } from "../engine/repair.ts";
import { printable } from "./closing-section.ts";

/** How long the host may take to give our checks their turn before this goes ahead without one. Milliseconds. */
const HOST_TURN_MS = 1500;

/**
 * `openclaw doctor --fix` of 2026.9.6 waits for the lock of the config before any plugin gets a turn, and gives up
 * after some 25 s when nobody holds it. The event loop runs meanwhile: a safe repair of just such locks, from here,
 * frees the doctor. On exit it is said what was done, or why the lock stayed.
 *
 * @param run id of the run in the journal
 * @returns to be awaited whenever the host gives a check its turn: from then on this does nothing more.
 */
export function startEarlyRepair(run: string): () => Promise<void> {
  let hostsTurn = false;
  let working: Promise<void> | undefined;
  let result: RepairResult | undefined;
  const timer = setTimeout(() => {
    working = repairConfigLocks(run).then(
      (done) => {
        result = done;
      },
      () => {}, // the check says it when its turn comes
    );
  }, HOST_TURN_MS);
  timer.unref(); // a doctor that is done must not wait for this
  process.once("exit", () => {
    if (result !== undefined) process.stdout.write(earlySection(result, hostsTurn));
  });
  return async () => {
    hostsTurn = true;
    clearTimeout(timer);
    await working;
  };
}

async function repairConfigLocks(run: string): Promise<RepairResult | undefined> {
  const [{ gatherFacts }, { repair }, { isEnabled }, { findEntry, othersThan }] = await Promise.all([
    import("../facts/facts.ts"),
    import("../engine/repair.ts"),
    import("./enabled.ts"),
    import("../engine/catalogue.ts"),
  ]);
  const { config, updating } = gatherFacts();
  // Of a config that cannot be read nobody knows whether it turns this plugin off.
  if (updating || config.problem !== null || !isEnabled(config.value)) return undefined;
  return await repair({ skip: othersThan(findEntry("config-lock")), run });
}

/** What was moved; what stayed only if the host never asked our checks, which say it themselves. "" for nothing. */
export function earlySection({ repairs, remaining, run, stateDir }: RepairResult, hostsTurn: boolean): string {
  const short = (text: string): string => printable(text.replaceAll(stateDir + path.sep, ""));
  const moved = repairs.filter(({ status }) => status === "repaired").flatMap(({ changes }) => changes);
  const lines = moved.map((change) => `- The doctor would have waited for a lock that nobody holds: ${short(change)}`);
  const left = hostsTurn ? [] : remaining.filter(({ severity }) => severity !== "info");
  if (!hostsTurn) {
    const undone = repairs.filter(
      ({ status, risk }) => status === "failed" || (status === "skipped" && risk === "safe"),
    );
    lines.push(
      ...undone.map(({ path: file, status, reason }) => `- ${short(`${file ?? ""} ${status}: ${reason ?? ""}`)}`),
      ...left.map(
        ({ message, fixHint, fix }) => `- ${short(`${message} ${fix === null ? (fixHint ?? "") : ""}`).trimEnd()}`,
      ),
    );
  }
  if (lines.length === 0) return "";
  if (moved.length > 0) lines.push(`Take it back with "openclaw vitals undo ${run}".`);
  // The doctor would run into the lock again before it asks us.
  if (left.some(({ fix }) => fix !== null)) lines.push('Run "openclaw vitals fix" to repair it.');
  return `\nVitals\n${lines.join("\n")}\n`;
}
