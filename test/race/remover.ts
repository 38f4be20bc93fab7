/**
 * Run by the duel: removes stale locks from one path until it is told to end.
 * `remover.ts <quarantine|unlink|compare> <lock> <state dir>`
 */
import { unlinkSync } from "node:fs";
import { openQuarantine } from "../../src/engine/quarantine.ts";
import { type LockSnapshot, lookAtLock, sameLock } from "../../src/facts/lock-file.ts";
import { DEAD_PID, pause } from "./pause.ts";

const [how = "", file = "", stateDir = ""] = process.argv.slice(2);
const result = { attempts: 0, removed: 0, putBack: 0, stuck: 0 };
let ended = false;
process.stdin.on("end", () => {
  ended = true;
});
process.stdin.resume();

/** What the verdict says in this duel: one pid is the dead owner's, any other is the live host. */
function isStale({ payload }: LockSnapshot): boolean {
  return payload.status === "ok" && payload.pid === DEAD_PID;
}

/** A look that finds a stale lock, or null. */
function find(): LockSnapshot | null {
  const look = lookAtLock(file);
  return look.kind === "file" && isStale(look.snapshot) ? look.snapshot : null;
}

/** Most that passes between the last look and the blow, the same for every way. Milliseconds. */
const GAP = 0.3;

const quarantine =
  how === "quarantine"
    ? openQuarantine(stateDir, "duel", {
        onStep: (step) => {
          if (step === "move") pause(GAP);
        },
      })
    : null;

async function remove(judged: LockSnapshot): Promise<void> {
  if (quarantine === null) {
    if (how === "compare") {
      const now = lookAtLock(file);
      if (now.kind !== "file" || !sameLock(now.snapshot, judged)) return;
    }
    pause(GAP);
    try {
      unlinkSync(file);
      result.removed += 1;
    } catch {
      // the host was first
    }
    return;
  }
  const outcome = await quarantine.remove({
    path: file,
    judged,
    judgeAgain: async () => true,
    checkId: "vitals/stale-lock",
    fixId: "stale-lock",
    findingId: "0",
  });
  if (outcome.status === "repaired") result.removed += 1;
  else if (outcome.reason.includes("left there")) result.putBack += 1;
  else if (outcome.reason.includes("is kept at")) result.stuck += 1;
  else if (outcome.status === "failed") throw new Error(outcome.reason);
}

process.stdout.write("ready\n");
while (!ended) {
  const judged = find();
  if (judged !== null) {
    result.attempts += 1;
    await remove(judged);
  }
  if (Math.random() < 0.05) await new Promise(setImmediate); // to hear the end
}
quarantine?.close();
process.stdout.write(`${JSON.stringify(result)}\n`);
