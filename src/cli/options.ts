import { parseArgs } from "node:util";
import { UserError } from "../engine/errors.ts";
import type { RepairOptions } from "../engine/repair.ts";
import { SEVERITIES, type Severity } from "../engine/types.ts";
import { parseDuration } from "./duration.ts";
import { filled, ids, numbers, oneOf, version } from "./flag-values.ts";

export const FORMATS = ["human", "json", "sarif", "markdown", "prometheus"] as const;
export type Format = (typeof FORMATS)[number];
/** Commands that tell of findings, and so have all formats; the others speak to people or in JSON. */
const FINDING_COMMANDS = ["check", "fix"];
const PLAIN_FORMATS: readonly Format[] = ["human", "json"];

/** The command line, read. */
export interface CliOptions
  extends Omit<RepairOptions, "consent" | "config" | "onStep" | "watcher" | "signal" | "watchSignal" | "onWatch"> {
  readonly command: string;
  /** Whether the command line names it. */
  readonly named: boolean;
  /** What follows the command, e.g. the run of `undo`. */
  readonly operands: readonly string[];
  readonly format: Format;
  readonly nonInteractive: boolean;
  readonly color: boolean;
  readonly quiet: boolean;
  /** `undo --repair <n>` */
  readonly repairs: readonly number[] | undefined;
  /** `preflight --to <version>` */
  readonly to: string | undefined;
  /** `watch --every <duration>`, in milliseconds and as it was written. */
  readonly everyMs: number | undefined;
  readonly everyText: string | undefined;
  /** `report`: the file to write, a zip or Markdown by its ending. */
  readonly output: string | undefined;
  /** `report`: add what the host's own `gateway diagnostics export` writes. */
  readonly withDiagnostics: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

const FLAGS = {
  "state-dir": { type: "string" },
  config: { type: "string" },
  policy: { type: "string" },
  only: { type: "string", multiple: true },
  skip: { type: "string", multiple: true },
  "severity-min": { type: "string" },
  format: { type: "string" },
  json: { type: "boolean" },
  "host-version": { type: "string" },
  to: { type: "string" },
  every: { type: "string" },
  "watch-for": { type: "string" },
  "non-interactive": { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  force: { type: "boolean" },
  "dry-run": { type: "boolean" },
  fix: { type: "boolean" },
  repair: { type: "string", multiple: true },
  output: { type: "string", short: "o" },
  "with-diagnostics": { type: "boolean" },
  "no-color": { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
} as const;

/** Flags that only one command has. */
const OWN_FLAGS = { to: "preflight", output: "report", "with-diagnostics": "report" } as const;

/** Commands with what they take besides flags. */
export const COMMANDS: Readonly<
  Record<string, { readonly operands: number; readonly summary: string; readonly usage: string }>
> = {
  check: {
    operands: 0,
    usage: "check",
    summary: "Look and report; asks and changes nothing. --fix makes it `fix`.",
  },
  fix: {
    operands: 0,
    usage: "fix [--dry-run]",
    summary: "Repair what loses nothing by it, then look again.",
  },
  undo: {
    operands: 1,
    usage: "undo [run] [--repair n]",
    summary: "Put back what a run of `fix` moved away, whole or one repair.",
  },
  history: { operands: 0, usage: "history", summary: "List the runs of `fix` and what can be undone." },
  watch: {
    operands: 0,
    usage: "watch [--every 5m]",
    summary: "Look again and again, tell what changed; repairs nothing.",
  },
  report: {
    operands: 0,
    usage: "report [--output file]",
    summary: "Write a bug report that names nobody: Markdown, or a zip (file.zip).",
  },
  baseline: {
    operands: 2,
    usage: "baseline save|compare [name]",
    summary: "Measure this OpenClaw before an update, and compare after it.",
  },
  preflight: {
    operands: 0,
    usage: "preflight --to <version>",
    summary: "Say whether OpenClaw may be upgraded now, or what is in the way.",
  },
  list: { operands: 0, usage: "list", summary: "List the checks." },
  explain: { operands: 1, usage: "explain <id>", summary: "Explain a check: what it finds, what its repair does." },
  policy: { operands: 0, usage: "policy", summary: "Show the policy in force, and where each value comes from." },
  demo: { operands: 0, usage: "demo", summary: "Show check, fix and undo in a sandbox with a really dead process." },
};

/**
 * Reads the command line.
 * @throws UserError for anything that is not understood; `isJson` tells beforehand how to print it.
 */
export function parseCommandLine(argv: readonly string[]): CliOptions {
  const { values, positionals } = parse(argv);
  const [first, ...operands] = positionals;
  // As a doctor's user expects, `--fix` and `--repair` mean `fix`; `undo --repair n` picks one repair.
  const named = first ?? (values.fix || values.repair !== undefined ? "fix" : "check");
  const command = named === "check" && (values.fix || values.repair !== undefined) ? "fix" : named;
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (!known)
    throw new UserError(`There is no command "${command}".`, `The commands are: ${Object.keys(COMMANDS).join(", ")}.`);
  if (operands.length > known.operands)
    throw new UserError(
      `\`${command}\` does not take "${operands[known.operands]}".`,
      `Usage: openclaw-vitals ${known.usage}`,
    );
  if (command === "undo" && values["dry-run"])
    throw new UserError("`undo` has no --dry-run.", "`openclaw-vitals history` shows what it would put back.");
  const format = values.json ? "json" : (oneOf("--format", values.format, FORMATS) ?? "human");
  if (!FINDING_COMMANDS.includes(command) && !PLAIN_FORMATS.includes(format) && !values.help && !values.version)
    throw new UserError(
      `\`${command}\` has no format "${format}".`,
      `Allowed: ${PLAIN_FORMATS.join(", ")}. The others are for ${FINDING_COMMANDS.join(" and ")}.`,
    );
  for (const [flag, owner] of Object.entries(OWN_FLAGS))
    if (values[flag as keyof typeof OWN_FLAGS] !== undefined && command !== owner)
      throw new UserError(`\`${command}\` has no --${flag}.`, `It belongs to \`openclaw-vitals ${owner}\`.`);
  return {
    command,
    named: first !== undefined,
    operands,
    stateDir: filled("--state-dir", values["state-dir"]),
    configPath: filled("--config", values.config),
    policyFile: filled("--policy", values.policy),
    only: ids("--only", values.only),
    skip: ids("--skip", values.skip),
    severityMin: oneOf("--severity-min", values["severity-min"], SEVERITIES) as Severity | undefined,
    format,
    hostVersion: version("--host-version", values["host-version"]),
    to: version("--to", values.to),
    everyMs: every(command, values.every),
    everyText: values.every,
    watchForMs: watchFor(command, values["watch-for"]),
    nonInteractive: values["non-interactive"] ?? false,
    yes: values.yes ?? false,
    force: values.force ?? false,
    dryRun: values["dry-run"] ?? false,
    color: !values["no-color"],
    quiet: values.quiet ?? false,
    repairs: command === "undo" ? numbers(values.repair) : undefined,
    output: filled("--output", values.output),
    withDiagnostics: values["with-diagnostics"] ?? false,
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

function watchFor(command: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  // What is only seen over time can only be repaired by a run that saw it.
  if (command !== "check" && command !== "fix")
    throw new UserError(
      `\`${command}\` has no --watch-for.`,
      "`openclaw-vitals check --watch-for 2m` watches the gateway.",
    );
  return parseDuration("--watch-for", text, { least: "1s", most: "1h" });
}

function every(command: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (command !== "watch")
    throw new UserError(`\`${command}\` has no --every.`, "It belongs to `openclaw-vitals watch`.");
  return parseDuration("--every", text, { least: "5s", most: "24h" });
}

/** Whether the output has to be JSON even if the rest of the command line is wrong. */
export function isJson(argv: readonly string[]): boolean {
  return argv.some(
    (arg, index) => arg === "--json" || arg === "--format=json" || (arg === "json" && argv[index - 1] === "--format"),
  );
}

function parse(argv: readonly string[]) {
  // `--repair` stands alone like the host's flag, except after `undo`, where it takes a number.
  const args = argv.includes("undo") ? [...argv] : argv.map((arg) => (arg === "--repair" ? "--fix" : arg));
  try {
    return parseArgs({ args, options: FLAGS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UserError(`${(error as Error).message.split(/\.\s/)[0]}.`, "See `openclaw-vitals --help`.");
  }
}
