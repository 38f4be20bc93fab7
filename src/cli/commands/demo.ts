import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { diagnose } from "../../engine/diagnose.ts";
import { repair } from "../../engine/repair.ts";
import { undoRun } from "../../engine/undo.ts";
import { moduleFile } from "../../package.ts";
import { renderDiagnosis, renderRepairs, renderUndone } from "../../report/human.ts";
import { programs } from "../../run.ts";
import { type Command, EXIT } from "../main.ts";
import { columnsOf, painter, type Terminal } from "../terminal.ts";
import { wrap } from "../wrap.ts";

const AGENT = moduleFile("src/cli/demo-agent");

/** One step of the demo: what was done, and what came of it. */
interface Step {
  readonly step: string;
  readonly result: unknown;
}

/** Check, fix and undo on real files and a really killed process, in a sandbox that is removed at the end. */
const demo: Command = async (options, terminal) => {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), "openclaw-vitals-demo-")));
  const paint = painter(terminal.stdout, options.color);
  const steps: Step[] = [];
  const say = (number: number, step: string, result: unknown, text: string): void => {
    steps.push({ step, result });
    if (options.format === "human") write(terminal, `${paint("bold", `${number}. ${step}`)}\n\n${indent(text)}\n`);
  };
  try {
    const { stateDir, lockPath } = buildSandbox(root);
    // What that version is known for would only distract.
    const target = { stateDir, hostVersion: "2026.5.22", skip: ["host-hazard"] };
    const look = async () => {
      const diagnosis = await diagnose(target);
      return { diagnosis, text: renderDiagnosis(diagnosis, paint) };
    };
    const agent = await startAgent(lockPath);
    const during = await look().finally(agent.kill);
    say(1, "An agent holds its session lock. That is healthy: nothing to report.", during.diagnosis, during.text);
    await agent.ended;
    const after = await look();
    say(
      2,
      `The agent (process ${agent.pid}) was killed. Its lock stayed, and its session is locked:`,
      after.diagnosis,
      after.text,
    );
    const fixed = await repair(target);
    say(3, "fix: the lock is moved aside, after the journal is on the disk.", fixed, renderRepairs(fixed, paint));
    const healed = await look();
    say(4, "Looked again:", healed.diagnosis, healed.text);
    const undone = fixed.run === null ? [] : undoRun(stateDir, fixed.run);
    say(5, "undo: nothing was deleted, so it can be put back.", undone, renderUndone(undone, stateDir, paint));
    const ok = during.diagnosis.ok && !after.diagnosis.ok && healed.diagnosis.ok && existsSync(lockPath);
    const end = ok
      ? "That was the demo, in a sandbox that is gone now. Look at your own: `openclaw-vitals`\n"
      : "The demo did not come out as it should: please report the steps above.\n";
    return { code: ok ? EXIT.clean : EXIT.failed, document: { schemaVersion: 1, ok, steps }, text: end };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

function buildSandbox(root: string): { stateDir: string; lockPath: string } {
  const stateDir = path.join(root, ".openclaw");
  const sessions = path.join(stateDir, "agents", "coder", "sessions");
  mkdirSync(sessions, { recursive: true });
  writeFileSync(path.join(stateDir, "openclaw.json"), "{}\n");
  const transcript = path.join(sessions, "b68174ac-1d06-4f19-a8f7-f055b2fa51af.jsonl");
  writeFileSync(transcript, '{"type":"session"}\n');
  return { stateDir, lockPath: `${transcript}.lock` };
}

/** Starts a process that takes the lock, and returns when it has it. */
async function startAgent(lockPath: string) {
  const x = await programs();
  const agent = x(process.execPath, ["--no-warnings", AGENT, lockPath], { timeout: 60_000 });
  for await (const line of agent) if (line.includes("locked")) break;
  return {
    pid: agent.pid,
    kill: () => void agent.kill("SIGKILL"),
    ended: new Promise<void>((resolve) => {
      if (agent.process?.exitCode !== null || agent.process?.signalCode !== null) resolve();
      else agent.process?.once("exit", () => resolve());
    }),
  };
}

function write(terminal: Terminal, text: string): void {
  terminal.stdout.write(wrap(`${text}\n`, columnsOf(terminal.stdout)));
}

function indent(text: string): string {
  return text.trimEnd().replace(/^(?=.)/gm, "   ");
}

export default demo;
