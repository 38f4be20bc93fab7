import { canDraw, painter, type Terminal } from "./terminal.ts";

/** Says on stderr what goes on. */
export interface Spinner {
  say(text: string): void;
  stop(): void;
}

/** Silent unless stderr is a terminal that may be drawn over. */
export async function openSpinner(terminal: Terminal): Promise<Spinner> {
  // A terminal that does not know its width says 0 (`script`, a serial line): ora would clear lines without end.
  if (!canDraw(terminal, false) || terminal.stderr.columns === 0) return { say() {}, stop() {} };
  const { default: ora } = await import("ora");
  // By itself it does not heed NO_COLOR.
  const colored = painter(terminal.stderr, true)("cyan", " ") !== " ";
  const spinner = ora({ stream: terminal.stderr, discardStdin: false, ...(colored ? {} : { color: false }) });
  return { say: (text) => void spinner.start(text), stop: () => void spinner.stop() };
}

/** Shows a spinner while work runs, if it is wanted. */
export async function withProgress<T>(
  terminal: Terminal,
  text: string,
  wanted: boolean,
  work: (say: (text: string) => void) => Promise<T>,
): Promise<T> {
  if (!wanted) return await work(() => {});
  const spinner = await openSpinner(terminal);
  spinner.say(text);
  try {
    return await work(spinner.say);
  } finally {
    spinner.stop();
  }
}

/** What a spinner says while a gateway is watched. */
export function watching(leftMs: number): string {
  return `Watching the gateway, ${Math.ceil(leftMs / 1000)} s left`;
}
