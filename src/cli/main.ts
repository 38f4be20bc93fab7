import { errorText, UserError } from "../engine/errors.ts";
import { packageVersion } from "../package.ts";
import check from "./commands/check.ts";
import { Interrupted } from "./interrupts.ts";
import { writeJson } from "./json-output.ts";
import { type CliOptions, COMMANDS, isJson, parseCommandLine } from "./options.ts";
import { canAsk, columnsOf, plain, type Terminal, toJson } from "./terminal.ts";

export { inProcessOfOurOwn } from "../young-generation.ts";

export const EXIT = { clean: 0, findings: 1, failed: 2, interrupted: 130 } as const;

/**
 * What a command came to: exit code, and its document for `--json` or its text for people. Without a document it has
 * written by itself.
 */
export interface CommandResult {
  readonly code: number;
  readonly document: unknown;
  readonly text: string;
}

export type Command = (options: CliOptions, terminal: Terminal) => Promise<CommandResult>;

const COMMAND_MODULES: Record<string, () => Promise<{ default: Command }>> = {
  // What runs before each agent command is loaded with us: to find one more file costs more than to read it.
  check: async () => ({ default: check }),
  fix: () => import("./commands/fix.ts"),
  undo: () => import("./commands/undo.ts"),
  history: () => import("./commands/history.ts"),
  watch: () => import("./commands/watch.ts"),
  report: () => import("./commands/report.ts"),
  baseline: () => import("./commands/baseline.ts"),
  preflight: () => import("./commands/preflight.ts"),
  list: () => import("./commands/list.ts"),
  explain: () => import("./commands/explain.ts"),
  policy: () => import("./commands/policy.ts"),
  demo: () => import("./commands/demo.ts"),
};

/**
 * Runs the command line and returns its exit code: 0 nothing found or left, 1 findings, 2 the tool failed, 130 Ctrl-C.
 * Never throws; with `--json` stdout is one JSON document in every case, with `watch` one a line for each look.
 */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  const json = isJson(argv);
  try {
    const options = parseCommandLine(argv);
    // What draws prompts and spinners asks the environment.
    if (!options.color) terminal.env["NO_COLOR"] = "1";
    const { code, document, text } = await run(options, terminal);
    const { stdout } = terminal;
    // What is to be pasted or is laid out already stays as it is.
    const prose = options.format === "human" && !["report", "explain"].includes(options.command);
    if (!json) stdout.write(prose ? await fitted(text, stdout) : text);
    else if (document !== undefined) await writeJson(stdout, document);
    return code;
  } catch (error) {
    if (json) terminal.stdout.write(`${toJson(failureDocument(error))}\n`);
    terminal.stderr.write(await fitted(failureText(error), terminal.stderr));
    return error instanceof Interrupted ? EXIT.interrupted : EXIT.failed;
  }
}

/** A text as wide as the terminal it is written to; a pipe takes it as it is. */
async function fitted(text: string, stream: NodeJS.WriteStream): Promise<string> {
  const columns = columnsOf(stream);
  return columns === undefined ? text : (await import("./wrap.ts")).wrap(text, columns);
}

/** That of this process. What a run does not write to is not even opened. */
const ownTerminal: Terminal = {
  get stdout() {
    return forgiving(process.stdout);
  },
  get stderr() {
    return forgiving(process.stderr);
  },
  get stdin() {
    return process.stdin;
  },
  env: process.env,
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => process.exit(code),
};

function forgiving<T extends NodeJS.WriteStream>(stream: T): T {
  if (!stream.listeners("error").includes(forgive)) stream.on("error", forgive);
  return stream;
}

/** A reader that went away (`| head`) is no failure of ours. */
function forgive(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** As `runCli` for this process, which ends with that exit code. */
export async function runProcess(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCli(argv, ownTerminal);
  // What was left behind, such as a reader that waits, must not keep it from ending.
  if (process.exitCode === EXIT.interrupted) process.exit();
}

async function run(options: CliOptions, terminal: Terminal): Promise<CommandResult> {
  if (options.version)
    return { code: EXIT.clean, document: { version: packageVersion() }, text: `${packageVersion()}\n` };
  if (options.help) return { code: EXIT.clean, document: { commands: COMMANDS }, text: helpText() };
  const load = isGuided(options, terminal)
    ? () => import("./commands/guided.ts")
    : (COMMAND_MODULES[options.command] as () => Promise<{ default: Command }>);
  return await (await load()).default(options, terminal);
}

/** Whether a person on a terminal is shown what is wrong and asked what to repair. */
function isGuided({ command, named, format, yes, dryRun, quiet, nonInteractive }: CliOptions, terminal: Terminal) {
  const offers = command === "fix" ? !yes && !dryRun : !named && !quiet;
  return offers && format === "human" && canAsk(terminal, nonInteractive);
}

/** The document of a command that failed. */
export function failureDocument(error: unknown) {
  return {
    schemaVersion: 1,
    ok: false,
    checksRun: 0,
    checksSkipped: 0,
    findings: [],
    tool: { name: "openclaw-vitals", version: packageVersion() },
    error: { message: errorText(error), ...(error instanceof UserError ? { remedy: error.remedy } : {}) },
  };
}

function failureText(error: unknown): string {
  if (error instanceof Interrupted) return `${error.message}\n`;
  if (error instanceof UserError) return `openclaw-vitals: ${errorText(error)} ${plain(error.remedy)}\n`;
  return `openclaw-vitals failed: ${errorText(error)}\nThis is a defect of openclaw-vitals; nothing was left half done. Please report it.\n`;
}

function helpText(): string {
  const commands = Object.values(COMMANDS).map(({ usage, summary }) => `  ${usage.padEnd(29)} ${summary}`);
  return [
    "openclaw-vitals: the vital signs of an OpenClaw install.",
    "It says what is wrong, with evidence, and makes repairs that can be undone.",
    "",
    "Usage: openclaw-vitals [command] [flags]",
    "",
    "  (no command)                  On a terminal: show what is wrong, offer the repairs. Else: check.",
    ...commands,
    "",
    "  --state-dir <dir>          State directory (default: as OpenClaw finds it)",
    "  --config <file>            openclaw.json to read",
    "  --policy <file>            Policy, JSON or YAML",
    "  --only <id>, --skip <id>   Choose checks, or measures of `baseline`; repeatable",
    "  --severity-min <level>     info, warning or error: leave out what is less; exit 1 from there on",
    "  --format <format>          human, json, and for check and fix also sarif, markdown, prometheus",
    "  --json                     Short for --format json",
    "  --host-version <version>   OpenClaw version, when none is installed here",
    "  --watch-for <duration>     check, fix: watch the gateway for so long, e.g. 2m (check: or Ctrl-C)",
    "  --every <duration>         watch: from look to look, 5s to 24h; default 5m",
    "  --non-interactive          Never ask: safe repairs only",
    "  --yes                      Also repairs that need a yes",
    "  --force                    Also repairs that interrupt running work; report: replace the file",
    "  --output <file>            report: file.zip or file.md instead of Markdown on stdout",
    "  --with-diagnostics         report: add OpenClaw's own diagnostics export",
    "  --no-color, --quiet, --help, --version",
    "",
    "Exit: 0 nothing found (fix: nothing left), 1 findings (baseline: a regression, preflight: a",
    "blocker), 2 the tool failed, 130 Ctrl-C.",
    "",
  ].join("\n");
}
