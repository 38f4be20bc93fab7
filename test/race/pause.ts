const cell = new Int32Array(new SharedArrayBuffer(4));

/** Owner of the stale locks in the duel: a pid that the kernel gives to nobody, though a lock may name it. */
export const DEAD_PID = 4_194_304;

/**
 * Waits for a random time below `most` milliseconds: half the time awake, for the races between two processors, half
 * the time asleep, for those where one process is put aside while the other runs on (a busy machine knows no others).
 */
export function pause(most: number): void {
  const ms = Math.random() * most;
  if (Math.random() < 0.5) {
    Atomics.wait(cell, 0, 0, ms);
    return;
  }
  const end = performance.now() + ms;
  while (performance.now() < end);
}
