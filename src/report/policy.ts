import path from "node:path";
import { type Paint, plain } from "../cli/terminal.ts";
import type { Origin } from "../engine/policy-sources.ts";
import type { PolicyRow, SilenceRow } from "../engine/policy-view.ts";

/** The policy in force, for people. Checks that are as they say themselves are one line together. */
export function renderPolicy(
  {
    stateDir,
    values,
    silences,
    problems,
  }: {
    readonly stateDir: string;
    readonly values: readonly PolicyRow[];
    readonly silences: readonly (SilenceRow & Origin)[];
    readonly problems: readonly string[];
  },
  paint: Paint,
): string {
  const from = ({ source, where }: Origin): string =>
    plain(where?.replace(stateDir + path.sep, "") ?? source) + (source === "plugin-config" ? " (openclaw.json)" : "");
  const untouched = values.filter((row) => row.key.startsWith("checks.") && row.source === "default");
  const rows = values.filter((row) => !untouched.includes(row)).map((row) => [row.key, shown(row.value), from(row)]);
  if (untouched.length > 0) {
    const others = rows.some(([key]) => key?.startsWith("checks."))
      ? "checks.<other>.severity"
      : "checks.<id>.severity";
    rows.unshift([others, "default", "default"]);
  }
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(([key = "", value = "", origin = ""]) => {
    const line = `${key.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${origin}`;
    return origin === "default" ? paint("dim", line) : line;
  });
  const silence = silences.flatMap(({ id, check, reason, until, ended, ...origin }) => [
    `${ended ? paint("yellow", "ended") : "silenced"}  ${id === undefined ? `all of ${check}` : `finding ${id}`} until ${until}, ${from(origin)}`,
    `  ${plain(reason)}`,
  ]);
  return [
    `${paint("bold", "Policy")} for ${plain(stateDir)}`,
    "",
    ...lines,
    ...(silence.length > 0 ? ["", ...silence] : []),
    ...(problems.length > 0 ? ["", ...problems.map((problem) => `Not read: ${plain(problem)}.`)] : []),
    "",
  ].join("\n");
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") || "none" : String(value);
}
