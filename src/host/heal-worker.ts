/** The program of a round's own process: one JSON document on stdout. */
import os from "node:os";
import { healRound } from "./heal-round.ts";

try {
  os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL);
} catch {
  // the gateway comes first where that can be had
}
const round = await healRound(process.argv[2] === undefined ? {} : { hostVersion: process.argv[2] });
process.stdout.write(JSON.stringify(round));
