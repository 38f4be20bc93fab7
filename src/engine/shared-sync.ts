import type { Journal } from "./journal.ts";

/**
 * One sync for all lines that were written before it. Each who has written one asks for a function that returns once it
 * is on the disk: the first call of all syncs.
 */
export function sharedSync(journal: Pick<Journal, "flush">): () => () => void {
  let next: (() => void) | undefined;
  const newSync = (): (() => void) => {
    let failure: { readonly why: unknown } | undefined;
    const sync = (): void => {
      if (next === sync) {
        next = undefined;
        try {
          journal.flush();
        } catch (why) {
          failure = { why }; // a second try may succeed and still have lost what the first one did not write
        }
      }
      if (failure !== undefined) throw failure.why;
    };
    return sync;
  };
  return () => {
    next ??= newSync();
    return next;
  };
}
