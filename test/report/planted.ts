/** A state dir full of what must not leave, in every place that a reader of ours looks at. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setAge } from "../engine/sandbox.ts";
import { deadPid, payload, put } from "../facts/sandbox.ts";

/** What was planted, by what it is. No part of it is a word of the program or a number that could be measured. */
export const PLANTED = {
  agent: "zwiebelfisch",
  "agent with spaces": "Wilhelmine Quastenflosser",
  "agent that is a phone number": "+49 1512 3456789",
  "agent with an address": "qvist@knallerbsen.example",
  session: "7f3e9d52-6b1c-4a08-9e77-d1c2b3a49586",
  "session of a phone number": "4915198765432",
  "session of a chat": "agent:main:whatsapp:+491629998877",
  channel: "klabautermann",
  account: "pfefferminz",
  token: "sk-ant-api03-QxZrVbNmLkJh",
  "bot token": "7719002233:AAHxqWvZkPjYt",
  address: "192.168.178.47",
  host: "nebelkraehe.fritz.box",
  user: "schnurrbart",
  message: "geheimnisvolle Botschaft",
  "include file": "familienrezepte",
  job: "naechtliche-bilanz",
  "job text": "Ueberweisung Kaltmiete",
  process: "moewenschiss-daemon",
  folder: "Stammbaumforschung",
} as const;

/** Kinds of which a part is in a text: half of a secret is one, too. */
export function foundIn(text: string): string[] {
  const flat = text.toLowerCase();
  return Object.entries(PLANTED).flatMap(([kind, secret]) => {
    // Shorter numbers are in any text by chance.
    const parts = secret.toLowerCase().match(/(?!\d{1,5}(?!\d))[\p{L}\d]{5,}|178\.47/gu) ?? [];
    return parts.some((part) => !ORDINARY.has(part) && flat.includes(part)) ? [kind] : [];
  });
}

/** Parts that stand in reports for other reasons. */
const ORDINARY = new Set(["agent", "whatsapp", "example", "daemon"]);

export interface PlantedState {
  readonly stateDir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Agent and session of each session lock. */
  readonly locks: readonly { readonly agent: string; readonly session: string; readonly file: string }[];
}

/** A process with a telling name that is no OpenClaw. Stop it after. */
export async function namedProcess(): Promise<{ readonly pid: number; stop(): void }> {
  const code = `process.title = ${JSON.stringify(PLANTED.process)}; console.log("up"); setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  return { pid: child.pid ?? 0, stop: () => void child.kill("SIGKILL") };
}

/**
 * Locks of dead owners, one of a live process when it is given, a broken lock, a config with findings and names, an
 * include, cron jobs, a journal.
 */
export function plantedState(root: string, livePid?: number): PlantedState {
  const home = path.join(root, PLANTED.user, PLANTED.folder);
  const stateDir = path.join(home, ".openclaw");
  const file = (name: string, text: string): string => put(path.join(stateDir, name), text);
  const locks = [
    [PLANTED.agent, PLANTED.session],
    [PLANTED.agent, PLANTED["session of a phone number"]],
    [PLANTED["agent with spaces"], "one"],
    [PLANTED["agent that is a phone number"], PLANTED["session of a chat"]],
    [PLANTED["agent with an address"], PLANTED.message],
    ["main", `${PLANTED.session}-topic-${PLANTED.folder}`],
  ].map(([agent = "", session = ""]) => {
    const transcript = file(`agents/${agent}/sessions/${session}.jsonl`, `{"text":"${PLANTED.message}"}\n`);
    const more = { host: PLANTED.host, owner: PLANTED.user, token: PLANTED.token, note: PLANTED.message };
    return { agent, session, file: put(`${transcript}.lock`, payload(deadPid(), more)) };
  });
  if (livePid !== undefined) setAge(file("agents/main/sessions/live.jsonl.lock", payload(livePid)), 3_600_000);
  setAge(
    file(`agents/${PLANTED.agent}/agent/auth-profiles.json.lock`, `${PLANTED.token} ${PLANTED.message}`),
    3_600_000,
  );
  setAge(file("openclaw.json.lock", `{"pid": "${PLANTED["bot token"]}"}`), 3_600_000);
  file(
    "openclaw.json",
    `{
  // ${PLANTED.message} ${PLANTED.address}
  $include: "./${PLANTED["include file"]}.json5",
  meta: { lastTouchedVersion: "2026.5.22" },
  gateway: { auth: { token: "${PLANTED.token}" }, remote: { url: "wss://${PLANTED.host}:18789" } },
  agents: {
    defaults: { runRetries: { min: 160, max: 200 }, timeoutSeconds: 2999999 },
    list: [
      { id: "${PLANTED.agent}", runRetries: { min: 90, max: 90 } },
      { id: "${PLANTED.channel}", tools: { exec: { timeoutSec: 3000000 } } },
    ],
  },
}
`,
  );
  file(
    `${PLANTED["include file"]}.json5`,
    `{ channels: { ${PLANTED.channel}: { retry: { attempts: 99 } },
       telegram: { botToken: "${PLANTED["bot token"]}", accounts: {
         ${PLANTED.account}: { retry: { attempts: 77 } }, "${PLANTED["agent that is a phone number"]}": { retry: { attempts: 78 } } } } } }`,
  );
  const job = { kind: "agentTurn", timeoutSeconds: 0, message: PLANTED["job text"], to: PLANTED["session of a chat"] };
  file("cron/jobs.json", JSON.stringify([{ id: PLANTED.job, name: PLANTED["job text"], payload: job }]));
  file("vitals/journal.jsonl", journal(stateDir));
  const env = { HOSTNAME: PLANTED.host, USER: PLANTED.user, HOME: home, OPENCLAW_GATEWAY_PORT: "1" };
  return { stateDir, env, locks };
}

/** Lines as ours, and lines as somebody might have written them. */
function journal(stateDir: string): string {
  const entry = {
    v: 1,
    at: "2026-11-20T10:00:00.000Z",
    run: "20261120T100000Z-0a1b2c",
    n: 1,
    phase: "moved",
    checkId: "vitals/stale-lock",
    fixId: "stale-lock",
    findingId: "0f1e2d3c4b5a",
    from: path.join(stateDir, "agents", PLANTED.agent, "sessions", `${PLANTED.session}.jsonl.lock`),
    to: path.join(stateDir, "vitals/quarantine/20261120T100000Z-0a1b2c", `1-${PLANTED.session}.jsonl.lock`),
    reason: PLANTED.message,
    file: { dev: "1", ino: "1", size: 1, mtimeNs: "1", sha256: "0" },
  };
  const forged = {
    ...entry,
    n: 2,
    at: PLANTED.message,
    run: PLANTED.user,
    phase: PLANTED.token,
    checkId: PLANTED.host,
    fixId: PLANTED.host,
    findingId: PLANTED.address,
    from: `/home/${PLANTED.user}/${PLANTED.folder}/${PLANTED.message}`,
  };
  return `${JSON.stringify(entry)}\n${JSON.stringify(forged)}\n${PLANTED.message}\n`;
}
