/**
 * `npm run bench:race [-- --json] [-- --rounds <n>]`: what three ways of removing a stale lock do to the live locks of
 * a host that takes the same path. Exit 1 when ours destroyed one or lost a file, or when the figures prove nothing
 * because a control destroyed none or no live lock came between our look and our move.
 */
import { parseArgs } from "node:util";
import { duel, type Tally, type Way } from "../test/race/duel.ts";
import { table } from "./table.ts";

const NAMES: Record<Way, string> = {
  quarantine: "openclaw-vitals",
  compare: "compare, then unlink",
  unlink: "blind unlink",
};
const COLUMNS: Record<string, (tally: Tally) => string | number> = {
  removal: ({ way }) => NAMES[way],
  rounds: ({ rounds }) => rounds,
  "live locks taken": ({ taken }) => taken,
  "missing for a moment": ({ missing, destroyed }) => missing - destroyed,
  destroyed: ({ destroyed }) => destroyed,
  "put back": ({ putBack }) => putBack,
  "after release": ({ leftBehind }) => leftBehind,
  stuck: ({ stuck }) => stuck,
  "stale locks removed": ({ removed }) => removed,
  unrestorable: ({ unrestorable }) => unrestorable,
};

const { values } = parseArgs({ options: { json: { type: "boolean" }, rounds: { type: "string", default: "20000" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number above 0");
const tallies: Tally[] = [];
for (const way of ["quarantine", "compare", "unlink"] as const) {
  process.stderr.write(`${NAMES[way]}: ${rounds} rounds\n`);
  tallies.push(await duel(way, { rounds }));
}
const rows = tallies.map((tally) => Object.values(COLUMNS).map((of) => String(of(tally))));
process.stdout.write(values.json ? `${JSON.stringify(tallies, null, 2)}\n` : table([Object.keys(COLUMNS), ...rows]));
const holds = tallies.every(({ way, destroyed, unrestorable, putBack }) =>
  way === "quarantine" ? destroyed === 0 && unrestorable === 0 && putBack > 0 : destroyed > 0,
);
process.exitCode = holds ? 0 : 1;
