/** What is read once, when first asked for. */
export function once<T>(read: () => T): () => T {
  let value: { read: T } | undefined;
  return () => {
    value ??= { read: read() };
    return value.read;
  };
}

/** One run has one grace: a second call gets the first one's answer. */
export function perGrace<T>(read: (graceSeconds: number) => Promise<T>): (graceSeconds: number) => Promise<T> {
  const known = new Map<number, Promise<T>>();
  return async (graceSeconds) => {
    const answer = known.get(graceSeconds) ?? read(graceSeconds);
    known.set(graceSeconds, answer);
    return await answer;
  };
}
