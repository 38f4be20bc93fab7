import type { Diagnosis } from "../engine/diagnose.ts";

/** What the shell is told of a command that was interrupted before it had anything to say: 128 + SIGINT. */
const INTERRUPTED = 130;
/** Between two looks there is always a breath, however long a look takes. Milliseconds. */
const LEAST_PAUSE_MS = 1000;

export interface Looking {
  readonly look: () => Promise<Diagnosis>;
  /** From the start of a look to the start of the next; a look that takes longer is followed by the next, never met. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** @param nextMs when the next look is due, since the epoch. */
  onLook(diagnosis: Diagnosis, nextMs: number): void;
  /** A look failed that is not the first one. */
  onFailure(error: unknown, nextMs: number): void;
  /** Tests bring their own. */
  readonly clock?: LookingClock;
}

export interface LookingClock {
  now(): number;
  /** Settles after so much time, or at once when the signal comes. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export interface Looked {
  /** Of the last look: 0 or 1, 2 when it failed, 130 when there was none. */
  readonly code: number;
  /** A look was still at work when the signal came. */
  readonly unfinished: boolean;
}

/** Looks again and again until the signal comes. @throws what the first look throws. */
export async function keepLooking(options: Looking): Promise<Looked> {
  const { look, everyMs, signal, onLook, onFailure, clock = systemClock } = options;
  const interrupted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  let code = INTERRUPTED;
  while (!signal.aborted) {
    const began = clock.now();
    const seen = await Promise.race([
      look().then(
        (diagnosis) => ({ diagnosis }),
        (error: unknown) => ({ error }),
      ),
      interrupted,
    ]);
    if (seen === null) return { code, unfinished: true };
    const pauseMs = Math.max(LEAST_PAUSE_MS, everyMs - (clock.now() - began));
    const nextMs = clock.now() + pauseMs;
    if ("diagnosis" in seen) {
      code = seen.diagnosis.ok ? 0 : 1;
      onLook(seen.diagnosis, nextMs);
    } else {
      if (code === INTERRUPTED) throw seen.error;
      code = 2;
      onFailure(seen.error, nextMs);
    }
    await clock.pause(pauseMs, signal);
  }
  return { code, unfinished: false };
}

const systemClock: LookingClock = {
  now: Date.now,
  async pause(ms, signal) {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  },
};
