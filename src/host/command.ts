/** How the host's doctor was called, as far as it concerns us; null when another command runs. */
export interface DoctorCommand {
  readonly repairs: boolean;
  /** `--lint` or `--json`: its output is data, nothing may be added. */
  readonly data: boolean;
  readonly nonInteractive: boolean;
  readonly yes: boolean;
  readonly force: boolean;
}

/** Flags of the host before the command that take a value. */
const VALUE_FLAGS = new Set(["--profile", "--log-level", "--container"]);

/** Where the command stands in the host's command line, after the host's own flags. */
export function commandIndex(argv: readonly string[]): number {
  let index = 2;
  while (argv[index]?.startsWith("-")) index += VALUE_FLAGS.has(argv[index] as string) ? 2 : 1;
  return index;
}

/** Reads the host's own command line. The contract module is imported by other commands too. */
export function doctorCommand(argv: readonly string[]): DoctorCommand | null {
  const index = commandIndex(argv);
  if (argv[index] !== "doctor") return null;
  const flags = new Set(argv.slice(index + 1));
  const has = (...names: string[]): boolean => names.some((name) => flags.has(name));
  return {
    repairs: has("--fix", "--repair", "--yes", "--force"),
    data: has("--lint", "--json", "--post-upgrade", "--help", "-h"),
    nonInteractive: has("--non-interactive"),
    yes: has("--yes"),
    force: has("--force"),
  };
}
