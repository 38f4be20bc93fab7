import type { Diagnosis } from "../engine/diagnose.ts";
import { type Finding, isAside } from "../engine/types.ts";

/**
 * Plain `openclaw doctor` gives plugins no turn: one read-only scan starts now, and if it is finished when the
 * doctor exits, a short section follows the doctor's last line. Silent when there is nothing to say.
 */
export function announceAtExit(): void {
  let diagnosis: Diagnosis | undefined;
  void scan().then(
    (found) => {
      diagnosis = found;
    },
    () => {}, // the doctor itself says what is wrong with the install
  );
  process.once("exit", () => {
    const findings = diagnosis?.findings.filter((finding) => !isAside(finding)) ?? [];
    if (findings.length > 0) process.stdout.write(closingSection(findings));
  });
}

async function scan(): Promise<Diagnosis | undefined> {
  const [{ gatherFacts }, { runChecks }, { isEnabled }] = await Promise.all([
    import("../facts/facts.ts"),
    import("../engine/diagnose.ts"),
    import("./enabled.ts"),
  ]);
  const facts = gatherFacts();
  if (!isEnabled(facts.config.value)) return undefined;
  return (await runChecks({}, facts)).diagnosis;
}

/** The section itself: one line a finding, then the command that repairs. */
export function closingSection(findings: readonly Finding[]): string {
  const shown = findings.slice(0, 5).map((finding) => `- ${printable(finding.message)}`);
  if (findings.length > shown.length) shown.push(`- and ${findings.length - shown.length} more: openclaw vitals`);
  const fixable = findings.some((finding) => finding.fix !== null);
  const next = fixable
    ? 'Run "openclaw doctor --fix" to repair; it can be undone with "openclaw vitals undo".'
    : 'See "openclaw vitals" for the evidence.';
  return `\nVitals\n${shown.join("\n")}\n${next}\n`;
}

/** Without control characters, which could write over what stands on the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}
