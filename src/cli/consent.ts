import type { PlannedRepair } from "../engine/apply.ts";
import { plain, type Terminal } from "./terminal.ts";

/** Asks which repairs to run: those that may run unasked are preselected. Ctrl-C means none. */
export async function askWhich(
  terminal: Terminal,
  planned: readonly PlannedRepair[],
  allowed: ReadonlySet<PlannedRepair>,
): Promise<ReadonlySet<PlannedRepair>> {
  const prompt = await openPrompt(terminal);
  const choices = planned.map((one) => ({
    name: choiceText(one),
    short: plain(one.finding.target ?? one.finding.id),
    value: one,
    checked: allowed.has(one),
  }));
  const final = planned.some(isFinal);
  const message = `Which of these shall be repaired? Each can be undone${final ? ", except a restart" : ""}.`;
  const answer = await prompt([{ type: "checkbox", name: "chosen", message, choices, pageSize: 12 }]).catch(declined);
  return new Set(answer?.chosen ?? []);
}

/** A repair as it is offered: what running work it ends is known before anybody agrees to it. */
export function choiceText(one: PlannedRepair): string {
  const ends = isFinal(one) ? one.repair.effects.map(({ action }) => ` Repair: ${plain(action)}.`) : [];
  return `[${one.repair.risk}] ${plain(one.finding.message)}${ends.join("")}`;
}

function isFinal({ repair }: PlannedRepair): boolean {
  return repair.risk === "disruptive";
}

/** A yes or no question; Ctrl-C means no. */
export async function askYesNo(terminal: Terminal, message: string): Promise<boolean> {
  const prompt = await openPrompt(terminal);
  const answer = await prompt([{ type: "confirm", name: "yes", message, default: false }]).catch(declined);
  return answer?.yes ?? false;
}

async function openPrompt({ stdin, stderr }: Terminal) {
  const { default: inquirer } = await import("inquirer");
  return inquirer.createPromptModule({ input: stdin, output: stderr });
}

function declined(error: unknown): undefined {
  if (error instanceof Error && error.name === "ExitPromptError") return undefined;
  throw error;
}
