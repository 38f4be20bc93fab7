import type { Terminal } from "./terminal.ts";

/** Shows a spinner on stderr while work runs; silent unless stderr is a terminal. */
export async function withProgress<T>(
  terminal: Terminal,
  text: string,
  wanted: boolean,
  work: (say: (text: string) => void) => Promise<T>,
): Promise<T> {
  if (!wanted || !terminal.stderr.isTTY) return await work(() => {});
  const { default: ora } = await import("ora");
  const spinner = ora({ text, stream: terminal.stderr, discardStdin: false }).start();
  try {
    return await work((now) => {
      spinner.text = now;
    });
  } finally {
    spinner.stop();
  }
}
