import type { PlannedRepair } from "../engine/apply.ts";
import type { Risk } from "../engine/types.ts";
import { Interrupted } from "./interrupts.ts";
import { columnsOf, plain, type Terminal } from "./terminal.ts";
import { wrap } from "./wrap.ts";

/** What a risk means, for those who meet the word for the first time. */
const MEANING: Record<Risk, string> = {
  safe: "Safe: nothing is lost.",
  confirm: "Confirm: only you know whether it is wanted.",
  disruptive: "Disruptive: it interrupts running work.",
};

/** Symbols that a screen reader says and every terminal shows. */
const ICON = { checked: "[x]", unchecked: "[ ]", cursor: ">" };

/**
 * Asks which repairs to run.
 * @param preselected chosen unless somebody says otherwise
 * @throws Interrupted on Ctrl-C
 */
export async function askWhich(
  terminal: Terminal,
  planned: readonly PlannedRepair[],
  preselected: ReadonlySet<PlannedRepair>,
): Promise<ReadonlySet<PlannedRepair>> {
  const prompt = await openPrompt(terminal);
  // Beside the cursor and the box; the terminal's last column stays free.
  const columns = (columnsOf(terminal.stderr) ?? 80) - 6;
  const choices = planned.map((one) => ({
    name: wrap(choiceText(one), columns).replaceAll("\n", "\n    "),
    short: plain(one.finding.target ?? one.finding.id),
    description: wrap(`${meaning(one)} ${plain(one.finding.message)}`, columns),
    value: one,
    checked: preselected.has(one),
  }));
  const message = "Which of these shall be repaired?";
  const theme = { icon: ICON, style: { renderSelectedChoices: (chosen: readonly unknown[]) => tally(chosen.length) } };
  const question = { type: "checkbox", name: "chosen", message, choices, pageSize: 12, loop: false, theme } as const;
  const { chosen } = await prompt([question]).catch(interrupted);
  return new Set(chosen);
}

/** A repair as it is offered: its risk, what it is about and what would be done, in a few words. */
export function choiceText({ finding, repair }: PlannedRepair): string {
  const actions = new Set(repair.effects.map(({ action }) => plain(action)));
  const what = finding.verdict !== undefined && repair.effects.every(({ kind }) => kind === "file") ? "lock of " : "";
  return `${repair.risk}  ${what}${plain(finding.target ?? finding.id)}: ${[...actions].join(", ")}`;
}

function meaning({ repair }: PlannedRepair): string {
  const final = repair.final || repair.risk === "disruptive";
  return `${MEANING[repair.risk]} It ${final ? "cannot" : "can"} be undone.`;
}

function tally(number: number): string {
  return number === 0 ? "none" : String(number);
}

/** A yes or no question. @throws Interrupted on Ctrl-C */
export async function askYesNo(terminal: Terminal, message: string, preset = false): Promise<boolean> {
  const prompt = await openPrompt(terminal);
  const { yes } = await prompt([{ type: "confirm", name: "yes", message, default: preset }]).catch(interrupted);
  return yes;
}

async function openPrompt({ stdin, stderr }: Terminal) {
  const { default: inquirer } = await import("inquirer");
  return inquirer.createPromptModule({ input: stdin, output: stderr });
}

function interrupted(error: unknown): never {
  if (error instanceof Error && error.name === "ExitPromptError") throw new Interrupted();
  throw error;
}
