import type { Terminal } from "./terminal.ts";

/** A signal this soon after a Ctrl-C is the same one: a launcher passes on what the terminal sent too. Milliseconds. */
const SAME_MS = 300;
const CTRL_C = 3;

/** Somebody pressed Ctrl-C where nothing has begun that would have to be finished. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor() {
    super("Interrupted. Nothing was changed.");
  }
}

/** What a command may do about Ctrl-C. */
export interface Interrupts {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Work that may be left at any moment. @throws Interrupted */
  leave<T>(work: () => Promise<T>): Promise<T>;
  /** Work that heeds the signal itself; another Ctrl-C leaves it. @throws Interrupted */
  heed<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Work that is to heed the signal itself and is awaited; another Ctrl-C ends the process at once.
   * @param alone no one else reads the keys meanwhile: they are taken one by one, so that none becomes a signal
   * to the programs that work for us or that started us.
   */
  finish<T>(work: () => Promise<T>, alone: boolean): Promise<T>;
}

/** Takes Ctrl-C over while `work` runs. */
export async function withInterrupts<T>(
  terminal: Terminal,
  exitCode: number,
  work: (interrupts: Interrupts) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const again = new AbortController();
  let finishing = false;
  let last = Number.NEGATIVE_INFINITY;
  const interrupt = (): void => {
    last = performance.now();
    if (signal.aborted && finishing) {
      terminal.stderr.write(`${LEFT}\n`);
      terminal.exit?.(exitCode);
    } else if (finishing) terminal.stderr.write(`${FINISHING}\n`);
    if (signal.aborted) again.abort();
    controller.abort();
  };
  const hear = (): void => {
    if (performance.now() - last >= SAME_MS) interrupt();
  };
  terminal.on?.("SIGINT", hear);
  try {
    return await work({
      signal,
      async leave(work) {
        return await Promise.race([work(), untilAborted(signal)]);
      },
      async heed(work) {
        return await Promise.race([work(), untilAborted(again.signal)]);
      },
      async finish(work, alone) {
        if (signal.aborted) throw new Interrupted();
        finishing = true;
        const release = alone ? takeKeys(terminal.stdin, interrupt) : () => {};
        try {
          return await work();
        } finally {
          finishing = false;
          release();
        }
      },
    });
  } finally {
    terminal.off?.("SIGINT", hear);
  }
}

const FINISHING =
  "Interrupted: what has begun is brought to its end, the rest is left out. Ctrl-C again leaves at once.";
const LEFT = "Left at once. What was begun is in the journal, and the next `openclaw-vitals fix` brings it to an end.";

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new Interrupted());
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** Reads keys as they are pressed. @returns to give the terminal back as it was. */
function takeKeys(stdin: Terminal["stdin"], interrupt: () => void): () => void {
  if (!stdin.isTTY) return () => {};
  const read = (keys: Buffer | string): void => {
    if (Buffer.from(keys).includes(CTRL_C)) interrupt();
  };
  stdin.setRawMode(true);
  stdin.on("data", read);
  stdin.resume();
  return () => {
    stdin.off("data", read);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
