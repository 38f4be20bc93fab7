import { Writable } from "node:stream";
import { runCli } from "../../src/cli/main.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

/** What a run of the command line wrote and returned. */
export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Collector extends Writable {
  text = "";
  readonly isTTY = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Runs the command in this process, on streams that are no terminal. */
export async function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliRun> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const terminal = { stdout, stderr, stdin: { isTTY: false }, env: { PATH: "", ...env } } as unknown as Terminal;
  const code = await runCli(args, terminal);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** As `cli` with `--json`; fails unless stdout is one JSON document and nothing else. */
export async function cliJson(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const run = await cli([...args, "--json"], env);
  if (!/^[^\n]*\n$/.test(run.stdout)) throw new Error(`not one document: ${run.stdout}`);
  // biome-ignore lint/suspicious/noExplicitAny: the document is what the tests look into
  return { ...run, document: JSON.parse(run.stdout) as any };
}
