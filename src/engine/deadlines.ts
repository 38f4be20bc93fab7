/** No check may keep a run from ending, and no run may keep who started it from going on. Milliseconds. */
const CHECK_MS = 20_000;
const RUN_MS = 90_000;

/** How long the next check may take, this long after the run began; a watch of the gateway is not counted. */
export function deadlineAfter(elapsedMs: number, watchForMs = 0): number {
  return Math.max(0, Math.min(CHECK_MS + watchForMs, RUN_MS + watchForMs - elapsedMs));
}

/** What the work comes to. @throws Error when it has no time, or does not come to an end in it. */
export async function within<T>(deadlineMs: number, work: () => Promise<T>): Promise<T> {
  if (deadlineMs <= 0) throw new Error("no time was left for it, the others took too long");
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not finished after ${Number((deadlineMs / 1000).toFixed(2))} s`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
