/** Run by the tests: repairs a state dir as another user. `repair-as.ts <uid> <options as JSON>` */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type RepairOptions, repair } from "../../src/engine/repair.ts";

const [uid, options] = [Number(process.argv[2]), JSON.parse(process.argv[3] ?? "{}") as RepairOptions];

// Every module is loaded with the rights to read it: this package may lie where the other user cannot look.
const warmUp = mkdtempSync(path.join(os.tmpdir(), "vitals-test-"));
const sessions = path.join(warmUp, "agents", "main", "sessions");
mkdirSync(sessions, { recursive: true });
writeFileSync(path.join(sessions, "s.jsonl.lock"), "");
utimesSync(path.join(sessions, "s.jsonl.lock"), 1, 1);
writeFileSync(path.join(warmUp, "openclaw.json"), '{ "web": { "reconnect": { "maxAttempts": 99 } } }');
const { repairs } = await repair({ ...options, stateDir: warmUp });
rmSync(warmUp, { recursive: true });
if (repairs[0]?.status !== "repaired") throw new Error("the warm-up repaired nothing");

process.setgroups?.([]);
process.setgid?.(uid);
process.setuid?.(uid);
const result = await repair(options).catch((error: Error) => ({ error: error.name, message: error.message }));
process.stdout.write(JSON.stringify(result));
