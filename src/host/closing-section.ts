import { errorText, UserError } from "../engine/errors.ts";
import { type Finding, isAside } from "../engine/types.ts";

/**
 * Plain `openclaw doctor` gives plugins no turn: one read-only scan starts now, and if it is finished when the
 * doctor exits, a short section follows the doctor's last line. Silent when there is nothing to say.
 */
export function announceAtExit(): void {
  let section = "";
  void scan().then(
    (text) => {
      section = text;
    },
    () => {}, // the doctor itself says what is wrong with the install
  );
  process.once("exit", () => {
    if (section !== "") process.stdout.write(section);
  });
}

/** What is to be said; "" for nothing. @throws when there is nothing to look at. */
async function scan(): Promise<string> {
  const [{ gatherFacts }, { runChecks }, { isEnabled }] = await Promise.all([
    import("../facts/facts.ts"),
    import("../engine/diagnose.ts"),
    import("./enabled.ts"),
  ]);
  const facts = gatherFacts();
  if (!isEnabled(facts.config.value)) return "";
  try {
    const { findings } = (await runChecks({}, facts)).diagnosis;
    const heard = findings.filter((finding) => !isAside(finding));
    return heard.length === 0 ? "" : closingSection(heard);
  } catch (error) {
    return notLooked(error);
  }
}

/** A policy that is not valid keeps every check from running, and nobody else would say so. */
export function notLooked(error: unknown): string {
  // The words of any other error are nobody's: they may quote what they stumbled over.
  if (!(error instanceof UserError)) return '\nVitals\n- Nothing was looked at.\nSee "openclaw vitals".\n';
  return `\nVitals\n- Nothing was looked at: ${printable(errorText(error))}\n${printable(error.remedy)}\n`;
}

/** The section itself: one line a finding, then the command that repairs. */
export function closingSection(findings: readonly Finding[]): string {
  const shown = findings.slice(0, 5).map((finding) => `- ${printable(finding.message)}`);
  if (findings.length > shown.length) shown.push(`- and ${findings.length - shown.length} more: openclaw vitals`);
  const risks = findings.flatMap(({ fix }) => (fix === null ? [] : [fix.risk]));
  const next =
    risks.length === 0
      ? 'See "openclaw vitals" for the evidence.'
      : risks.every((risk) => risk === "disruptive")
        ? 'Run "openclaw vitals fix" to repair: it says what that interrupts, and asks.'
        : 'Run "openclaw doctor --fix" to repair; it can be undone with "openclaw vitals undo".';
  return `\nVitals\n${shown.join("\n")}\n${next}\n`;
}

/** Without control characters, which could write over what stands on the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}
