/** The first Ctrl-C ends a watch and lets it report; a second one ends the command. */
export async function untilInterrupted<T>(
  watches: boolean,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (!watches) return await work(undefined);
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once("SIGINT", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
  }
}
